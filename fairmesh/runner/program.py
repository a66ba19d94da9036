"""Start the program of an attempt in a process group of its own, end it, and collect its exit status and usage."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..schedulers import job_scheduler
from . import jsonfiles, owner
from .processes import MAXRSS_UNIT, ProcessTree
from .protocol import FORMAT

KILLED_ENDS = 200  # hundredths of a second
GRACE = 10.0  # seconds between the request to end and the kill
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Usage(NamedTuple):
    """The usage of a program and its waited-for children: CPU seconds and bytes."""

    cpu_s: float
    peak_bytes: int


class Program:
    """A started program.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    folder : str
        Its working folder.
    environment : dict
        Its complete environment.
    log : int
        The open file for its output; unlike a pipe, it stays usable if the runner is killed.
    process_file : str
        The file for the identity of the process, with which a later runner can end it.
    inherited : sequence of int
        Open files that it inherits.
    is_client : bool
        Whether it is the client of an engine of containers, which passes signals on.

    Raises
    ------
    OSError
        If it cannot be started, or its identity cannot be written.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: str,
        environment: Dict[str, str],
        log: int,
        process_file: str,
        inherited: Sequence[int] = (),
        is_client: bool = False,
    ) -> None:
        self._tree, self._is_client = ProcessTree(), is_client

        def write_identity() -> None:
            jsonfiles.write(process_file, dict(owner.describe(os.getpid()), format=FORMAT))

        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=tuple(inherited),
                preexec_fn=write_identity,  # noqa: PLW1509  the runner has no other thread
            )
        except subprocess.SubprocessError:
            raise OSError(errno.EIO, "cannot be written", process_file) from None
        self.pid = self._process.pid
        self.exit_code: Optional[int] = None
        self.usage = Usage(0.0, 0)
        self._kill_at: Optional[float] = None

    def has_ended(self) -> bool:
        """Return whether the program has ended; if so, kill its remaining processes."""
        if self.exit_code is None:
            self._reap()
        if self.exit_code is None and self._kill_at is not None and time.monotonic() > self._kill_at:
            self._signal(signal.SIGKILL)
        return self.exit_code is not None

    def _reap(self) -> None:
        self._tree.reap(self.pid)
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid:
            if self._is_client:  # what belongs to the container ends by itself
                self._await_adopted()
            self._signal(signal.SIGKILL)
            self.exit_code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._process.returncode = self.exit_code
            self._await_adopted()
            cpu_s = used.ru_utime + used.ru_stime + self._tree.cpu_s
            self.usage = Usage(cpu_s, max(used.ru_maxrss * MAXRSS_UNIT, self._tree.peak_bytes))

    def roots(self) -> List[int]:
        """Return its process and the orphans that it left: all that descends from it descends from one of them."""
        return [self.pid, *self._tree.adopted(self.pid)]

    def _await_adopted(self) -> None:
        """Wait until orphans that were killed have ended, so that their usage counts."""
        for _ in range(KILLED_ENDS):
            self._tree.reap(self.pid)
            if not self._tree.adopted(self.pid):
                return
            time.sleep(0.01)

    def end(self, wait: Callable[[float], None]) -> None:
        """End all remaining processes, and wait until they have ended."""
        if self.exit_code is None:
            self.request_end()
        while not self.has_ended():
            wait(0.05)

    def kill(self) -> None:
        """Kill all remaining processes."""
        if self.exit_code is None:
            self._signal(signal.SIGKILL)

    def request_end(self, number: int = signal.SIGTERM, grace: Optional[float] = None) -> None:
        """Signal all its processes to end; kill them after the grace period."""
        self._signal(number)
        if self._kill_at is None:
            self._kill_at = time.monotonic() + (GRACE if grace is None else grace)

    def _signal(self, number: int) -> None:
        if not self._is_client or number == signal.SIGKILL:  # a client passes signals on; twice would be once too often
            self._tree.signal_outside_group(self.pid, number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Signals:
    """The signals that the runner has received, as a set; no code runs in a handler."""

    def __init__(self) -> None:
        self.seen: Set[int] = set()
        self._ends: Tuple[int, ...] = PASSED_ON
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)

    @contextlib.contextmanager
    def caught(self) -> Iterator["Signals"]:
        """Catch the signals that end a job; those that the parent process ignores (nohup, &) stay ignored.

        Signals with which a scheduler announces other events are ignored.
        """
        scheduler = job_scheduler()
        announced = [getattr(signal, name) for name in (scheduler.end_signals if scheduler else ())]
        self._ends = tuple(dict.fromkeys([*PASSED_ON, *announced]))
        numbers = [n for n in self._ends if signal.getsignal(n) is not signal.SIG_IGN]
        before = {n: signal.signal(n, _nothing) for n in [*numbers, signal.SIGCHLD]}
        for name in scheduler.harmless_signals if scheduler else ():
            before[getattr(signal, name)] = signal.signal(getattr(signal, name), signal.SIG_IGN)
        wakeup = signal.set_wakeup_fd(self._write)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Sleep until a signal arrives or the time is over."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if ready:
            self.seen.update(os.read(self._read, 4096))

    def first_end(self) -> int:
        """Return the first signal that requests the end, or 0."""
        return next((number for number in self._ends if number in self.seen), 0)


def name_of(number: int) -> str:
    """Return the name of a signal; real-time signals have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _nothing(_number: int, _frame: Any) -> None:
    """No-op: the wake-up descriptor reports the signal."""

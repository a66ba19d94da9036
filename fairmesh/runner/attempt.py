"""One attempt: from the claim to the commit."""

import contextlib
import os
import signal
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, TypeVar, Union

from ..schedulers import current_job
from . import commit, environment, jsonfiles, limit, owner, protocol, provenance, text
from .claims import PROCESS, Claims
from .container import CANNOT_START, signal_of
from .job import Job
from .leases import Leases, TooMuchError
from .machine_lock import MachineLock
from .mllog import Events, milliseconds
from .output import Output
from .program import PASSED_ON, Program, Signals, name_of
from .retry import Retry
from .safefiles import read_regular
from .status import Status, cancel_reason
from .telemetry import Telemetry

LOOK_FOR_CANCEL = 2.0  # seconds
LOOK_FOR_HOLDER = 10.0  # seconds
NEARLY_ALL = 0.95
LONGEST_REASON = 1000  # characters

Result = TypeVar("Result")


class End(NamedTuple):
    """The end of an attempt, and the signal that ends the program if it still runs."""

    state: str
    reason: str = ""
    signal: int = signal.SIGTERM
    grace: Optional[float] = None


class Interrupted(Exception):
    """Raised when the attempt must end while its results are read."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end


class Attempt:
    """An attempt whose claim this process holds."""

    def __init__(self, job: Job, number: int, signals: Signals, retry: Retry) -> None:
        self.job, self.number, self.signals, self.retry = job, number, signals, retry
        self.claims = Claims(job.folder)
        self.folder = self.claims.attempt_folder(number)
        status = os.path.join(self.folder, protocol.STATUS)
        self.status = Status(status, number, owner.current_process(), job.run, job.fingerprint)
        self.output = Output(self.folder, self.status)
        self.events = Events(self.folder, job.experiment)
        self._copies: Dict[str, bytes] = {}
        self._program: Optional[Program] = None
        self._container = job.container(self.folder)
        self._started = jsonfiles.now()
        self._began = time.monotonic()
        self._ended_ms = 0
        self._looked = 0.0
        self._limit = limit.Limit()

    def run(self) -> End:
        """Run the program, commit a valid result, and leave no process of the program behind."""
        try:
            end = self._execute()
        except Interrupted as error:
            end = error.end
        except BaseException as error:  # noqa: BLE001  recorded in the state
            end = End(protocol.FAILED, reason_of(error))
        self._end_program()
        self._write_end(end)
        return end

    def persist(self, action: Callable[[], Result]) -> Result:
        """Return the result of an action, repeated while the attempt's folder is unavailable."""
        return self.retry.persist(action, self.status.write)

    def _end_program(self) -> None:
        if self._program is None:
            return
        try:
            self._program.end(self.signals.wait)
        except BaseException:  # noqa: BLE001  kill it after any error
            self._program.kill()
        if self._container and (self._program.exit_code or 0) < 0:  # its client was killed
            with contextlib.suppress(OSError):
                self._container.remove()

    def _write_end(self, end: End) -> None:
        """Write the final state, even if the program removed its folder."""
        exit_code = self._program.exit_code if self._program else None
        with contextlib.suppress(OSError):
            self.persist(lambda: self.events.close(self._ended_ms or milliseconds()))
        try:
            self.persist(lambda: self.status.end(end.state, end.reason, exit_code))
        except OSError:
            with contextlib.suppress(OSError):
                os.stat(self.job.folder)
                os.makedirs(self.folder, exist_ok=True)
                self.status.write_in_place()

    def _execute(self) -> End:
        self.persist(self._prepare)
        stages = self.job.stage_folders()
        experiment = self.job.experiment
        name = f"{self.job.name} of {experiment.get('study', 'a shared stage')}"
        lock = MachineLock(self.job.exclusive, name)
        leases = self._leases(name)
        stopped = self._wait_for(lock) or self._wait_for(leases)
        if stopped:
            return stopped
        self._apply(leases)
        init_ms = milliseconds()
        command = self.job.command(stages)
        code = self.job.experiment.get("code", {})
        if self._container:
            self._container.prepare(self._pause)
        digest = self.persist(lambda: environment.record(self.job.home, command[0], code, self._container))
        telemetry = Telemetry(os.path.join(self.folder, protocol.TELEMETRY), self.job.exclusive)
        if not self.job.experiment.get("stage"):
            self.persist(lambda: self.events.open(init_ms))
        program = self.persist(lambda: self._start(command, stages, [*lock.descriptors, *leases.descriptors]))
        asked = self._watch(program, telemetry)
        seconds, self._ended_ms, usage = time.monotonic() - self._began, milliseconds(), telemetry.usage(program)
        with contextlib.suppress(OSError):  # an unreadable log does not invalidate the result
            self.persist(self.output.read_rest)
        end = asked or self._natural_end(program.exit_code or 0)
        if end.state != protocol.DONE:
            with contextlib.suppress(OSError):
                self.persist(telemetry.flush)
            return end
        self.persist(telemetry.flush)
        return self.persist(lambda: self._commit(seconds, usage, digest))

    def _prepare(self) -> None:
        """Clean up after the previous attempt, and create this one's folder with copies of its inputs."""
        if self.number > 1:
            self.claims.end_leftovers(self.number - 1)
            before = self.job.container(self.claims.attempt_folder(self.number - 1))
            if before:
                before.remove()
        if commit.read(self.job.folder, self.job.fingerprint):  # forced: an old result must not hide a failure
            commit.set_aside(self.job.folder)
        os.makedirs(self.folder, exist_ok=True)
        self.retry.keep_open(self.folder)
        for name in (protocol.CONFIG, protocol.EXPERIMENT):
            self._copies[name] = read_regular(os.path.join(self.job.folder, name))
        self._write_copies()
        self.status.set_state(protocol.QUEUED)

    def _write_copies(self) -> None:
        """Write the copies that are missing: the program may have removed them."""
        for name, content in self._copies.items():
            path = os.path.join(self.folder, name)
            if not os.path.lexists(path):
                jsonfiles.write_bytes(path, content)

    def _leases(self, name: str) -> Leases:
        """Return what to lease: nothing under a scheduler, or for an experiment that has the machine for itself."""
        try:
            return Leases({} if self.job.exclusive or current_job() else self.job.lease, name)
        except TooMuchError as error:
            raise commit.Refused(str(error)) from None

    def _apply(self, leases: Leases) -> None:
        """Restrict the program to its cores and GPUs, and record them."""
        leased = leases.apply(os.environ)
        if leased:
            self.status.values["leased"] = leased

    def _wait_for(self, lock: Union[MachineLock, Leases]) -> Optional[End]:
        """Wait until a lock is free; return the end of the attempt if it is ended while it waits."""
        asked, looked = self._requested_end(), 0.0
        while not asked and not current_job() and not lock.try_take():
            if time.monotonic() - looked > LOOK_FOR_HOLDER:
                looked, before = time.monotonic(), self.status.values["message"]
                self.status.values["message"] = lock.reason()
                if self.status.values["message"] != before:
                    self._set_state(protocol.QUEUED)
            self._beat()
            self.signals.wait(0.25)
            asked = self._requested_end()
        return asked

    def _set_state(self, state: str, **values: Any) -> None:
        self.retry.try_write(lambda: self.status.set_state(state, **values))

    def _beat(self) -> None:
        """Write a heartbeat when it is due; while the folder is unavailable, try to write."""
        if self.retry.is_failing:
            self.retry.try_write(self.status.write)
        else:
            self.retry.try_to(self.status.beat)

    def _start(self, command: List[str], stages: Dict[str, str], inherited: List[int]) -> Program:
        self._started, self._began = jsonfiles.now(), time.monotonic()
        call, variables = self._call(command, stages)
        try:
            self._program = program = Program(
                call,
                self.folder,
                variables,
                self.output.descriptor,
                os.path.join(self.folder, PROCESS),
                inherited,
                is_client=self._container is not None and self._container.has_engine,
            )
        except (FileNotFoundError, PermissionError) as error:
            if error.filename == self.folder:
                raise
            raise commit.Refused(f"its command {command[0]!r} cannot be started: {error.strerror}") from None
        self.status.values["message"] = ""
        self._set_state(protocol.RUNNING, started=self._started)
        self._limit = limit.of_program(self.job.experiment["resources"].get("runtime"))
        return program

    def _call(self, command: List[str], stages: Dict[str, str]) -> Tuple[List[str], Dict[str, str]]:
        """Return the command and the environment of the program, or of the client of its container."""
        container = self._container
        if container is None:
            return command, self.job.environment(self.folder, stages)
        variables = container.variables(self.job.variables(self.folder, stages))
        return container.command(command, variables, container.name), container.environment(variables)

    def _watch(self, program: Program, telemetry: Telemetry) -> Optional[End]:
        """Monitor a program until it ends; return the requested end, if any.

        Data that cannot be written now is kept and written later.
        """
        asked: Optional[End] = None
        try_to = self.retry.try_to
        while True:
            is_last = signal.SIGCHLD in self.signals.seen
            try_to(lambda: telemetry.take(program, last=is_last))  # noqa: B023  called at once
            self.signals.seen.discard(signal.SIGCHLD)
            if program.has_ended():
                return asked or self._late_signal(program)
            try_to(self.output.read_new)
            self._note_memory(telemetry.resident_bytes)
            self._beat()
            if asked is None:
                asked = self._requested_end()
                if asked:
                    program.request_end(asked.signal, asked.grace)
            self.signals.wait(telemetry.due_in())

    def _natural_end(self, exit_code: int) -> End:
        """Return the end of a program that nobody asked to end."""
        code = signal_of(exit_code) if self._container else exit_code
        if self._container and exit_code == CANNOT_START:
            return End(protocol.FAILED, f"{self._container.program} could not start its container: see its log")
        return _natural_end(code, str(self.status.values["memory"]))

    def _pause(self) -> None:
        """Write a heartbeat while results are read; raise Interrupted if the attempt must end."""
        self._beat()
        asked = self._requested_end()
        if asked:
            raise Interrupted(asked)

    def _late_signal(self, program: Program) -> Optional[End]:
        """Wait briefly for the signal that ended the program: a scheduler signals this process too, maybe later."""
        looks = 5 if -(program.exit_code or 0) in PASSED_ON else 0
        for _ in range(looks):
            if self.signals.first_end():
                return self._requested_end()
            self.signals.wait(0.1)
        return None

    def _note_memory(self, used: int) -> None:
        """Record at once that the program uses nearly all memory of its job, for which it may be killed."""
        job = current_job()
        allowed = job.memory if job else 0
        if allowed and used > NEARLY_ALL * allowed and not self.status.values["memory"]:
            words = f"it used {used >> 20} MB of memory, and its job has {allowed >> 20} MB"
            self._set_state(protocol.RUNNING, memory=words)

    def _requested_end(self) -> Optional[End]:
        number = self.signals.first_end()
        passed_on = number if number in PASSED_ON else signal.SIGTERM
        if number or time.monotonic() - self._looked > LOOK_FOR_CANCEL:
            self._looked = time.monotonic()
            cancelled = cancel_reason(self.job.folder) or cancel_reason(self.job.run_folder)
            if cancelled:  # also if the scheduler's signal came first
                return End(protocol.CANCELLED, cancelled, passed_on)
        if self._limit.is_reached(signalled=bool(number)):
            return End(protocol.TIMEOUT, self._limit.reason, grace=self._limit.grace)
        if number:
            return End(protocol.CANCELLED, "stopped by " + name_of(number), passed_on)
        return End(protocol.FAILED, self.retry.reason) if self.retry.reason else None

    def _commit(self, seconds: float, usage: Dict[str, Any], digest: str) -> End:
        """Commit the program's result; an unavailable folder raises OSError instead of missing files."""
        os.stat(self.folder)
        self._write_copies()
        experiment = self.job.experiment
        is_stage = bool(experiment.get("stage"))
        metrics = {} if is_stage else commit.read_metrics(self.folder, experiment.get("required", ()))
        baselines = commit.read_baselines(self.folder)
        if experiment.get("keep"):
            commit.keep_only(self.folder, experiment["keep"])
        if self.claims.highest() > self.number:
            return End(protocol.LOST, "another attempt took over")
        self.events.close(self._ended_ms, metrics)
        passed_on = (
            "study",
            "machine",
            "id",
            "key",
            "fingerprint",
            "application",
            "parameters",
            "axes",
            "resources",
            "stages",
        )
        content: Dict[str, Any] = {"format": protocol.FORMAT}
        content.update((key, experiment[key]) for key in passed_on)
        if experiment.get("owner"):
            content["owner"] = experiment["owner"]
        content["application"] = {key: experiment["application"].get(key, "") for key in ("name", "version", "code")}
        content.update(
            attempt=self.number,
            run=self.job.run,
            state=protocol.DONE,
            started=self._started,
            ended=jsonfiles.now(),
            seconds=round(seconds, 3),
            metrics=metrics,
            baselines=baselines,
            usage=usage,
            environment=digest,
            provenance=provenance.of_attempt(experiment, self.job.home),
            files=commit.list_files(self.job.folder, self.folder, self._pause),
        )
        os.stat(self.folder)
        commit.write(self.job.folder, content)
        return End(protocol.DONE)


def _natural_end(exit_code: int, memory: str) -> End:
    if exit_code == 0:
        return End(protocol.DONE)
    if exit_code < 0:
        why = ": " + memory if memory and exit_code == -signal.SIGKILL else ""
        return End(protocol.FAILED, f"killed by {name_of(-exit_code)}{why}")
    return End(protocol.FAILED, f"exit code {exit_code}")


def reason_of(error: BaseException) -> str:
    """Return a description of an error in one printable line."""
    if isinstance(error, OSError) and error.strerror:
        reason = f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, (commit.Refused, OSError)):
        reason = str(error)
    else:
        reason = f"unexpected error in the runner: {type(error).__name__} {error} ({_place(error)})"
    return " ".join(text.printable_lines(reason[:LONGEST_REASON]).split())


def _place(error: BaseException) -> str:
    """Return the file and line in which an error was raised."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "unknown place"

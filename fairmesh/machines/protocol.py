"""Send a request to a machine and read its answer, over the standard streams of a process there.

Nothing is installed on the machine: the first code is sent as text (``fairmesh.target.bootstrap``, which describes the
messages), and the runner, from which the rest is imported, once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import select
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, cast

from fairmesh.errors import FairmeshError
from fairmesh.jobs.render import archive
from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from fairmesh.runner import jsonfiles
from fairmesh.runner.text import printable_lines
from fairmesh.target.streams import BLOCK, CutError, StreamReader, StreamWriter

LARGEST_ANSWER = 1 << 27  # bytes of an answer's JSON
MOST_VALUES = 1 << 23  # in an answer, since each takes much more memory than it has bytes
LARGEST_BANNER = 1 << 22  # bytes that a login shell may print before the answer
LARGEST_ERRORS = 1 << 24  # bytes of what ssh and the machine print beside their answer
LONGEST_WORK = 24 * 3600.0  # seconds that a machine may work on a request with files
RESERVE = 1 << 28  # bytes that stay free on this computer when files arrive
_LOOK = 1.0  # seconds
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)
_LOCK = threading.Lock()  # the threads of all machines need the runner at the same time
_LOADER = "import sys;exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"


class NoAnswerError(FairmeshError):
    """Raised if the connection ended before the answer; the transport knows the reason by the exit status.

    Parameters
    ----------
    output : str
        The last lines that arrived, which are no messages.
    has_begun : bool
        Whether a message arrived before.
    """

    def __init__(self, output: str, has_begun: bool) -> None:
        super().__init__(output)
        self.has_begun = has_begun


def remote_command(python: str) -> str:
    r"""Return the command for the shell of a machine, of any kind: a login shell of sh finds schedulers and Python.

    Parameters
    ----------
    python : str
        Python on the machine; a name or path without special characters, as machines.yaml allows.

    Examples
    --------
    >>> remote_command("python3")[:37]
    'sh -lc \'exec python3 -ISc "import sys'
    """
    return f"sh -lc 'exec {python} -ISc \"{_LOADER}\"'"


def local_command(python: str) -> list[str]:
    """Return the command for a process of this computer."""
    return [python, "-ISc", _LOADER]


@dataclass
class Connection:
    """The standard streams of a process on a machine.

    Parameters
    ----------
    reading, writing : int
        Descriptors from and to the process.
    host : str
        The name of the machine in messages.
    timeout : float
        Seconds without any progress after which the machine counts as unreachable.
    errors : int, optional
        Descriptor of the file that gets its standard error.
    """

    reading: int
    writing: int
    host: str
    timeout: float
    errors: int | None = None
    _buffer: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)

    def read(self, size: int) -> bytes:
        """Return so many bytes; fewer if the connection ended."""
        while len(self._buffer) < size and self._fill():
            pass
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_line(self) -> bytes:
        """Return a line, also a last one without an end; empty if the connection ended.

        Raises
        ------
        RefusedError
            If it is too long.
        """
        begin = 0
        while (end := self._buffer.find(b"\n", begin)) < 0:
            begin = len(self._buffer)
            if begin > LARGEST_BANNER:
                raise RefusedError(f"{self.host} writes without an end before it answers")
            if not self._fill():
                end = len(self._buffer) - 1
                break
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises
        ------
        BrokenPipeError
            If the process has ended; it may have answered before.
        UnreachableError
            If they are not received in time.
        """
        rest = memoryview(data)
        while rest:
            self._wait([], [self.writing])
            try:
                rest = rest[os.write(self.writing, rest[:BLOCK]) :]
            except BlockingIOError:
                continue

    def _fill(self) -> bool:
        self._wait([self.reading], [])
        try:
            data = os.read(self.reading, BLOCK)
        except BlockingIOError:
            return True
        self._buffer += data
        return bool(data)

    def _wait(self, reading: list[int], writing: list[int]) -> None:
        poll = select.poll()
        for descriptor in reading:
            poll.register(descriptor, select.POLLIN)
        for descriptor in writing:
            poll.register(descriptor, select.POLLOUT)
        deadline = time.monotonic() + self.timeout
        while not poll.poll(1000 * max(0.0, min(_LOOK, deadline - time.monotonic()))):
            self._check_errors()
            if time.monotonic() >= deadline:
                raise UnreachableError(f"{self.host} gave no answer within {self.timeout:.0f} s")
        self._check_errors()

    def _check_errors(self) -> None:
        """Check that the standard error does not fill the disk."""
        if self.errors is not None and os.fstat(self.errors).st_size > LARGEST_ERRORS:
            raise RefusedError(f"{self.host} writes messages without an end")


def exchange(
    connection: Connection,
    request: Mapping[str, Any],
    base: str,
    payload: Callable[[BinaryIO], None] | None = None,
    save: Path | None = None,
) -> dict[str, Any]:
    """Send a request over a fresh connection; return the answer.

    Parameters
    ----------
    connection : Connection
        The streams of a process that runs ``remote_command``.
    request : mapping
        The verb and its arguments.
    base : str
        The base folder on the machine.
    payload : callable, optional
        Writes the bytes that follow the request.
    save : Path, optional
        The file for the bytes that follow the answer; it exists only if they are complete.

    Raises
    ------
    NoAnswerError
        If the connection ended before the answer.
    UnreachableError
        If there is no progress, or the answer is cut.
    RefusedError, RequestError
        If the machine cannot carry the request out, until a person acts, or now.
    """
    nonce = secrets.token_hex(16)
    header = {"nonce": nonce, "base": base, "runner": _runner_sha256(), "request": dict(request)}
    code = _bootstrap()
    _send(connection, b"%d\n" % len(code) + code + json.dumps(header).encode() + b"\n")
    replies = {"runner": lambda: _send(connection, b"%d\n" % len(_runner()) + _runner())}
    if payload is not None:
        replies["payload"] = lambda: _send_payload(connection, payload)
    messages = _Messages(connection, nonce, LONGEST_WORK if payload or save else 60 * connection.timeout)
    while True:
        words = messages.next()
        if len(words) == 1 and words[0] in replies:
            replies.pop(words[0])()  # each once
        elif len(words) == 3 and words[0] == "answer" and _LENGTH.fullmatch(words[1]):
            return _finish(connection, _answer(connection, int(words[1]), words[2]), save)
        else:
            raise UnreachableError(f"{connection.host} sent a message that fairmesh does not know")


@dataclass
class _Messages:
    """Reads messages, and skips what a login shell prints before them."""

    connection: Connection
    nonce: str
    longest_work: float
    has_begun: bool = False

    def next(self) -> list[str]:
        """Return the words of the next message that is no sign of life."""
        begun = time.monotonic()
        while (words := self._next()) == ["wait"]:
            if time.monotonic() - begun > self.longest_work:
                raise UnreachableError(f"{self.connection.host} gave no answer within {self.longest_work:.0f} s")
        return words

    def _next(self) -> list[str]:
        skipped, begun = bytearray(), time.monotonic()
        while True:
            line = self.connection.read_line()
            words = line.decode("utf-8", "replace").split()
            if words[:1] == [self.nonce]:
                self.has_begun = True
                return words[1:]
            if not line:
                output = printable_lines(skipped[-2000:].decode("utf-8", "replace")).strip()
                raise NoAnswerError(output, self.has_begun)
            skipped += line
            if len(skipped) > LARGEST_BANNER or time.monotonic() - begun > 10 * self.connection.timeout:
                raise RefusedError(f"{self.connection.host} writes without an end before it answers")


def _send(connection: Connection, data: bytes) -> None:
    with suppress(BrokenPipeError):  # its output before the end is read next
        connection.write(data)


def _send_payload(connection: Connection, payload: Callable[[BinaryIO], None]) -> None:
    """Send the bytes that follow a request; if the process ends before, its answer has the reason."""
    stream = StreamWriter(connection.write)
    try:
        payload(cast(BinaryIO, stream))  # it has the methods that writers of archives need
        stream.close()
    except BrokenPipeError:
        return
    except UnreachableError:
        raise
    except BaseException:
        with suppress(BrokenPipeError, UnreachableError):
            stream.abort()
        raise


def _answer(connection: Connection, length: int, sha256: str) -> dict[str, Any]:
    if length > LARGEST_ANSWER:
        raise UnreachableError(f"the answer of {connection.host} is too large: {length} bytes")
    data = connection.read(length)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UnreachableError(f"the answer of {connection.host} did not arrive whole")
    if sum(data.count(sign) for sign in b",[{") > MOST_VALUES:
        raise UnreachableError(f"the answer of {connection.host} is too large: more than {MOST_VALUES} values")
    try:
        answer = jsonfiles.parse(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnreachableError(f"the answer of {connection.host} is not valid")
    if "error" in answer:
        reason = " ".join(printable_lines(str(answer["error"])[:1000]).split())
        kind = RequestError if answer.get("kind") == "retry" else RefusedError
        raise kind(f"{connection.host}: {reason}")
    return answer


def _finish(connection: Connection, answer: dict[str, Any], save: Path | None) -> dict[str, Any]:
    """Save the bytes that follow an answer."""
    size = answer.pop("payload", None)
    if size is None or save is None:
        return answer
    _check_space(connection.host, size, save)
    beside = save.with_name(f".{save.name}.{os.getpid()}.half")
    try:
        with beside.open("wb") as file:
            _copy(StreamReader(connection.read), file, size)
        beside.replace(save)
    except CutError as error:
        raise UnreachableError(f"the files of {connection.host} did not arrive whole: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return answer


def _copy(stream: StreamReader, file: BinaryIO, size: int) -> None:
    while block := stream.read(BLOCK):
        file.write(block)
        if file.tell() > size:
            raise CutError("there is more than was announced")


def _check_space(host: str, size: object, save: Path) -> None:
    """Check that announced files fit on the disk of this computer."""
    if not isinstance(size, int):
        raise UnreachableError(f"the answer of {host} is not valid")
    free = shutil.disk_usage(save.parent).free - RESERVE
    if size > free:
        raise RequestError(f"{host} has {size} bytes to send, and {max(0, free)} can be stored in {save.parent}")


@cache
def _bootstrap() -> bytes:
    return resources.files("fairmesh.target").joinpath("bootstrap.py").read_bytes()


def _runner() -> bytes:
    with _LOCK:
        return _cached_runner()


@cache
def _cached_runner() -> bytes:
    return archive()


@cache
def _runner_sha256() -> str:
    return hashlib.sha256(_runner()).hexdigest()

"""A transport by the standard streams of a process: on this computer, or of a program that reaches another one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from fairmesh.errors import FairmeshError
from fairmesh.machines.protocol import Connection, NoAnswerError, exchange, local_command
from fairmesh.machines.transport import ANSWER, RefusedError, UnreachableError
from fairmesh.runner.text import lines_of

_LAST = 5.0  # seconds for a process to end after its answer
STARTS_NOTHING = (1, 2, 126, 127)  # exit status of a shell that cannot start a program, and of a Python that is too old


class ProcessTransport:
    """Carries requests to a process of this computer, for each request a new one.

    Parameters
    ----------
    base : str or Path
        The base folder.
    python : str
        The Python that carries requests out.
    host : str
        The name in messages.
    environment : mapping, optional
        The environment of the process; by default that of this one.
    """

    def __init__(
        self,
        base: str | Path,
        python: str = sys.executable,
        host: str = "this computer",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._base, self._python, self._host, self._environment = str(base), python, host, environment

    @property
    def host(self) -> str:
        """The name of the computer in messages."""
        return self._host

    def environment(self) -> Mapping[str, str] | None:
        """Return the variables of the process; None for those of this one."""
        return self._environment

    def command(self) -> Sequence[str]:
        """Return the program that speaks the protocol on its standard streams."""
        return local_command(self._python)

    def failure(self, status: int, output: str, has_begun: bool) -> FairmeshError:
        """Return the error of a process that ended without an answer.

        Parameters
        ----------
        status : int
            Its exit status; negative for a signal.
        output : str
            The last lines that it printed.
        has_begun : bool
            Whether Python has begun to carry the request out.
        """
        reason = f"{self.host}: {output or f'it ended with status {status}'}"
        is_final = not has_begun and status in STARTS_NOTHING
        return RefusedError(reason) if is_final else UnreachableError(reason)

    def call(
        self,
        request: Mapping[str, Any],
        payload: Callable[[BinaryIO], None] | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Send a request; return the answer; see ``Transport``."""
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self.command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=self.environment(),
                    start_new_session=True,
                    bufsize=0,
                )
            except OSError as error:
                raise RefusedError(f"{self.command()[0]}: {error.strerror}") from error
            try:
                return self._exchange(process, errors, request, payload, save, timeout)
            finally:
                _end(process)

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        errors: BinaryIO,
        request: Mapping[str, Any],
        payload: Callable[[BinaryIO], None] | None,
        save: Path | None,
        timeout: float,
    ) -> dict[str, Any]:
        assert process.stdin is not None  # noqa: S101  it is a pipe
        assert process.stdout is not None  # noqa: S101
        connection = Connection(process.stdout.fileno(), process.stdin.fileno(), self.host, timeout, errors.fileno())
        try:
            return exchange(connection, request, self._base, payload, save)
        except NoAnswerError as error:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST)
            lines = [*str(error).splitlines(), *_last_lines(errors)]
            raise self.failure(process.poll() or 0, "; ".join(lines[-3:]), error.has_begun) from error

    def close(self) -> None:
        """No connection stays open."""


def _last_lines(file: BinaryIO) -> list[str]:
    size = os.fstat(file.fileno()).st_size
    return lines_of(os.pread(file.fileno(), 1 << 14, max(0, size - (1 << 14))))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the streams of a process, and end it if it does not end by itself."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(_LAST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""Charts are drawn in a process of its own: under a limit of memory or processes V8 ends the process it runs in."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Literal

from fairmesh.errors import FairmeshError
from fairmesh.site.plain import plain_json, plain_text

Call = Literal["vegalite_to_svg", "javascript_bundle"]

_PATIENCE = 120.0  # seconds for one chart
_CRASHES = 2  # in a row; then nothing is tried any more
_LONGEST = 200  # characters of a reason


class RendererError(FairmeshError):
    """A chart could not be drawn; the text says why."""


class Renderer:
    """Draws charts; after a crash the next chart gets a new process, after two in a row there is none.

    Parameters
    ----------
    command : tuple of str
        The program: it reads a call a line as JSON, and answers each with a line.
    """

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", __name__)) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._crashes = 0
        self._last = ""

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def svg(self, specification: dict[str, Any]) -> str:
        """Return the picture of a Vega-Lite specification.

        Raises
        ------
        RendererError
            If there is none, because the specification is wrong or the renderer ended.
        """
        return self._ask("vegalite_to_svg", plain_json(specification))

    def bundle(self, snippet: str) -> str:
        """Return Vega, Vega-Lite and Vega-Embed with a line of JavaScript that uses them, as one script.

        Raises
        ------
        RendererError
            If the renderer ended.
        """
        return self._ask("javascript_bundle", snippet)

    def _ask(self, call: Call, argument: str) -> str:
        if self._crashes >= _CRASHES:
            raise RendererError(self._last)
        try:
            answer = self._exchange({"call": call, "argument": argument})
        except (OSError, EOFError, ValueError) as error:
            self._crashes += 1
            self._last = self._reason(error)
            raise RendererError(self._last) from error
        self._crashes = 0
        if "error" in answer:
            raise RendererError(" ".join(plain_text(str(answer["error"])).split())[:_LONGEST])
        return str(answer["result"])

    def _exchange(self, request: dict[str, str]) -> dict[str, Any]:
        """Send a request and return the answer, whatever the process does meanwhile."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a crash prints its stack
                bufsize=0,
            )
        assert self._process.stdin is not None  # noqa: S101  both are pipes
        assert self._process.stdout is not None  # noqa: S101
        _write(self._process.stdin.fileno(), json.dumps(request).encode() + b"\n")
        found = json.loads(_read_line(self._process.stdout.fileno()))
        if not isinstance(found, dict) or not found.keys() & {"result", "error"}:
            raise ValueError("no answer")
        return found

    def _reason(self, error: Exception) -> str:
        """Return why there is no answer, and end what is left of the process."""
        if self._process is None:
            return f"the chart renderer does not start: {getattr(error, 'strerror', None) or type(error).__name__}"
        if isinstance(error, TimeoutError):
            self._end()
            return f"the chart renderer did not answer for {_PATIENCE:.0f} s"
        code = self._end(patience=5)
        how = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return f"the chart renderer ended ({how}); a limit of memory (`ulimit -v`) or of processes may be the reason"

    def _end(self, patience: float = 0) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        return process.wait()


def _write(pipe: int, data: bytes) -> None:
    """Write all of the data; a closed pipe raises BrokenPipeError."""
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _read_line(pipe: int) -> bytes:
    """Read up to the end of a line, as long as the patience lasts."""
    end = time.monotonic() + _PATIENCE
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    data = bytearray()
    while not data.endswith(b"\n"):
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(pipe, 1 << 16)
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def serve() -> None:
    """Answer the calls on standard input until it ends."""
    import vl_convert  # noqa: PLC0415  it loads V8, which only this process may do

    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            answer = {"result": str(getattr(vl_convert, request["call"])(request["argument"]))}
        except Exception as error:  # noqa: BLE001  whatever is wrong with one chart, the next one may be right
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()

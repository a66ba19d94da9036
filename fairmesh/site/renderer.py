"""Draw charts in a process of its own, because V8 ends its process under a limit of memory or processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from types import TracebackType
from typing import Any, Literal

from fairmesh.errors import FairmeshError
from fairmesh.site.escaping import compact_json, safe_text

Call = Literal["vegalite_to_svg", "javascript_bundle"]

_TIMEOUT = 120  # seconds for one chart
_CRASHES = 2  # in a row, after which no chart is drawn
_LONGEST = 200  # characters of a reason


class RendererError(FairmeshError):
    """Raised when a chart cannot be drawn; the text says why."""


class Renderer:
    """Draws charts; after a crash the next chart gets a new process, after two in a row there is none.

    Parameters
    ----------
    command : tuple of str
        The program: it reads calls as JSON, a line each, and answers each with a line.
    """

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", __name__)) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._crashes = 0
        self._last_reason = ""

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
        return self._call("vegalite_to_svg", compact_json(specification))

    def bundle(self, snippet: str) -> str:
        """Return one script of Vega, Vega-Lite and Vega-Embed, and of a line of JavaScript that uses them.

        Raises
        ------
        RendererError
            If the renderer ended.
        """
        return self._call("javascript_bundle", snippet)

    def _call(self, call: Call, argument: str) -> str:
        if self._crashes >= _CRASHES:
            raise RendererError(self._last_reason)
        try:
            answer = self._exchange({"call": call, "argument": argument})
        except (OSError, ValueError) as error:
            self._crashes += 1
            self._last_reason = self._why_ended(error)
            raise RendererError(self._last_reason) from error
        self._crashes = 0
        if "error" in answer:
            raise RendererError(" ".join(safe_text(str(answer["error"])).split())[:_LONGEST])
        return str(answer["result"])

    def _exchange(self, request: dict[str, str]) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        OSError, ValueError
            If the process does not start, or ends before it has answered.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a crash prints its stack
            )
        assert self._process.stdin is not None  # noqa: S101  both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if not isinstance(answer, dict) or not answer.keys() & {"result", "error"}:
            raise ValueError("no answer")
        return answer

    def _why_ended(self, error: Exception) -> str:
        """Return why there is no answer, and end the process if it still runs."""
        if self._process is None:
            return f"the chart renderer does not start: {getattr(error, 'strerror', None) or type(error).__name__}"
        code = self._end(patience=5)
        if code == -signal.SIGALRM:
            return f"the chart renderer did not answer for {_TIMEOUT} s"
        how = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return f"the chart renderer ended ({how}); a limit of memory (`ulimit -v`) or of processes may be the reason"

    def _end(self, patience: float = 0) -> int:
        """End the process and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            process.communicate(timeout=patience)  # closes its standard input
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode


def serve() -> None:
    """Answer the calls on standard input until it ends; SIGALRM ends the process if a call takes too long."""
    signal.alarm(_TIMEOUT)
    import vl_convert  # noqa: PLC0415  it loads V8, which only this process may do

    for line in sys.stdin.buffer:
        signal.alarm(_TIMEOUT)  # its default action ends native code, too
        request = json.loads(line)
        try:
            answer = {"result": str(getattr(vl_convert, request["call"])(request["argument"]))}
        except Exception as error:  # noqa: BLE001  one wrong chart does not end the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
        signal.alarm(0)


if __name__ == "__main__":
    serve()

"""The finish hook: a command that is called once at the end of a run. Its failure does not fail the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairmesh.printing import print_lines
from fairmesh.study.settings import Finish

TIMEOUT = 60.0  # seconds


class FinishHook:
    """The command that is called at the end of a run.

    Parameters
    ----------
    finish : Finish
        The configuration of the hook.
    """

    def __init__(self, finish: Finish) -> None:
        self._finish = finish

    def preflight_warnings(self) -> Iterator[str]:
        """Yield warnings about problems at the end of the run."""
        command = self._finish.command
        if command and not shutil.which(command[0]):
            yield f"finish: program {command[0]!r}, to be called at the end of the run, is not found"

    def call(self, exit_code: int, summary: Callable[[], Mapping[str, Any]]) -> None:
        """Call the command if it is configured, and print a warning if that fails.

        Parameters
        ----------
        exit_code : int
            The exit code of the run.
        summary : callable
            Returns the JSON input of the command; not called if there is no command.
        """
        if not self._finish.command or (self._finish.when == "failure" and not exit_code):
            return
        try:
            body = json.dumps(summary(), ensure_ascii=False).encode()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  invalid results must not fail the ended run
            _warn(f"no summary to send: {type(error).__name__}: {error}")
            return
        try:
            problem = self._run(body)
        except KeyboardInterrupt:
            problem = "interrupted"
        if problem:
            _warn(problem)

    def _run(self, body: bytes) -> str:
        """Run the command; return an error message, or an empty text."""
        program = self._finish.command[0]
        try:
            # In a new session, so that another Ctrl-C does not end it.
            done = subprocess.run(
                self._finish.command, check=False, input=body, timeout=TIMEOUT, start_new_session=True
            )
        except OSError as error:
            return f"{program}: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"{program} did not end within {TIMEOUT:.0f} s"
        return f"{program} ended with status {done.returncode}" if done.returncode else ""


def _warn(text: str) -> None:
    print_lines(f"warning: finish: {text}", file=sys.stderr, flush=True)

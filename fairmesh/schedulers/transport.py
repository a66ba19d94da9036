"""Run a scheduler's programs on this computer; another class with the same methods can run them elsewhere."""

import os
import re
import shutil
import subprocess
from typing import NamedTuple, Sequence

ANSWER = 30.0  # seconds


class SchedulerError(Exception):
    """Raised if a scheduler refuses a request, or does not answer.

    Parameters
    ----------
    reason : str
        Its message in one line, without the name of the program.
    is_transient : bool
        Whether the same call can succeed later: the queue is full, or the controller is unavailable.
    is_unanswered : bool
        Whether there was no answer, so that the request may have succeeded nevertheless.
    """

    def __init__(self, reason: str, is_transient: bool = False, is_unanswered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_transient = is_transient or is_unanswered
        self.is_unanswered = is_unanswered


class Output(NamedTuple):
    """The exit status and output of a program."""

    status: int
    stdout: str
    stderr: str


class LocalTransport:
    """Runs programs on this computer."""

    def has(self, program: str) -> bool:
        """Return whether a program is in the path."""
        return bool(shutil.which(program))

    def run(
        self,
        command: Sequence[str],
        text: str = "",
        timeout: float = ANSWER,
        hidden: str = "",
        is_inherited: bool = False,
    ) -> Output:
        """Run a program to its end.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments, without a shell.
        text : str, optional
            Its standard input.
        timeout : float, optional
            The time limit in seconds.
        hidden : str, optional
            A regular expression: environment variables whose names begin like this are not passed on.
        is_inherited : bool, optional
            Whether a job inherits the environment, so that nothing is added to it; otherwise messages are in English.

        Raises
        ------
        SchedulerError
            If the program is missing, or does not end in time. An exit status other than 0 is no error here.
        """
        environment = {name: value for name, value in os.environ.items() if not (hidden and re.match(hidden, name))}
        if not is_inherited:
            environment["LC_ALL"] = "C"
        try:
            done = subprocess.run(  # noqa: UP022  Python 3.6
                list(command),
                check=False,
                input=text.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            reason = f"{command[0]} gave no answer within {timeout:.0f} s"
            raise SchedulerError(reason, is_unanswered=True) from None
        except OSError as error:
            raise SchedulerError(f"{command[0]}: {error.strerror}") from None
        return Output(done.returncode, *(part.decode(errors="replace") for part in (done.stdout, done.stderr)))

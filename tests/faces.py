"""Faces of a working folder that listen: the REST service and the monitor, as processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.e2e.workplace import ROOT, Workplace
from tests.waiting import wait_until


class Face:
    """A face that can be started, and started again.

    Parameters
    ----------
    workplace : Workplace
        Where it works.
    verb : str
        ``serve`` or ``monitor``.
    more : str
        Further options.
    """

    def __init__(self, workplace: Workplace, verb: str, more: str = "") -> None:
        self.workplace, self.verb, self.more = workplace, verb, more
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.token = workplace.folder / "token"
        self.log = workplace.folder / f"{verb}.log"
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it as a shell does in the background: with SIGINT ignored."""
        face = f"{sys.executable} -m fairmesh.cli {self.verb} --port {self.port} --token-file token {self.more}"
        environment = self.workplace.environment | {"PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", f"trap '' INT; exec {face}"],
                cwd=self.workplace.folder,
                env=environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"the verb {self.verb}")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def shown_token(self) -> str:
        """Return the token that it made."""
        return self.token.read_text().strip()

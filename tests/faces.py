"""Faces of a working folder that listen: the REST service and the monitor, as processes of their own."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import suppress
from typing import IO

from tests.e2e.workplace import ROOT, Workplace
from tests.waiting import wait_until


class Terminal:
    """What a program writes to a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._text = descriptor, ""
        os.set_blocking(descriptor, False)

    def read(self) -> str:
        """Return everything that was written so far."""
        with suppress(OSError):
            while part := os.read(self._descriptor, 4096):
                self._text += part.decode()
        return self._text

    def wait_for(self, pattern: str) -> str:
        """Wait for a text, and return it."""
        wait_until(lambda: re.search(pattern, self.read()), pattern)
        match = re.search(pattern, self._text)
        assert match
        return match[0]


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
        with self.log.open("ab") as log:
            self._start(log)

    def start_in_terminal(self) -> Terminal:
        """Start it as a person in a terminal does, which is returned."""
        ours, its = pty.openpty()
        with os.fdopen(its, "wb") as output:
            self._start(output)
        return Terminal(ours)

    def _start(self, output: IO[bytes]) -> None:
        face = f"{sys.executable} -m fairmesh.cli {self.verb} --port {self.port} --token-file {self.token} {self.more}"
        self._process = subprocess.Popen(
            ["bash", "-c", f"trap '' INT; exec {face}"],
            cwd=self.workplace.folder,
            env=self.workplace.environment | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
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

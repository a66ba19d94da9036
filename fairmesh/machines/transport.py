"""The interface of transports, which carry requests to a machine and bring back its answers.

On the machine, ``fairmesh.target`` answers. A request and an answer are maps, each with an optional stream of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from fairmesh.errors import FairmeshError

ANSWER = 60.0  # seconds


class UnreachableError(FairmeshError):
    """Raised if a machine does not answer now; the same request may succeed later.

    The request may have been carried out nevertheless: every request can be repeated safely.
    """


class RefusedError(FairmeshError):
    """Raised if a person must act first: an unknown or changed host key, no permission, no Python."""


class RequestError(FairmeshError):
    """Raised if the machine received a request and reports that it cannot carry it out: a full disk, a missing file."""


class Transport(Protocol):
    """Carries requests to one computer."""

    @property
    def host(self) -> str:
        """The name of the computer in messages."""

    def call(
        self,
        request: Mapping[str, Any],
        payload: Callable[[BinaryIO], None] | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Send a request; return the answer.

        Parameters
        ----------
        request : mapping
            The verb and its arguments, as JSON.
        payload : callable, optional
            Writes the bytes that follow the request.
        save : Path, optional
            The file for the bytes that follow the answer; it is complete if the call returns.
        timeout : float
            Seconds without any progress after which the machine counts as unreachable.

        Raises
        ------
        UnreachableError, RefusedError, RequestError
            If there is no answer, or a bad one.
        """

    def close(self) -> None:
        """End open connections."""


@runtime_checkable
class CopiesFiles(Protocol):
    """A transport that also copies files by another program, which goes on where an earlier copy was cut."""

    def copy_files(self, results: Path, names: Iterable[str], target: str, program: str) -> None:
        """Copy files into a folder of the computer; see ``fairmesh.machines.rsync.copy``."""

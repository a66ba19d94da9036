"""The interface of a machine's computers: one host of ssh, or as many rented ones as are wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fairmesh.machines.transport import Transport


@dataclass(frozen=True)
class Computer:
    """One computer that runs experiments.

    Parameters
    ----------
    name : str
        Its name among the computers of its machine; empty for a machine that is one host.
    transport : Transport
        Carries requests to it.
    slots : int
        The number of experiments that are on it at the same time.
    ends : float
        When a rented computer is destroyed, in seconds of the epoch; what cannot end before is not started on it.
    """

    name: str
    transport: Transport
    slots: int
    ends: float = math.inf


class Computers(Protocol):
    """The computers of one machine."""

    def ready(self, wanted: int) -> Sequence[Computer]:
        """Return the computers that can be used now; begin to create missing ones, without waiting for them.

        Parameters
        ----------
        wanted : int
            The number of experiments that wait or run.

        Raises
        ------
        UnreachableError, RefusedError, RequestError
            If the provider does not answer, or refuses.
        """

    def is_gone(self, name: str) -> bool:
        """Return whether a computer certainly exists no more, so that what ran there has ended."""

    def messages(self) -> Sequence[str]:
        """Return what the user should know, one line each: all since the last call."""

    def release(self, is_final: bool = False) -> None:
        """Note that nothing is wanted any more; rented computers end after a pause.

        Parameters
        ----------
        is_final : bool
            Whether nothing more will be wanted in this run: then rented computers end at once.
        """

    def close(self) -> None:
        """End open connections."""


class SingleComputer:
    """The computers of a machine that is one host.

    Parameters
    ----------
    transport : Transport
        Carries requests to the host.
    slots : int
        The number of experiments that are on it at the same time.
    """

    def __init__(self, transport: Transport, slots: int) -> None:
        self._computer = Computer("", transport, slots)

    def ready(self, wanted: int) -> Sequence[Computer]:
        """Return the host, however much is wanted."""
        del wanted
        return [self._computer]

    def is_gone(self, name: str) -> bool:
        """Return False: a host that does not answer may come back."""
        del name
        return False

    def messages(self) -> Sequence[str]:
        """Return nothing: a host reports nothing by itself."""
        return []

    def release(self, is_final: bool = False) -> None:
        """No-op: the host stays."""

    def close(self) -> None:
        """End open connections."""
        self._computer.transport.close()

"""Rented machines: instances are created while experiments wait for them, work as hosts of ssh, and are destroyed.

A thread of the machine asks the provider; the dispatcher never waits for it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.access import Access
from fairmesh.machines.computers import Computer, Computers
from fairmesh.machines.fleet import Fleet
from fairmesh.machines.home import home_name
from fairmesh.machines.providers import make_provider
from fairmesh.machines.providers.base import HOME, MACHINE, STUDY
from fairmesh.machines.rentals import READY, Journal, Rental
from fairmesh.machines.ssh import SshTransport
from fairmesh.machines.transport import RefusedError, Transport, UnreachableError
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.study.machines import Machine

BUSY, CALM = 5.0, 20.0  # seconds between two lists, while instances come and go, and otherwise
CLOSING = 120.0  # seconds in which everything must be destroyed at the end
NOTHING_LEFT = "all its experiments have ended"
CHECK = 30.0  # seconds for the answer of a new instance

Connect = Callable[[str, Machine], Transport]


class InstanceConnections:
    """Connections to instances; calls are made in threads, since one may hang for a minute.

    Parameters
    ----------
    name : str
        The machine's name, for messages.
    access : Access
        Keys and files of ssh.
    connect : callable
        Returns the transport to a host of ssh; gets the name and the settings of the host.
    home : str
        The name of the results folder on other machines.
    """

    def __init__(self, name: str, access: Access, connect: Connect, home: str) -> None:
        self._name, self._access, self._connect, self._home = name, access, connect, home
        self._transports: dict[tuple[str, str, int], Transport] = {}
        self._checks: dict[str, _Check] = {}
        self._lock = threading.Lock()

    def authorized_keys(self) -> Sequence[str]:
        """Return the public keys that may log in."""
        return self._access.authorized_keys()

    def transport(self, rental: Rental) -> Transport:
        """Return the transport to an instance, a new one if its address has changed."""
        key = (rental.token, rental.address, rental.port)
        with self._lock:
            if key not in self._transports:
                self._transports[key] = self._connect(self._name, self._access.host(rental))
            return self._transports[key]

    def check(self, rental: Rental) -> str | None:
        """Return why an instance does not answer, an empty text if it does; None until that is known."""
        last = self._checks.get(rental.token)
        if last is None or (last.is_over and last.reason):
            new = _Check(
                lambda: self.transport(rental).call({"verb": "hello"}, timeout=CHECK), last.reason if last else None
            )
            self._checks[rental.token] = new
            return new.reason
        return last.reason

    def renew(self, rental: Rental, minutes: float) -> None:
        """Renew the switch of an instance; a failure is no error, since the next renewal follows."""
        request = {"verb": "renew", "home": self._home, "seconds": math.ceil(minutes * 60)}
        _Check(lambda: self.transport(rental).call(request, timeout=CHECK), None)

    def forget(self, rental: Rental) -> None:
        """End connections to an instance that is gone."""
        with self._lock:
            for key in [key for key in self._transports if key[0] == rental.token]:
                self._transports.pop(key).close()
        self._checks.pop(rental.token, None)
        self._access.forget(rental)

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()


class _Check:
    """A call in a thread; its reason is that of the call before until it is over."""

    def __init__(self, call: Callable[[], object], reason: str | None) -> None:
        self.reason, self.is_over = reason, False
        self._call = call
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._call()
            self.reason = ""
        except (FairmeshError, OSError) as error:
            self.reason = str(error)
        finally:
            self.is_over = True


class CloudComputers:
    """The instances of a rented machine, as the dispatcher sees them.

    Parameters
    ----------
    fleet : Fleet
        Creates and destroys them.
    connections : InstanceConnections
        Reach them.
    messages : list of str
        Where the fleet announces.
    clock : callable
        Returns the seconds since 1970.
    """

    def __init__(
        self,
        fleet: Fleet,
        connections: InstanceConnections,
        messages: list[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fleet, self._connections, self._messages, self._clock = fleet, connections, messages, clock
        self._wanted, self._is_final = 0, False
        self._idle_since = clock()
        self._wake, self._is_closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"instances of {fleet.name}")
        self._thread.start()

    def ready(self, wanted: int) -> Sequence[Computer]:
        """Return the instances that answer; missing ones are created in the background.

        Raises
        ------
        UnreachableError, RefusedError
            If there is none, and the provider does not answer or the machine is paused.
        """
        self._want(wanted)
        rentals = self._fleet.ready()
        problem = self._fleet.problem
        if wanted and not rentals and problem is not None:
            raise problem
        now, slots = self._clock(), self._fleet.machine.slots
        return [
            Computer(rental.token, self._connections.transport(rental), slots, self._fleet.ends(rental, now))
            for rental in rentals
        ]

    def is_gone(self, name: str) -> bool:
        """Return whether the provider has an instance no more."""
        rental = self._fleet.journal.get(name)
        return rental is not None and not rental.is_open

    def messages(self) -> Sequence[str]:
        """Return what happened since the last call."""
        lines = self._messages[:]
        del self._messages[: len(lines)]
        return lines

    def release(self, is_final: bool = False) -> None:
        """Note that nothing is wanted any more: instances end after ``idle`` minutes, at once if it is final."""
        self._want(0)
        if is_final and not self._is_final:
            self._is_final = True
            self._wake.set()

    def close(self) -> None:
        """End the thread; if nothing is wanted any more, destroy everything and wait until the provider says so."""
        self._is_closed.set()
        self._wake.set()
        self._thread.join(CLOSING)
        if not self._wanted and not self._thread.is_alive():
            self._destroy_all()
        self._connections.close()

    def _want(self, wanted: int) -> None:
        if wanted and not self._wanted:
            self._is_final = False
            self._wake.set()
        if not wanted and self._wanted:
            self._idle_since = self._clock()
        self._wanted = wanted

    def _run(self) -> None:
        while not self._is_closed.is_set():
            self._step()
            self._wake.wait(self._interval())
            self._wake.clear()

    def _interval(self) -> float | None:
        """Return the seconds until the next step; None if there is nothing to look at until something is wanted."""
        rentals = self._fleet.journal.open()
        if not rentals and not self._wanted:
            return None
        is_settled = rentals and len(self._fleet.ready()) == len(rentals)
        return min(CALM, self._fleet.renewal) if is_settled else BUSY

    def _step(self) -> None:
        now = self._clock()
        if not self._wanted and not self._fleet.journal.open():
            return
        try:
            self._destroy_idle(now)
            self._fleet.step(self._wanted, now, is_growing=self._wanted > 0)
        except (FairmeshError, OSError) as error:
            self._fleet.problem = UnreachableError(f"{self._fleet.name}: {error}")
        except Exception as error:  # noqa: BLE001  the thread must go on: it destroys what costs money
            self._fleet.problem = RefusedError(f"{self._fleet.name}: internal error: {type(error).__name__}: {error}")

    def _destroy_idle(self, now: float) -> None:
        """Destroy instances that nothing has needed for a while, or that nothing will need."""
        if self._wanted:
            return
        if self._is_final:
            self._fleet.destroy_all(NOTHING_LEFT, now)
        elif now - self._idle_since > self._fleet.machine.idle * 60:
            self._fleet.destroy_all(f"nothing to do for {self._fleet.machine.idle:g} min", now)

    def _destroy_all(self) -> None:
        deadline = time.monotonic() + CLOSING
        while (rentals := self._fleet.journal.open()) and time.monotonic() < deadline:
            self._fleet.destroy_all(NOTHING_LEFT, self._clock())
            self._step()
            time.sleep(min(BUSY, 1.0) if self._fleet.journal.open() else 0)
        if rentals := self._fleet.journal.open():
            names = ", ".join(rental.label for rental in rentals)
            name = self._fleet.name
            self._messages.append(f"{name}: not certainly destroyed: {names}; run `fairmesh machines down {name}`")


class KnownInstances:
    """The instances of earlier runs, for commands that look at jobs: nothing is created, destroyed or asked for.

    Parameters
    ----------
    machine : Machine
        The settings.
    journal : Journal
        The instances; that of a living run may be ahead.
    connections : InstanceConnections
        Reach them.
    """

    def __init__(self, machine: Machine, journal: Journal, connections: InstanceConnections) -> None:
        self._machine, self._journal, self._connections = machine, journal, connections

    def ready(self, wanted: int) -> Sequence[Computer]:
        """Return the instances that have answered, however much is wanted."""
        del wanted
        rentals = [rental for rental in self._journal.open() if rental.state == READY]
        return [Computer(rental.token, self._connections.transport(rental), self._machine.slots) for rental in rentals]

    def is_gone(self, name: str) -> bool:
        """Return whether a run has found that an instance is gone."""
        rental = self._journal.get(name)
        return rental is not None and not rental.is_open

    def messages(self) -> Sequence[str]:
        """Return nothing: nothing happens."""
        return []

    def release(self, is_final: bool = False) -> None:
        """No-op: the next run decides."""

    def close(self) -> None:
        """End open connections; the instances stay."""
        self._connections.close()


def computers(name: str, machine: Machine, paths: StudyPaths, project: Path, run: str = "") -> Computers:
    """Return the instances of a machine for a study.

    In a run, they are created when experiments wait for them. Outside of runs, known ones can be reached.

    Raises
    ------
    InputError
        If packages, credentials or files are missing.
    """
    if machine.provider is None:
        raise InputError([Problem(f"'{name}.provider' is missing", MACHINES.name)])
    home, folder = home_name(paths.home), own_or_installed(project, MACHINES).parent
    connections = InstanceConnections(name, Access(name, machine, home, folder), SshTransport, home)
    journal = Journal(paths, name)
    if not run:
        return KnownInstances(machine, journal, connections)
    connections.authorized_keys()  # a missing file is reported at once
    tags = {HOME: home, STUDY: paths.study, MACHINE: name}
    messages: list[str] = []
    provider = make_provider(machine.provider, project)
    fleet = Fleet(name, machine, provider, journal, tags, connections, messages.append, run)
    return CloudComputers(fleet, connections, messages)

"""The instances of a rented machine: what its provider has is compared with what is wanted, and brought into line.

A step asks the provider once; then it creates, destroys, connects and renews what is due. It can be cut at any point:
the journal and the tags of the instances tell the next step, also that of another process, what there is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fairmesh.errors import FairmeshError
from fairmesh.machines import cloud_init, costs
from fairmesh.machines.providers.base import RUN, STOPPED, TOKEN, Instance, Provider, ProviderError
from fairmesh.machines.rentals import CREATED, DESTROYING, FAILED, GONE, READY, REQUESTED, Journal, Rental, new_token
from fairmesh.machines.transport import RefusedError, UnreachableError
from fairmesh.study.machines import Machine

GRACE = 120.0  # seconds until an instance must be in the provider's list
MISSES = 2  # lists in a row without an instance that was in it before
MAX_BOOTS = 3  # instances in a row that never answer
MAX_CREATES = 4  # refused requests in a row, after which a person should know; more follow every `LONGEST` seconds
SHORTEST, LONGEST = 10.0, 300.0  # seconds between attempts to create after failures
RENEWAL = 60.0  # seconds between two renewals of the switch, or less
LEAST = 0.1  # hours of budget for one more instance
WARNINGS = (0.5, 0.8)  # parts of the budget


class Connections(Protocol):
    """Calls instances over ssh, in the background."""

    def authorized_keys(self) -> Sequence[str]:
        """Return the public keys that may log in."""

    def check(self, rental: Rental) -> str | None:
        """Return why an instance does not answer, an empty text if it does; None until that is known."""

    def renew(self, rental: Rental, minutes: float) -> None:
        """Renew the switch of an instance; a failure is no error, since the next renewal follows."""

    def forget(self, rental: Rental) -> None:
        """End connections to an instance that is gone."""


@dataclass
class _Failures:
    """Failures in a row, and when to try again."""

    creates: int = 0
    boots: int = 0
    again: float = -math.inf
    reason: str = ""


@dataclass
class Fleet:
    """The instances of a machine for one study.

    Parameters
    ----------
    name : str
        The machine's name.
    machine : Machine
        Its settings.
    provider : Provider
        Creates, lists and destroys.
    journal : Journal
        The instances so far.
    tags : mapping
        What all of them are tagged with.
    connections : Connections
        Reach them.
    announce : callable
        Is called with lines for people.
    run : str
        The run that creates instances now.
    """

    name: str
    machine: Machine
    provider: Provider
    journal: Journal
    tags: Mapping[str, str]
    connections: Connections
    announce: Callable[[str], None]
    run: str = ""
    problem: FairmeshError | None = None
    strangers: list[Instance] = field(default_factory=list)
    _failures: _Failures = field(default_factory=_Failures)
    _created: set[str] = field(default_factory=set)
    _misses: dict[str, int] = field(default_factory=dict)
    _renewed: dict[str, float] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _refusal: FairmeshError | None = None

    def step(self, wanted: int, now: float, is_growing: bool = True) -> None:
        """Compare and act once.

        Parameters
        ----------
        wanted : int
            The number of experiments that wait or run.
        now : float
            Seconds since 1970.
        is_growing : bool
            Whether instances may be created.
        """
        self._refusal = None
        try:
            listed = self.provider.instances(self.tags)
        except ProviderError as error:
            self.problem = UnreachableError(f"{self.name}: {error}")
            self._renew(now)
            return
        self._compare(listed, now)
        self._end_due(now)
        self._connect(now)
        self._renew(now)
        if is_growing:
            self._grow(wanted, now)
        self._warn_of_budget(now)
        self.problem = self._refusal

    @property
    def renewal(self) -> float:
        """The seconds between two renewals of an instance's switch: three of them may fail."""
        return min(RENEWAL, self.machine.unattended * 60 / 4)

    def ready(self) -> list[Rental]:
        """Return the instances that answer."""
        return [rental for rental in self.journal.open() if rental.state == READY]

    def ends(self, rental: Rental, now: float) -> float:
        """Return when an instance is destroyed in any case, in seconds since 1970."""
        users = sum(rental.is_in_use for rental in self.journal.open())
        return min(rental.requested + self.machine.lifetime * 60, now + self._left(now) * costs.HOUR / max(users, 1))

    def destroy(self, rental: Rental, reason: str, now: float) -> None:
        """Destroy an instance; the provider's list says later that it is gone."""
        if rental.state != DESTROYING:
            self.announce(f"{self.name}: destroying {rental.label}: {reason}")
            rental = self.journal.write(rental, state=DESTROYING, reason=reason)
        if not rental.id:
            return
        try:
            if self._is_of_others(rental):
                self._close(rental, "the provider has it for something else", now)
                self._say_once(
                    f"{self.name}: {rental.id} has not the tags of fairmesh, and is left alone; look after it"
                )
                return
            self.provider.destroy(rental.id)
        except ProviderError as error:
            self._say_once(f"{self.name}: {rental.label} cannot be destroyed now: {error}")

    def _is_of_others(self, rental: Rental) -> bool:
        """Return whether an instance was not created for a rental: its file may come from other results."""
        if rental.id in self._created:
            return False
        return any(
            instance.id == rental.id and instance.token != rental.token for instance in self.provider.instances({})
        )

    def destroy_all(self, reason: str, now: float) -> None:
        """Destroy all instances."""
        for rental in self.journal.open():
            self.destroy(rental, reason, now)

    def _compare(self, listed: Sequence[Instance], now: float) -> None:
        by_token: dict[str, list[Instance]] = {}
        for instance in listed:
            by_token.setdefault(instance.token, []).append(instance)
        for rental in self.journal.open():
            self._compare_one(rental, by_token.get(rental.token, []), now)
        for token, instances in by_token.items():
            self._reopen(self.journal.get(token), instances)
        known = {rental.token for rental in self.journal.all()}
        self.strangers = [instance for instance in listed if instance.token not in known and not instance.is_gone]
        if self.strangers:
            names = ", ".join(instance.id for instance in self.strangers)
            self._say_once(f"{self.name}: {names}: in no journal; `fairmesh machines down {self.name}` destroys them")

    def _reopen(self, rental: Rental | None, instances: Sequence[Instance]) -> None:
        """Destroy what was taken for gone, and is in the list nevertheless."""
        there = [instance for instance in instances if not instance.is_gone]
        if rental is None or rental.is_open or not there:
            return
        self.announce(f"{self.name}: {there[0].id} is there again; destroying it")
        self.journal.write(rental, state=DESTROYING, id=there[0].id, is_seen=True, ended=0.0)

    def _compare_one(self, rental: Rental, matches: Sequence[Instance], now: float) -> None:
        """Bring what is known of one instance up to date."""
        there = sorted(
            (instance for instance in matches if not instance.is_gone),
            key=lambda instance: (instance.id != rental.id, instance.id),
        )
        if there:
            self._misses.pop(rental.token, None)
            self._update(rental, there[0], now)
            self._end_doubles(rental, there[1:])
        elif matches:
            rental = self.journal.write(rental, id=rental.id or matches[0].id, is_seen=True)
            self._close(rental, rental.reason or "the provider ended it", now)
        elif rental.is_seen:
            self._misses[rental.token] = self._misses.get(rental.token, 0) + 1
            if self._misses[rental.token] >= MISSES:
                self._close(rental, rental.reason or "it vanished", now)
        elif now - rental.requested > GRACE:
            self._never_listed(rental, now)

    def _update(self, rental: Rental, instance: Instance, now: float) -> None:
        state = CREATED if rental.state in {REQUESTED, FAILED} else rental.state
        rental = self.journal.write(
            rental,
            state=state,
            id=instance.id,
            address=instance.address or rental.address,
            port=instance.port,
            is_seen=True,
        )
        if rental.state == DESTROYING:
            self.destroy(rental, rental.reason, now)
        elif instance.state == STOPPED:
            self.destroy(rental, "it has stopped", now)

    def _end_doubles(self, rental: Rental, doubles: Sequence[Instance]) -> None:
        for double in doubles:
            self.announce(f"{self.name}: {rental.label} came up twice; destroying {double.id}")
            try:
                self.provider.destroy(double.id)
            except ProviderError as error:
                self._say_once(f"{self.name}: {double.id} cannot be destroyed now: {error}")

    def _close(self, rental: Rental, reason: str, now: float) -> None:
        if rental.is_in_use:
            self.announce(f"{self.name}: {rental.label} is gone: {reason}")
        self._count_failure(rental, reason, now)
        self.journal.write(rental, state=GONE, ended=now, reason=reason)
        self.connections.forget(rental)

    def _count_failure(self, rental: Rental, reason: str, now: float) -> None:
        """Count an instance that ended before it answered, which repeats itself if the image is wrong."""
        if rental.state == CREATED:
            self._failures.boots += 1
            self._failures.reason = reason

    def _never_listed(self, rental: Rental, now: float) -> None:
        """End what should be in the list by now: it does not exist, if the list works."""
        if rental.id:
            self._refusal = RefusedError(
                f"{self.name}: the provider created {rental.id}, and its list does not show it: its list cannot be "
                "trusted; check the permissions, the region, or the command `list`"
            )
            self._count_failure(rental, "not in the provider's list", now)
            self.destroy(rental, "the provider's list does not show it", now)
        elif self.journal.is_list_proven:
            self._close(rental, rental.reason or "it was never created", now)

    def _end_due(self, now: float) -> None:
        for rental in self.journal.open():
            if rental.is_in_use and now >= self.ends(rental, now):
                is_lifetime = now >= rental.requested + self.machine.lifetime * 60
                self.destroy(rental, "its lifetime is over" if is_lifetime else "the budget is used", now)
        surplus = [rental for rental in self.journal.open() if rental.is_in_use][self.machine.instances :]
        for rental in surplus:
            if rental.state == CREATED:
                self.destroy(rental, "more came up than wanted", now)

    def _connect(self, now: float) -> None:
        """Check whether new instances answer, and destroy those that do not in time."""
        for rental in self.journal.open():
            if rental.state != CREATED:
                continue
            reason = self._unreachable_reason(rental)
            if reason == "":
                self.journal.write(rental, state=READY)
                self._renewed.pop(rental.token, None)
                self._failures = _Failures()
                self.announce(f"{self.name}: {rental.label} is ready after {now - rental.requested:.0f} s")
            elif now - rental.requested > self.machine.boot * 60:
                self._failures.boots += 1
                self._failures.reason = reason or "ssh gives no answer"
                text = f"it does not answer within {self.machine.boot:g} min: {self._failures.reason}"
                self.destroy(rental, text, now)

    def _unreachable_reason(self, rental: Rental) -> str | None:
        if not rental.address:
            return "it has no address"
        if not rental.host_key:
            return self._read_host_key(rental)
        return self.connections.check(rental)

    def _read_host_key(self, rental: Rental) -> str:
        """Read the host key of an instance that made its own; without it nothing connects."""
        try:
            keys = cloud_init.console_keys(self.provider.console(rental.id))
        except ProviderError as error:
            return f"its console cannot be read: {error}"
        self.journal.write(rental, host_key=keys)
        return "its console has not printed its host key"

    def _renew(self, now: float) -> None:
        for rental in self.ready():
            if now - self._renewed.get(rental.token, -math.inf) >= self.renewal:
                self._renewed[rental.token] = now
                self.connections.renew(rental, self.machine.unattended)

    def _grow(self, wanted: int, now: float) -> None:
        """Create what is missing, unless that failed too often or the budget is used."""
        used = sum(rental.is_in_use for rental in self.journal.open())
        missing = min(self.machine.instances, math.ceil(wanted / self.machine.slots)) - used
        if missing <= 0 or self._refusal:
            return
        if self._failures.boots >= MAX_BOOTS:
            self._refuse(f"{MAX_BOOTS} instances in a row did not come up: {self._failures.reason}")
            return
        for count in range(missing):
            if self._left(now) < LEAST * (used + count + 1):
                self._refuse(f"{costs.describe_budget(self.machine)} is used; raise it in machines.yaml to go on")
                return
            if now < self._failures.again or not self._create(now):
                reason = f"no instance can be created: {self._failures.reason}"
                self._refuse(reason, is_final=self._failures.creates >= MAX_CREATES)
                return

    def _refuse(self, reason: str, is_final: bool = True) -> None:
        kind = RefusedError if is_final else UnreachableError
        self._refusal = self._refusal or kind(f"{self.name}: {reason}")
        if self.ready():
            self._say_once(f"{self.name}: no more instances: {reason}")

    def _create(self, now: float) -> bool:
        """Create an instance; it is in the journal before the provider is asked."""
        key = cloud_init.make_key() if self.machine.host_key == "cloud-init" else None
        token = new_token()
        end = now + self.machine.lifetime * 60
        data = cloud_init.user_data(self.machine, self.connections.authorized_keys(), key, end)
        rental = self.journal.write(
            Rental(token, self.name, self.journal.study, self.run, requested=now, host_key=key.public if key else "")
        )
        try:
            tags = {**self.tags, RUN: self.run, TOKEN: token}
            instance = self.provider.create(_instance_name(self.name, token), tags, data)
        except ProviderError as error:
            self._note_failed_create(rental, error, now)
            return False
        self._created.add(instance.id)
        rental = self.journal.write(rental, state=CREATED, id=instance.id, address=instance.address, port=instance.port)
        self._failures.creates, self._failures.again = 0, -math.inf
        self.announce(f"{self.name}: created {rental.id}{self._price_text()}")
        return True

    def _note_failed_create(self, rental: Rental, error: ProviderError, now: float) -> None:
        if error.is_certain:
            self.journal.write(rental, state=GONE, reason=str(error), ended=now)
        else:
            self.journal.write(rental, state=FAILED, reason=str(error))
        if str(error) != self._failures.reason:
            self.announce(f"{self.name}: no instance can be created: {error}; it is tried again")
        self._failures.creates += 1
        self._failures.reason = str(error)
        self._failures.again = now + min(LONGEST, SHORTEST * 3 ** (self._failures.creates - 1))

    def _price_text(self) -> str:
        price = self.machine.price
        return "" if price is None else f" ({price:g} {self.machine.currency} an hour)"

    def _left(self, now: float) -> float:
        """Return the hours that the budget has left."""
        return costs.allowed_hours(self.machine) - costs.used_hours(self.journal.all(), now)

    def _warn_of_budget(self, now: float) -> None:
        allowed = costs.allowed_hours(self.machine)
        part = costs.used_hours(self.journal.all(), now) / allowed
        for limit in reversed(WARNINGS):
            if part >= limit:
                self._say_once(f"{self.name}: {limit:.0%} of {costs.describe_budget(self.machine)} is used")
                return

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self.announce(line)


def _instance_name(machine: str, token: str) -> str:
    """Return a name that every provider takes: lower-case letters, digits and dashes.

    >>> _instance_name("My.Cloud", "0123456789abcdef")
    'fairmesh-my-cloud-01234567'
    """
    return f"fairmesh-{re.sub('[^a-z0-9]+', '-', machine.lower())[:40]}-{token[:8]}"

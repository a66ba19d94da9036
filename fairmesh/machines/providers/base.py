"""The interface of providers, and what they know of an instance."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fairmesh.errors import FairmeshError
from fairmesh.printing import one_line

PENDING, RUNNING, STOPPED, GONE = "pending", "running", "stopped", "gone"
STATES = (PENDING, RUNNING, STOPPED, GONE)

HOME, STUDY, RUN, MACHINE, TOKEN = (f"fairmesh-{name}" for name in ("home", "study", "run", "machine", "token"))
"""Tags of an instance: whose it is, and the token of the call that created it."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,299}", re.ASCII)
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}", re.ASCII)
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 6  # characters; shorter values are words that occur everywhere
_LONGEST_REASON = 300


class ProviderError(FairmeshError):
    """Raised if a provider refuses a request, or does not answer.

    Parameters
    ----------
    reason : str
        Why, on one line; values that are secret are left out.
    secrets : iterable of str
        More secret values than those of the environment.
    is_certain : bool
        Whether the provider did not do what was asked; without an answer, it may have.
    """

    def __init__(self, reason: str, secrets: Iterable[str] = (), *, is_certain: bool = True) -> None:
        super().__init__(one_line(without_secrets(reason, secrets))[:_LONGEST_REASON])
        self.is_certain = is_certain


@dataclass(frozen=True)
class Instance:
    """An instance, as its provider describes it.

    Parameters
    ----------
    id : str
        The name by which the provider knows it.
    address : str
        Where ssh reaches it; empty as long as it has no address.
    port : int
        The port of its sshd.
    state : str
        One of `STATES`: ``stopped`` still costs something, ``gone`` does not.
    tags : mapping
        Its tags.

    Raises
    ------
    ProviderError
        If an id, an address or a state is none: what a provider answers reaches files of ssh.
    """

    id: str
    address: str = ""
    port: int = 22
    state: str = PENDING
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_gone(self) -> bool:
        """Whether it exists no more, and costs nothing."""
        return self.state == GONE

    def __post_init__(self) -> None:
        """Check the values."""
        if not ID.fullmatch(self.id):
            raise ProviderError(f"the provider's answer has no valid id: {self.id[:60]!r}")
        if self.address and not ADDRESS.fullmatch(self.address):
            raise ProviderError(f"instance {self.id} has no valid address: {self.address[:60]!r}")
        if not 0 < self.port < 65536:
            raise ProviderError(f"instance {self.id} has no valid port: {self.port}")
        if self.state not in STATES:
            raise ProviderError(f"instance {self.id} has the unknown state {self.state[:60]!r}")

    @property
    def token(self) -> str:
        """The token of the call that created it."""
        return self.tags.get(TOKEN, "")

    def is_tagged(self, tags: Mapping[str, str]) -> bool:
        """Whether it has all of some tags."""
        return all(self.tags.get(key) == value for key, value in tags.items())


class Provider(Protocol):
    """Creates, lists and destroys instances; every call may take a minute, and raises ``ProviderError``."""

    def create(self, name: str, tags: Mapping[str, str], user_data: str) -> Instance:
        """Create an instance with tags; cloud-init on it reads the user data."""

    def instances(self, tags: Mapping[str, str]) -> list[Instance]:
        """Return the instances that have all of these tags; those that were destroyed may still be in it, as gone."""

    def destroy(self, identity: str) -> None:
        """Destroy an instance; one that is not there is no error."""

    def console(self, identity: str) -> str:
        """Return what an instance printed on its console so far."""


def without_secrets(text: str, more: Iterable[str] = ()) -> str:
    """Return a text without the values of variables whose names mean secrets, and without some more.

    >>> without_secrets("bad key hunter22", ["hunter22"])
    'bad key ***'
    """
    secrets = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)} | set(more)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text

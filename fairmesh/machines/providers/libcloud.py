"""A provider by Apache Libcloud."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from libcloud.compute.base import Node
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider

from fairmesh.machines.providers.base import GONE, PENDING, RUNNING, STOPPED, Instance, ProviderError
from fairmesh.machines.providers.credentials import credentials
from fairmesh.machines.providers.dialects import DIALECTS
from fairmesh.study.rented import Provider as Settings

T = TypeVar("T")

_QUERY = re.compile(r"\?\S+")  # of a URL: it holds the user data of an instance, with its private host key
_REFUSALS = range(400, 500)  # status of HTTP: the server did not do it

_ENDING = "shutting-down"  # of EC2, which Libcloud does not know
_STATES = {
    NodeState.RUNNING: RUNNING,
    NodeState.REBOOTING: RUNNING,
    NodeState.TERMINATED: GONE,
    NodeState.STOPPED: STOPPED,
    NodeState.STOPPING: STOPPED,
    NodeState.SUSPENDED: STOPPED,
    NodeState.PAUSED: STOPPED,
    NodeState.ERROR: STOPPED,
}


class LibcloudProvider:
    """Calls a driver of Libcloud; one call at a time, since a driver is not safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._name = settings, settings.libcloud or ""
        self._dialect = DIALECTS[self._name]
        self._credentials = credentials(self._name)
        self._lock = threading.Lock()
        self._driver: Any = None

    def create(self, name: str, tags: Mapping[str, str], user_data: str) -> Instance:
        """Create an instance."""

        def call(driver: Any) -> Instance:
            arguments = self._dialect.create(driver, self._settings, tags, user_data)
            node = driver.create_node(name=name, **arguments)
            return self._instance(node[0] if isinstance(node, list) else node, tags)

        return self._call(call)

    def instances(self, tags: Mapping[str, str]) -> list[Instance]:
        """Return the instances with these tags."""
        return [self._instance(node) for node in self._nodes(tags)]

    def destroy(self, identity: str) -> None:
        """Destroy an instance."""
        nodes = [node for node in self._nodes({}) if node.id == identity and self._state(node) != GONE]
        if nodes and not self._call(lambda driver: driver.destroy_node(nodes[0])):
            raise ProviderError(f"{self._name} did not destroy {identity}")

    def console(self, identity: str) -> str:
        """Return the console of an instance."""
        nodes = [node for node in self._nodes({}) if node.id == identity]
        return self._call(lambda driver: self._dialect.console(driver, nodes[0])) if nodes else ""

    def _nodes(self, tags: Mapping[str, str]) -> list[Node]:
        wanted = self._dialect.encode(tags)
        nodes = self._call(lambda driver: self._dialect.nodes(driver, wanted))
        return [node for node in nodes if wanted.items() <= self._dialect.tags(node).items()]

    def _instance(self, node: Node, tags: Mapping[str, str] | None = None) -> Instance:
        public, private = list(node.public_ips or ()), list(node.private_ips or ())
        addresses = private if self._settings.address == "private" else public
        known = {key: str(value) for key, value in self._dialect.tags(node).items()}
        return Instance(str(node.id), str(next(iter(addresses), "") or ""), 22, self._state(node), tags or known)

    def _state(self, node: Node) -> str:
        return GONE if node.extra.get("status") == _ENDING else _STATES.get(node.state, PENDING)

    def _call(self, function: Callable[[Any], T]) -> T:
        """Call the driver; whatever it raises becomes one line without credentials."""
        with self._lock:
            try:
                if self._driver is None:
                    self._driver = self._connect()
                return function(self._driver)
            except ProviderError:
                raise
            except Exception as error:  # noqa: BLE001  drivers raise errors of many libraries, also plain ones
                self._driver = None
                text = f"{self._name}: {_QUERY.sub('?...', str(error)) or type(error).__name__}"
                is_certain = not isinstance(error, OSError) and getattr(error, "code", 400) in _REFUSALS
                raise ProviderError(text, self._credentials.values(), is_certain=is_certain) from None

    def _connect(self) -> Any:
        kind = get_driver(getattr(Provider, self._dialect.key_class))
        return kind(**{**self._credentials, **self._dialect.driver(self._settings), **self._settings.driver})

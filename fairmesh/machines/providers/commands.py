"""A provider of three commands of one's own: JSON on standard input, JSON on standard output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.machines.providers.base import PENDING, Instance, ProviderError
from fairmesh.runner import jsonfiles
from fairmesh.study.rented import Provider as Settings

CREATE, OTHER = 600.0, 120.0  # seconds
LARGEST = 4 << 20  # bytes of an answer


class CommandsProvider:
    """Calls the commands of a machine's settings, in the folder of the project and without a shell.

    ``create`` reads ``{"name", "tags", "user_data"}`` and prints ``{"id", "address", "port", "state"}``; ``list``
    reads ``{"tags"}`` and prints a list of such maps with ``tags``; ``destroy`` and ``console`` read ``{"id"}``.
    A command that fails has done nothing; the last line of its standard error is the reason.
    """

    def __init__(self, settings: Settings, project: Path) -> None:
        self._settings, self._project = settings, project

    def create(self, name: str, tags: Mapping[str, str], user_data: str) -> Instance:
        """Create an instance."""
        request = {"name": name, "tags": dict(tags), "user_data": user_data}
        answer = self._answer("create", self._settings.create, request, CREATE)
        try:
            return _instance(answer, dict(tags))
        except ProviderError as error:
            raise ProviderError(str(error), is_certain=False) from None

    def instances(self, tags: Mapping[str, str]) -> list[Instance]:
        """Return the instances with these tags."""
        answer = self._answer("list", self._settings.list, {"tags": dict(tags)})
        if not isinstance(answer, list):
            raise ProviderError("the command `list` must print a list of maps as JSON")
        instances = [_instance(entry, {}) for entry in answer]
        return [instance for instance in instances if instance.is_tagged(tags)]

    def destroy(self, identity: str) -> None:
        """Destroy an instance."""
        self._run("destroy", self._settings.destroy, {"id": identity}, OTHER)

    def console(self, identity: str) -> str:
        """Return the console of an instance."""
        return self._run("console", self._settings.console, {"id": identity}, OTHER)

    def _answer(self, verb: str, command: Sequence[str] | None, request: Any, patience: float = OTHER) -> Any:
        output = self._run(verb, command, request, patience)
        try:
            return jsonfiles.parse(output.encode())
        except ValueError as error:
            raise ProviderError(f"the command `{verb}` must print JSON: {error}", is_certain=False) from None

    def _run(self, verb: str, command: Sequence[str] | None, request: Any, patience: float) -> str:
        """Run a command, and return its output.

        Raises
        ------
        ProviderError
            With the last line of its standard error, if it fails.
        """
        if not command:
            raise ProviderError(f"the provider has no command `{verb}`")
        try:
            done = subprocess.run(
                command,
                input=json.dumps(request).encode(),
                capture_output=True,
                cwd=self._project,
                timeout=patience,
                check=False,
            )
        except OSError as error:
            raise ProviderError(f"the command `{verb}` cannot be started: {error.strerror}: {command[0]}") from None
        except subprocess.TimeoutExpired:
            raise ProviderError(
                f"the command `{verb}` gave no answer within {patience:.0f} s", is_certain=False
            ) from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
            raise ProviderError(f"the command `{verb}` failed: {lines[-1]}")
        if len(done.stdout) > LARGEST:
            raise ProviderError(f"the command `{verb}` printed more than {LARGEST >> 20} MiB", is_certain=False)
        return done.stdout.decode(errors="replace")


def _instance(entry: Any, tags: Mapping[str, str]) -> Instance:
    """Return the instance that a command described."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str | int):
        raise ProviderError("a command must describe an instance by a map with its `id`")
    port, given = entry.get("port", 22), entry.get("tags", tags)
    if not isinstance(port, int) or not isinstance(given, dict):
        raise ProviderError(f"instance {entry['id']}: `port` must be a number, and `tags` a map")
    return Instance(
        str(entry["id"]),
        str(entry.get("address") or ""),
        port,
        str(entry.get("state", PENDING)),
        {str(key): str(value) for key, value in given.items()},
    )

"""Instances for tests: each is a real sshd on loopback that was given its keys as cloud-init would give them.

Stand-ins, all in this file: the small part of cloud-init that fairmesh uses (host key, authorized keys, the
script that powers an instance off), the program ``shutdown`` of an instance, and a provider of three commands
that keeps its instances in a folder::

    python tests/instances.py FOLDER create|list|destroy < request.json

A file ``faults`` in the folder has words: ``quota`` (create fails), ``dead`` (no sshd comes up), ``twice`` (each comes
up twice), ``slow`` (the answer of create takes a minute), ``hidden`` (the list is empty), ``wrong`` (another
host key comes up).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.clusters import has_variable, kill_at_once, processes_where
from tests.sshd import ADDRESS, SshServer, _family, _free_port

HEAD = "#cloud-config\n"
MARK = "FAIRMESH_TEST_INSTANCE"


class Instances:
    """A provider's instances, in a folder.

    Parameters
    ----------
    folder : Path
        Their folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def faults(self) -> set[str]:
        """The faults that are switched on."""
        path = self.folder / "faults"
        return set(path.read_text().split()) if path.exists() else set()

    def set_faults(self, *faults: str) -> None:
        """Switch faults on, and all others off."""
        (self.folder / "faults").write_text(" ".join(faults))

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start an instance."""
        if "quota" in self.faults:
            sys.exit("quota of 0 instances")
        entries = [self.start(request) for _ in range(2 if "twice" in self.faults else 1)]
        if "slow" in self.faults:
            time.sleep(60)
        return entries[0]

    def list(self, tags: dict[str, str]) -> list[dict[str, Any]]:
        """Return the instances with tags."""
        entries = [json.loads(path.read_text()) for path in sorted(self.folder.glob("*/instance.json"))]
        return [] if "hidden" in self.faults else [entry for entry in entries if tags.items() <= entry["tags"].items()]

    def alive(self) -> list[str]:
        """Return the ids of those that cost something; faults do not matter."""
        entries = [json.loads(path.read_text()) for path in sorted(self.folder.glob("*/instance.json"))]
        return [entry["id"] for entry in entries if entry["state"] == "running"]

    def destroy(self, identity: str) -> None:
        """End an instance with all of its processes, as a loss of power does."""
        path = self.folder / identity / "instance.json"
        if path.exists():
            self._write(json.loads(path.read_text()) | {"state": "gone"})
            home = path.parent / "home"
            mine = processes_where(
                lambda process: (
                    has_variable(process, f"{MARK}={path.parent}\0") or has_variable(process, f"HOME={home}\0")
                )
            )
            kill_at_once(process for process in [*self._sessions(identity), *mine] if process != os.getpid())

    def destroy_all(self) -> None:
        """End everything."""
        for identity in self.alive():
            self.destroy(identity)

    def home(self, identity: str) -> Path:
        """Return the home of the user on an instance."""
        return self.folder / identity / "home"

    def start(self, request: dict[str, Any], identity: str = "") -> dict[str, Any]:
        """Start an instance, and return its entry."""
        identity = identity or f"vm-{len(list(self.folder.glob('vm-*'))) + 1}"
        folder = self.folder / identity
        (folder / "home").mkdir(parents=True)
        port = _free_port()
        entry = {"id": identity, "address": ADDRESS, "port": port, "state": "running", "tags": request["tags"]}
        self._write(entry)
        if "wrong" in self.faults:
            request["user_data"] = _without_host_key(request["user_data"])
        if "dead" not in self.faults:
            boot(folder, identity, port, request["user_data"], [sys.executable, __file__, str(self.folder), "off"])
        return entry

    def _write(self, entry: dict[str, Any]) -> None:
        path = self.folder / entry["id"] / "instance.json"
        path.with_suffix(".new").write_text(json.dumps(entry))
        path.with_suffix(".new").replace(path)

    def _sessions(self, identity: str) -> list[int]:
        """Return sshd and its sessions, which name themselves differently."""
        config = str(self.folder / identity / "sshd_config").encode()
        servers = processes_where(lambda process: config in (process / "cmdline").read_bytes())
        return _family(servers) if servers else []


def boot(folder: Path, identity: str, port: int, user_data: str, power_off: list[str]) -> None:
    """Do what cloud-init does with the user data, and start sshd.

    Parameters
    ----------
    folder : Path
        The folder of the instance, with a folder ``home``.
    power_off : list of str
        The command of the instance's ``shutdown``; gets the id.
    """
    assert user_data.startswith(HEAD)
    config = json.loads(user_data.removeprefix(HEAD))
    mark = {MARK: str(folder)}  # other tests have instances of the same id
    server = SshServer(identity, folder, port, options=[f"PidFile {folder}/pid"], environment=mark)
    if keys := config.get("ssh_keys"):
        _write_private(folder / "host_key", keys["ed25519_private"])
        (folder / "host_key.pub").write_text(keys["ed25519_public"])
    else:
        server.make_key()
    _write_private(folder / "authorized_keys", "\n".join(config["users"][1]["ssh_authorized_keys"]) + "\n")
    server.start()
    _start_switch(folder, config, [*power_off, identity], mark)


def _without_host_key(user_data: str) -> str:
    config = json.loads(user_data.removeprefix(HEAD))
    return HEAD + json.dumps({key: value for key, value in config.items() if key != "ssh_keys"})


def _write_private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


def _start_switch(folder: Path, config: dict[str, Any], power_off: list[str], mark: dict[str, str]) -> None:
    """Start the script that powers the instance off, with a stand-in for ``shutdown``."""
    script = folder / "fairmesh-switch"
    script.write_text(config["write_files"][0]["content"])
    (folder / "bin").mkdir()
    shutdown = folder / "bin" / "shutdown"
    quoted = " ".join(f"'{word}'" for word in power_off)
    shutdown.write_text(f"#!/bin/sh\necho \"$@\" >> '{folder}/shutdown'\nexec setsid {quoted} >/dev/null 2>&1\n")
    shutdown.chmod(0o755)
    command = config["runcmd"][1][2]
    seconds, end = re.findall(r"fairmesh-switch ~\S+ (\d+) (\d+)", command)[0]
    subprocess.Popen(
        ["sh", str(script), str(folder / "home/.fairmesh-deadline"), seconds, end],
        env={**os.environ, **mark, "PATH": f"{folder}/bin:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def provider_settings(folder: Path) -> dict[str, Any]:
    """Return a machine's ``provider`` of three commands for the instances in a folder."""
    return {verb: [sys.executable, __file__, str(folder), verb] for verb in ("create", "list", "destroy")}


def is_available() -> bool:
    """Whether sshd is installed."""
    return bool(shutil.which("sshd") or Path("/usr/sbin/sshd").exists())


def main(folder: str, verb: str, identity: str = "") -> None:
    """Carry out a command of the provider."""
    instances = Instances(Path(folder))
    if verb == "off":
        instances.destroy(identity)
        return
    request = json.load(sys.stdin)
    if verb == "create":
        print(json.dumps(instances.create(request)))
    elif verb == "list":
        print(json.dumps(instances.list(request["tags"])))
    else:
        with suppress(FileNotFoundError):
            instances.destroy(request["id"])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Moto's EC2 server on loopback: the API of EC2 over HTTP, whose instances are entries of a table.

It is a stand-in for Amazon: requests, tags, states and errors are those of EC2, and nothing boots. `Ec2Instances`
starts a real sshd for each instance, and keeps a table of their invented addresses as a configuration of ssh.
"""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.instances import Instances
from tests.needs import must_have, note_component
from tests.waiting import wait_until

REGION, IMAGE, SIZE = "us-east-1", "ami-12c6146b", "t3.micro"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIsecret"}
SERVER = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

app = DomainDispatcherApplication(create_backend_app)

def with_amazons_namespace(environ, start_response):
    began = []
    answer = b"".join(app(environ, lambda status, headers, error=None: began.append((status, headers))))
    answer = answer.replace(b'/doc/2016-11-15"', b'/doc/2016-11-15/"')
    status, headers = began[-1]
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    start_response(status, [*headers, ("Content-Length", str(len(answer)))])
    return [answer]

run_simple("127.0.0.1", int(sys.argv[1]), with_amazons_namespace, threaded=True)
"""
"""Amazon's namespace of XML ends with a slash, that of moto does not; under another name, Libcloud finds nothing."""


@dataclass(frozen=True)
class Ec2Server:
    """A server of moto."""

    port: int

    @property
    def driver(self) -> dict[str, Any]:
        """What a machine's ``provider`` has below ``driver`` to use this server."""
        return {"host": "127.0.0.1", "port": self.port, "secure": False}

    @property
    def settings(self) -> dict[str, Any]:
        """A machine's ``provider``."""
        return {"libcloud": "ec2", "region": REGION, "image": IMAGE, "size": SIZE, "driver": self.driver}

    def client(self) -> Any:
        """Return a client of the API that is not Libcloud."""
        import boto3  # noqa: PLC0415  takes a second

        keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
        return boto3.client("ec2", region_name=REGION, endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def running(self) -> list[dict[str, Any]]:
        """Return the instances that cost something, as the other client sees them."""
        pages = self.client().describe_instances()["Reservations"]
        instances = [instance for page in pages for instance in page["Instances"]]
        return [instance for instance in instances if instance["State"]["Name"] != "terminated"]


@contextmanager
def ec2_server() -> Iterator[Ec2Server]:
    """Yield a server; the credentials in the environment are those of an example."""
    pytest.importorskip("libcloud") if not os.environ.get("CI") else None
    must_have(_has_moto(), "no moto: nothing was tried with the API of EC2; pip install 'moto[server]'")
    note_component(f"EC2's API by moto {version('moto')} (stand-in for Amazon)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(port), "moto's server listens")
        with mock.patch.dict(os.environ, KEYS):
            yield Ec2Server(port)
    finally:
        process.kill()
        process.wait()


class Ec2Instances:
    """Starts a real sshd for each instance of a server, and ends it with the instance.

    Parameters
    ----------
    server : Ec2Server
        The server.
    folder : Path
        The folder for the servers, with a short path.
    """

    def __init__(self, server: Ec2Server, folder: Path) -> None:
        self._server, self._sshd = server, Instances(folder)
        self._client, self._is_over = server.client(), threading.Event()
        self._ports: dict[str, int] = {}
        self.config.touch()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def config(self) -> Path:
        """The table of addresses, as a configuration of ssh: EC2's own is invented by moto, and leads nowhere."""
        return self._sshd.folder / "addresses"

    def home(self, identity: str) -> Path:
        """Return the home of the user on an instance."""
        return self._sshd.home(identity)

    def interrupt(self, identity: str) -> None:
        """Take an instance away, as Amazon does with those of the spot market."""
        self._client.terminate_instances(InstanceIds=[identity])

    def close(self) -> None:
        """End all servers."""
        self._is_over.set()
        self._thread.join()
        self._sshd.destroy_all()

    def _run(self) -> None:
        while not self._is_over.wait(0.3):
            running = {instance["InstanceId"]: instance["PublicIpAddress"] for instance in self._server.running()}
            for identity in running.keys() - self._ports.keys():
                self._boot(identity, running[identity])
            for identity in self._sshd.alive():
                if identity not in running:
                    self._sshd.destroy(identity)

    def _boot(self, identity: str, address: str) -> None:
        data = self._client.describe_instance_attribute(InstanceId=identity, Attribute="userData")["UserData"]
        user_data = base64.b64decode(data["Value"]).decode()
        self._ports[identity] = self._sshd.start({"tags": {}, "user_data": user_data}, identity)["port"]
        with self.config.open("a") as file:
            file.write(f"Host {address}\n  HostName 127.0.0.1\n  Port {self._ports[identity]}\n")


def _has_moto() -> bool:
    try:
        version("moto")
    except ImportError:
        return False
    return True


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False

"""Moto's EC2 server on loopback: the real API of EC2 over HTTP, whose instances are entries of a table.

It is a stand-in for Amazon: requests, signatures' form, tags, states and errors are those of EC2; nothing boots.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from unittest import mock

import pytest

from tests.needs import must_have, note_component
from tests.waiting import wait_until

REGION, IMAGE, SIZE = "us-east-1", "ami-12c6146b", "t3.micro"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIsecret"}
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15"
"""Of moto's answers: Amazon's own ends with a slash, and Libcloud finds nothing under another name."""


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
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "moto's server listens")
        with mock.patch.dict(os.environ, KEYS), mock.patch("libcloud.compute.drivers.ec2.NAMESPACE", NAMESPACE):
            yield Ec2Server(port)
    finally:
        process.kill()
        process.wait()


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

"""Snakemake as a client that is killed with SIGKILL at one point of its exchange with a machine.

Call: ``python -P killed_client.py TRACE PLAN ARGUMENT...``. The plan is a JSON map: ``machine``, and either ``point``,
one of `POINTS`, or ``seconds`` to live after the event ``after``. The trace gets a line for each event that happens.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from snakemake.cli import main

from fairmesh.dispatch import fetching
from fairmesh.dispatch.computer_jobs import ComputerJobs
from fairmesh.dispatch.open_job import OpenJob
from fairmesh.machines import protocol
from fairmesh.machines.ssh import SshTransport

# What the client does with each request: it sends it, and then records the answer in this method.
RECORDING = {"poll": "_poll", "has": "_store_needs", "start": "_start_batch", "fetch": "_fetch_batch"}
SUBMIT_BEGINS, SUBMIT_ENDS = "start sent", "start recorded"
POINTS = (
    *(
        f"{verb} {when}"
        for verb in ("poll", "has", "store", "start", "fetch")
        for when in ("before", "sent", "answered")
    ),
    *(f"{verb} recorded" for verb in RECORDING),
    "start noted",  # the place is in remote.json, and the machine does not know of it
    "store halfway",  # the files are on their way, without their end
    "fetch halfway",
    "fetch installed",  # the attempt is in its place, its commit is not
)


def kill() -> None:
    """End this process as a loss of power does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Watch:
    """Writes events into the trace, and kills this process at the planned one.

    Parameters
    ----------
    trace : Path
        The file of the trace.
    plan : mapping
        The machine, and the point or the seconds after an event.
    """

    def __init__(self, trace: Path, plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._verbs = threading.local()

    def reach(self, machine: str, event: str) -> None:
        """Note an event."""
        os.write(self._trace, f"{time.time():.3f} {machine} {event}\n".encode())
        if machine not in {self._plan["machine"], ""}:
            return
        if event == self._plan.get("point"):
            os.write(self._trace, f"{time.time():.3f} {machine} killed\n".encode())
            kill()
        if event == self._plan.get("after"):
            threading.Timer(self._plan["seconds"], kill).start()

    def call(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``SshTransport.call``, watched."""

        def call(transport: Any, request: Mapping[str, Any], payload: Any = None, *rest: Any, **more: Any) -> Any:
            machine, verb = transport.host, request["verb"]
            self._verbs.now = machine, verb

            def halfway(stream: Any) -> None:
                payload(stream)
                stream.flush()
                self.reach(machine, f"{verb} halfway")

            self.reach(machine, f"{verb} before")
            answer = function(transport, request, halfway if payload else None, *rest, **more)
            self.reach(machine, f"{verb} answered")
            return answer

        return call

    def next_message(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method that reads the first message after a request was sent, watched."""

        def next_message(messages: Any) -> Any:
            if not messages.has_begun:
                machine, verb = self._verbs.now
                self.reach(machine, f"{verb} sent")
            return function(messages)

        return next_message

    def received(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method that reads a part of the files of an answer, watched."""

        def received(reader: Any, size: int = -1) -> Any:
            machine, verb = self._verbs.now
            data = function(reader, size)
            self.reach(machine, f"{verb} halfway")
            return data

        return received

    def after(self, event: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method of the jobs of a machine, which ends with an event."""

        def method(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            machine, _ = getattr(self._verbs, "now", ("", ""))
            self.reach(machine, event)
            return result

        return method


def watch(watched: Watch) -> None:
    """Watch everything that this process exchanges with machines."""
    _replace(SshTransport, "call", watched.call)
    _replace(protocol._Messages, "next", watched.next_message)
    _replace(protocol.StreamReader, "read", watched.received)
    for verb, name in RECORDING.items():
        _replace(ComputerJobs, name, lambda function, verb=verb: watched.after(f"{verb} recorded", function))
    _replace(OpenJob, "remember", lambda function: watched.after("start noted", function))
    _replace(fetching, "_replace_folder", lambda function: watched.after("fetch installed", function))


def _replace(owner: Any, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, change(getattr(owner, name)))


if __name__ == "__main__":
    watch(Watch(Path(sys.argv[1]), json.loads(sys.argv[2])))
    sys.argv = ["snakemake", *sys.argv[3:]]
    main()

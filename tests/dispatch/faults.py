"""Transports for tests: one that carries requests out in this process, and one that injects faults."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fairmesh.machines.transport import ANSWER, RefusedError, RequestError, Transport, UnreachableError
from fairmesh.target.problems import RETRY, RequestProblem
from fairmesh.target.request import Request
from fairmesh.target.serving import find_verb
from fairmesh.target.streams import CutError, StreamReader, StreamWriter

Payload = Callable[[BinaryIO], None]


@dataclass
class DirectTransport:
    """Stand-in for a connection: carries requests out in this process, as fast as the target itself."""

    base: Path
    runner: bytes
    host: str = "far"

    def call(
        self,
        request: Mapping[str, Any],
        payload: Payload | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Carry a request out."""
        del timeout
        home = self.base / str(request["home"])
        if not home.is_dir():
            home.mkdir(parents=True)
            (home / "runner.pyz").write_bytes(self.runner)
        sent = io.BytesIO()
        if payload:
            writer = StreamWriter(sent.write)
            payload(writer)  # type: ignore[arg-type]  the part of a file that tarfile uses
            writer.close()
        sent.seek(0)
        try:
            answer = find_verb(str(request["verb"]))(
                Request(dict(request), str(self.base), lambda: StreamReader(sent.read))
            )
        except RequestProblem as error:
            kind = RequestError if error.kind == RETRY else RefusedError
            raise kind(error.reason) from None
        except CutError as error:
            raise RequestError(str(error)) from None
        if answer.write and save:
            received = io.BytesIO()
            writer = StreamWriter(received.write)
            answer.write(writer)
            writer.close()
            received.seek(0)
            save.write_bytes(StreamReader(received.read).read())
        return dict(answer.values)

    def close(self) -> None:
        """No-op."""


@dataclass
class FaultyTransport:
    """Injects faults into calls: before a request arrives, after it was carried out, or into the files.

    Parameters
    ----------
    inner : Transport
        Carries requests out.
    faults : iterable of str
        What happens to the first calls, one after another: ``""``, ``before``, ``after``, ``cut`` or ``corrupt``;
        then no more faults happen.
    """

    inner: Transport
    faults: Iterable[str] = ()
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._faults = iter(self.faults)

    @property
    def host(self) -> str:
        """The name of the computer."""
        return self.inner.host

    def call(
        self,
        request: Mapping[str, Any],
        payload: Payload | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Carry a request out, with a fault."""
        fault = next(self._faults, "")
        self.calls.append(str(request["verb"]))
        if fault == "before":
            raise UnreachableError("far: the request got lost")
        answer = self.inner.call(request, _damaged(payload, fault) if payload else None, save, timeout)
        if save and save.exists() and fault in {"cut", "corrupt"}:
            save.write_bytes(_damage(save.read_bytes(), fault))
        if fault == "after":
            raise UnreachableError("far: the answer got lost")
        return answer

    def close(self) -> None:
        """No-op."""


def _damage(data: bytes, fault: str) -> bytes:
    middle = len(data) // 2
    if fault == "cut":
        return data[:middle]
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data


def _damaged(payload: Payload, fault: str) -> Payload:
    if fault not in {"cut", "corrupt"}:
        return payload

    def write(stream: BinaryIO) -> None:
        whole = io.BytesIO()
        payload(whole)
        stream.write(_damage(whole.getvalue(), fault))

    return write


@dataclass
class KillingTransport:
    """Kills this process at a call: before the request is sent, or after it was carried out.

    Parameters
    ----------
    inner : Transport
        Carries requests out.
    verb, when : str
        The verb of the call, and ``before`` or ``after``.
    """

    inner: Transport
    verb: str
    when: str

    @property
    def host(self) -> str:
        """The name of the computer."""
        return self.inner.host

    def call(
        self,
        request: Mapping[str, Any],
        payload: Payload | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Carry a request out, or die."""
        is_last = request["verb"] == self.verb
        if is_last and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self.inner.call(request, payload, save, timeout)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def close(self) -> None:
        """No-op."""


def kill_at_change(number: int) -> None:
    """Kill this process at its change of that number to the file system."""
    count = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("rename", "replace", "link", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))

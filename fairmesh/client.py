"""The verbs of the Python interface, over the REST service of another computer.

>>> from fairmesh.client import Client
>>> client = Client("http://127.0.0.1:8765")  # doctest: +SKIP
>>> run = client.run("quick", profile="slurm", where="epochs > 1")  # doctest: +SKIP
>>> run.wait(timeout=3600).counts  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import httpx

from fairmesh.api.run import STARTING
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.proxies import find_proxy, proxy_note
from fairmesh.runner import jsonfiles
from fairmesh.status import JobSelection, JobStatus, RunStatus, StudyStatus
from fairmesh.web.access import TOKEN_VARIABLE, read_token, token_file

if TYPE_CHECKING:
    import pandas as pd

URL = "http://127.0.0.1:8765"
PERIOD = 1.0  # seconds between two looks of who waits, and before a connection is tried again
PAGE = 1000
TRIES = 3
KEY = "Idempotency-Key"
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Event(NamedTuple):
    """Something that happened to a study."""

    id: str
    kind: str
    data: dict[str, Any]


class Client:
    """A connection to a service.

    Parameters
    ----------
    url : str
        Where it listens; by default this computer's.
    token : str
        What it wants to see; by default ``$FAIRMESH_TOKEN``, or what is kept on this computer.
    timeout : float
        Seconds for one answer.
    """

    def __init__(self, url: str = URL, token: str = "", timeout: float = 60.0) -> None:
        shown = token or os.environ.get(TOKEN_VARIABLE) or read_token(token_file())
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1",
            headers={"authorization": f"Bearer {shown}"},
            timeout=timeout,
            transport=_transport(url),
        )
        self._way = f"{url}{proxy_note(find_proxy(url))}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(self, method: str, path: str, is_safe: bool = False, **more: Any) -> Any:
        """Ask for something by its address below /api/v1, and give the JSON of the answer.

        What may have arrived is sent again only if that changes nothing: by GET, with a key, or if it is safe.

        Raises
        ------
        InputError
            If what was sent has mistakes.
        BusyError
            If somebody is at it.
        FairmeshError
            If anything else went wrong.
        """
        is_safe = is_safe or method == "GET" or KEY in more.get("headers", {})
        for left in reversed(range(TRIES)):
            try:
                return self._content(self._http.request(method, path, **more))
            except httpx.TransportError as error:
                if not left or not (is_safe or isinstance(error, UNSENT)):
                    raise FairmeshError(f"{self._way}: no answer: {error or type(error).__name__}") from error
                time.sleep(PERIOD)
        raise AssertionError

    def _content(self, answer: httpx.Response) -> Any:
        """Return what a good answer holds."""
        try:
            return self._checked(answer).json()
        except ValueError as error:
            raise FairmeshError(
                f"{self._way}: the answer is none of fairmesh's service: {answer.status_code}"
            ) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        """Return an answer that is good."""
        if not answer.is_error:
            return answer
        try:
            found = answer.json()
            detail, faults = str(found["detail"]), found.get("errors") or []
        except (ValueError, KeyError, TypeError):
            raise FairmeshError(f"{self._way}: {answer.status_code} {answer.reason_phrase}") from None
        match answer.status_code:
            case 409:
                raise BusyError(detail)
            case 422:
                raise InputError([Problem(**each) for each in faults] or [Problem(detail)])
        raise FairmeshError(f"{answer.url}: {detail}")

    def studies(self) -> list[str]:
        """Return the names of the studies."""
        return [each["name"] for each in self.call("GET", "/studies")["studies"]]

    def save(self, text: str) -> str:
        """Save a new study, given as YAML; give its name."""
        return str(self.call("POST", "/studies", is_safe=True, json={"text": text})["name"])

    def plan(self, study: str, profile: str = "local", **wishes: Any) -> list[dict[str, Any]]:
        """Return what a run would be about: each experiment, whether it would run, and why."""
        body = {"profile": profile, **wishes}
        found: list[dict[str, Any]] = []
        while True:
            parameters = {"offset": len(found), "limit": PAGE}
            page = self.call("POST", f"/studies/{study}/plan", is_safe=True, json=body, params=parameters)
            found += page["experiments"]
            if len(found) >= page["total"] or not page["experiments"]:
                return found

    def run(self, study: str, profile: str = "local", key: str = "", **wishes: Any) -> RemoteRun:
        """Start a run, with the words of ``fairmesh.run``; a lost answer does not start it twice."""
        return self._started(f"/studies/{study}/runs", {"profile": profile, **wishes}, key)

    def _started(self, path: str, body: Mapping[str, Any], key: str) -> RemoteRun:
        found = self.call("POST", path, json=body, headers={KEY: key or str(uuid4())})
        return RemoteRun(self, found["study"], found["uuid"])

    def runs(self, study: str = "") -> list[RemoteRun]:
        """Return the last hundred runs, of all studies or of one, the last one first."""
        found = self.call("GET", "/runs", params={"study": study})["runs"]
        return [RemoteRun(self, each["study"], each["uuid"]) for each in found]

    def status(self, study: str, where: str = "", states: Sequence[str] = ()) -> StudyStatus:
        """Return how a study stands, with all of its experiments, or those that are chosen."""
        about = self.call("GET", f"/studies/{study}/status")
        jobs: list[JobStatus] = []
        offset: int | None = 0
        while offset is not None:
            asked: dict[str, Any] = {"where": where, "state": list(states), "offset": offset, "limit": PAGE}
            page = self.call("GET", f"/studies/{study}/experiments", params=asked)
            jobs += [_made(JobStatus, each, point={"axes": each["axes"]}) for each in page["experiments"]]
            offset = page["next"]
        run = _made(RunStatus, about["run"]) if about["run"] else None
        return StudyStatus(
            study, about["title"], "", about["now"], run, tuple(jobs), (), about["left"], about["scheduler"]
        )

    def results(self, study: str) -> pd.DataFrame:
        """Return a study's results as a frame, with units in its ``attrs``, as ``fairmesh.load_results`` does."""
        import pandas as pd  # noqa: PLC0415  half a second

        rows: list[list[Any]] = []
        while True:
            page = self.call("GET", f"/studies/{study}/results", params={"offset": len(rows), "limit": PAGE})
            rows += page["rows"]
            if page["next"] is None:
                break
        frame = pd.DataFrame(rows, columns=page["columns"]).convert_dtypes()
        frame.attrs = {name: page[name] for name in ("study", "title", "units", "better")}
        return frame

    def events(self, study: str, last: str = "") -> Iterator[Event]:
        """Listen to a study, without an end; a lost connection is taken up where it broke."""
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with self._http.stream("GET", f"/studies/{study}/events", headers=headers) as answer:
                    if answer.is_error:
                        answer.read()
                    for event in _events(self._checked(answer).iter_lines()):
                        last = event.id or last
                        yield event
            except httpx.TransportError:
                time.sleep(PERIOD)


@dataclass(frozen=True)
class RemoteRun:
    """A run on the computer of the service; like ``fairmesh.Run``."""

    client: Client
    study: str
    uuid: str

    def info(self) -> dict[str, Any]:
        """Return what is known of the run itself."""
        found: dict[str, Any] = self.client.call("GET", f"/runs/{self.uuid}")
        return found

    @property
    def state(self) -> str:
        """One of ``starting``, ``running``, ``done``, ``failed``, ``cancelled`` and ``lost``."""
        return str(self.info()["state"])

    def done(self) -> bool:
        """Return whether the run is over."""
        return not self.info()["alive"]

    def status(self) -> StudyStatus:
        """Return how the study stands now; without experiments as long as its first run has not begun."""
        try:
            return self.client.status(self.study)
        except FairmeshError:
            about = self.info()
            if about["state"] != STARTING:
                raise
            return StudyStatus(self.study, "", "", jsonfiles.now(), _made(RunStatus, about), (), ())

    def wait(self, timeout: float | None = None) -> StudyStatus:
        """Wait for the end of the run, and give how the study stands then.

        Raises
        ------
        TimeoutError
            If the run goes on after that time.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        while not self.done():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"run {self.uuid} of {self.study} goes on after {timeout} s")
            time.sleep(PERIOD)
        return self.status()

    def cancel(self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = ()) -> tuple[str, ...]:
        """Cancel experiments of the run, or the whole run if none is named; give what was cancelled."""
        body = {"names": list(names), "where": where, "states": list(states)}
        done = self.client.call("POST", f"/runs/{self.uuid}/cancel", json=body)
        return tuple(_made(JobStatus, each).name for each in done["jobs"])

    def retry(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), wait: bool = False, key: str = ""
    ) -> RemoteRun:
        """Run again what ended without a result, or those of it that are named."""
        body = {"names": list(names), "where": where, "states": list(states), "wait": wait}
        return self.client._started(f"/runs/{self.uuid}/retry", body, key)

    def logs(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), lines: int = 20
    ) -> dict[str, list[str]]:
        """Return the last lines of logs by experiment: of all that ended badly, or of those that are named."""
        chosen = states or (() if names or where else BAD_ENDS)
        found = JobSelection(tuple(names)).of(self.client.status(self.study, where, chosen))
        return {each.name: self._log(each.key)[-lines:] for each in found}

    def _log(self, key: str) -> list[str]:
        path = f"/studies/{self.study}/experiments/{key}/log"
        found: list[str] = self.client.call("GET", path, params={"offset": -(1 << 16)})["lines"]
        return found

    def results(self) -> pd.DataFrame:
        """Return the study's results."""
        return self.client.results(self.study)


def _transport(url: str) -> httpx.HTTPTransport:
    """Return what leads to an address: through a proxy if the environment names one for it."""
    proxy = find_proxy(url)
    try:
        return httpx.HTTPTransport(proxy=proxy or None)
    except (ImportError, ValueError) as error:
        raise FairmeshError(f"{url}{proxy_note(proxy)}: {error}") from error


def _made(kind: type[Any], content: Mapping[str, Any], **more: Any) -> Any:
    """Make one of our small objects of what ``to_json`` of it gave."""
    names = {each.name for each in fields(kind)}
    renamed = {f"is_{name}": value for name, value in content.items() if name in {"alive", "selected", "blocked"}}
    return kind(**{name: value for name, value in {**content, **renamed, **more}.items() if name in names})


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """Read server-sent events, as far as this service writes them: a line a field."""
    found: dict[str, str] = {}
    for line in lines:
        if not line and "data" in found:
            yield Event(found.get("id", ""), found.get("event", ""), json.loads(found["data"]))
            found = {}
        name, _, value = line.partition(": ")
        if name:
            found[name] = value

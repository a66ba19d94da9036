"""The functions of the Python interface, over the REST service on another computer.

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
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.proxies import find_proxy, proxy_note
from fairmesh.runner import jsonfiles
from fairmesh.status import JobSelection, JobStatus, MachineStatus, RunStatus, StudyStatus
from fairmesh.web.access import TOKEN_VARIABLE, read_token, token_file

if TYPE_CHECKING:
    import pandas as pd

URL = "http://127.0.0.1:8765"
PERIOD = 1.0  # seconds between two requests of ``wait``, and before a request is repeated
PAGE = 1000  # entries of a list in one response
TRIES = 3
KEY = "Idempotency-Key"
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Event(NamedTuple):
    """A change of a study."""

    id: str
    kind: str
    data: dict[str, Any]


class Client:
    """A connection to a REST service.

    Parameters
    ----------
    url : str
        Address of the service; by default on this computer.
    token : str
        The token of the service; by default ``$FAIRMESH_TOKEN``, or the token file on this computer.
    timeout : float
        Seconds to wait for a response.
    """

    def __init__(self, url: str = URL, token: str = "", timeout: float = 60.0) -> None:
        token = token or os.environ.get(TOKEN_VARIABLE) or read_token(token_file())
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1",
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout,
            transport=_transport(url),
        )
        self._address = f"{url}{proxy_note(find_proxy(url))}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(self, method: str, path: str, is_safe: bool = False, **more: Any) -> Any:
        """Send a request to an address below /api/v1, and return the JSON of the response.

        After a lost connection, a request is repeated only if that is safe: GET, with a key, or ``is_safe``.

        Raises
        ------
        InputError
            If the request has mistakes.
        BusyError
            If a run is in progress.
        FairmeshError
            If anything else fails.
        """
        is_safe = is_safe or method == "GET" or KEY in more.get("headers", {})
        for left in reversed(range(TRIES)):
            try:
                return self._content(self._http.request(method, path, **more))
            except httpx.TransportError as error:
                if not left or not (is_safe or isinstance(error, NOT_SENT)):
                    raise FairmeshError(f"{self._address}: no answer: {error or type(error).__name__}") from error
                time.sleep(PERIOD)
        raise AssertionError

    def _content(self, response: httpx.Response) -> Any:
        """Return the content of a successful response."""
        try:
            return self._checked(response).json()
        except ValueError as error:
            raise FairmeshError(
                f"{self._address}: not a response of fairmesh's service: {response.status_code}"
            ) from error

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Return a successful response, or raise its error."""
        if not response.is_error:
            return response
        try:
            content = response.json()
            detail, mistakes = str(content["detail"]), content.get("errors") or []
        except (ValueError, KeyError, TypeError):
            raise FairmeshError(f"{self._address}: {response.status_code} {response.reason_phrase}") from None
        match response.status_code:
            case 409:
                raise BusyError(detail)
            case 422:
                raise InputError([Problem(**mistake) for mistake in mistakes] or [Problem(detail)])
        raise FairmeshError(f"{response.url}: {detail}")

    def studies(self) -> list[str]:
        """Return the names of the studies."""
        return [study["name"] for study in self.call("GET", "/studies")["studies"]]

    def save(self, text: str) -> str:
        """Save a new study from its YAML text; return its name."""
        return str(self.call("POST", "/studies", is_safe=True, json={"text": text})["name"])

    def plan(self, study: str, profile: str = "local", **options: Any) -> list[dict[str, Any]]:
        """Return the experiments of a run, and whether and why each would run."""
        body = {"profile": profile, **options}
        experiments: list[dict[str, Any]] = []
        while True:
            parameters = {"offset": len(experiments), "limit": PAGE}
            page = self.call("POST", f"/studies/{study}/plan", is_safe=True, json=body, params=parameters)
            experiments += page["experiments"]
            if len(experiments) >= page["total"] or not page["experiments"]:
                return experiments

    def estimate(self, study: str, profile: str = "local", **options: Any) -> dict[str, Any]:
        """Return what the experiments that would run will use, with the estimate of each of the first ones."""
        body = {"profile": profile, **options}
        found: dict[str, Any] = self.call(
            "POST", f"/studies/{study}/estimate", is_safe=True, json=body, params={"limit": PAGE}
        )
        return found

    def run(self, study: str, profile: str = "local", key: str = "", **options: Any) -> RemoteRun:
        """Start a run, with the options of ``fairmesh.run``; a repeated request does not start it twice."""
        return self._start(f"/studies/{study}/runs", {"profile": profile, **options}, key)

    def _start(self, path: str, body: Mapping[str, Any], key: str) -> RemoteRun:
        run = self.call("POST", path, json=body, headers={KEY: key or str(uuid4())})
        return RemoteRun(self, run["study"], run["uuid"])

    def runs(self, study: str = "") -> list[RemoteRun]:
        """Return the last hundred runs, of all studies or of one, the latest first."""
        runs = self.call("GET", "/runs", params={"study": study})["runs"]
        return [RemoteRun(self, run["study"], run["uuid"]) for run in runs]

    def status(self, study: str, where: str = "", states: Sequence[str] = ()) -> StudyStatus:
        """Return the status of a study, with all or selected experiments."""
        about = self.call("GET", f"/studies/{study}/status")
        jobs: list[JobStatus] = []
        offset: int | None = 0
        while offset is not None:
            query: dict[str, Any] = {"where": where, "state": list(states), "offset": offset, "limit": PAGE}
            page = self.call("GET", f"/studies/{study}/experiments", params=query)
            jobs += [_from_json(JobStatus, job, point={"axes": job["axes"]}) for job in page["experiments"]]
            offset = page["next"]
        run = _from_json(RunStatus, about["run"]) if about["run"] else None
        return StudyStatus(
            study=study,
            title=about["title"],
            source="",
            now=about["now"],
            run=run,
            experiments=tuple(jobs),
            stages=(),
            left=about["left"],
            scheduler=about["scheduler"],
            machines=tuple(MachineStatus.of_json(machine["machine"], machine) for machine in about["machines"]),
        )

    def compare_machines(self, study: str, reference: str = "") -> dict[str, Any]:
        """Return the comparison of a study's machines, with the content of ``fairmesh compare --by machine --json``."""
        content: dict[str, Any] = self.call("GET", f"/studies/{study}/machines", params={"reference": reference})
        return content

    def results(self, study: str) -> pd.DataFrame:
        """Return the results of a study as a data frame, like ``fairmesh.load_results``."""
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
        """Yield the changes of a study without end; after a lost connection, continue where it ended."""
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with self._http.stream("GET", f"/studies/{study}/events", headers=headers) as response:
                    if response.is_error:
                        response.read()
                    for event in _events(self._checked(response).iter_lines()):
                        last = event.id or last
                        yield event
            except httpx.TransportError:
                time.sleep(PERIOD)


@dataclass(frozen=True)
class RemoteRun:
    """A run on the computer of the service, like ``fairmesh.Run``."""

    client: Client
    study: str
    uuid: str

    def info(self) -> dict[str, Any]:
        """Return the status of the run itself."""
        run: dict[str, Any] = self.client.call("GET", f"/runs/{self.uuid}")
        return run

    @property
    def state(self) -> str:
        """One of ``starting``, ``running``, ``done``, ``failed``, ``cancelled`` and ``lost``."""
        return str(self.info()["state"])

    def done(self) -> bool:
        """Return whether the run is over."""
        return not self.info()["alive"]

    def status(self) -> StudyStatus:
        """Return the status of the study; without experiments until its first run has begun."""
        try:
            return self.client.status(self.study)
        except FairmeshError:
            about = self.info()
            if about["state"] != STARTING:
                return self.client.status(self.study)  # the run may have begun since the first request
            return StudyStatus(self.study, "", "", jsonfiles.now(), _from_json(RunStatus, about), (), ())

    def wait(self, timeout: float | None = None) -> StudyStatus:
        """Wait for the end of the run, and return the status of the study.

        Raises
        ------
        TimeoutError
            If the run is still in progress then.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        while not self.done():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"run {self.uuid} of {self.study} is still in progress after {timeout} s")
            time.sleep(PERIOD)
        return self.status()

    def cancel(self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = ()) -> tuple[str, ...]:
        """Cancel experiments of the run, or the whole run if none is named; return the names of the cancelled ones."""
        body = {"names": list(names), "where": where, "states": list(states)}
        result = self.client.call("POST", f"/runs/{self.uuid}/cancel", json=body)
        return tuple(_from_json(JobStatus, job).name for job in result["jobs"])

    def retry(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), wait: bool = False, key: str = ""
    ) -> RemoteRun:
        """Run again all experiments that ended without a result, or a selection of them."""
        body = {"names": list(names), "where": where, "states": list(states), "wait": wait}
        return self.client._start(f"/runs/{self.uuid}/retry", body, key)

    def logs(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), lines: int = 20
    ) -> dict[str, list[str]]:
        """Return the last lines of logs by experiment: by default of all that failed."""
        states = states or (() if names or where else BAD_ENDS)
        jobs = JobSelection(tuple(names)).of(self.client.status(self.study, where, states))
        return {job.name: self._log(job.key)[-lines:] for job in jobs}

    def _log(self, key: str) -> list[str]:
        path = f"/studies/{self.study}/experiments/{key}/log"
        lines: list[str] = self.client.call("GET", path, params={"offset": -(1 << 16)})["lines"]
        return lines

    def results(self) -> pd.DataFrame:
        """Return the study's results."""
        return self.client.results(self.study)


def _transport(url: str) -> httpx.HTTPTransport:
    """Return the transport to an address, through a proxy if the environment names one."""
    proxy = find_proxy(url)
    try:
        return httpx.HTTPTransport(proxy=proxy or None)
    except (ImportError, ValueError) as error:
        raise FairmeshError(f"{url}{proxy_note(proxy)}: {error}") from error


def _from_json(kind: type[Any], content: Mapping[str, Any], **more: Any) -> Any:
    """Return an object from the result of its ``to_json``."""
    names = {field.name for field in fields(kind)}
    renamed = {f"is_{name}": value for name, value in content.items() if name in {"alive", "selected", "blocked"}}
    return kind(**{name: value for name, value in {**content, **renamed, **more}.items() if name in names})


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """Yield server-sent events, with one line for each field, as the service writes them."""
    event: dict[str, str] = {}
    for line in lines:
        if not line and "data" in event:
            yield Event(event.get("id", ""), event.get("event", ""), json.loads(event["data"]))
            event = {}
        name, _, value = line.partition(": ")
        if name:
            event[name] = value

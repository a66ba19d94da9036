"""What an experiment will take, by what earlier ones with like parameters took."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.files import canonical_json
from fairmesh.jobs.attempts import read_checked
from fairmesh.jobs.records import ENERGY_METHOD, check_record
from fairmesh.results.metrics import finite
from fairmesh.runner.protocol import COMMIT, RECORDS, STAGES
from fairmesh.study.plan import Experiment

Likeness = Literal["same", "like"]
RUNTIME = "runtime"
POINTS = 300  # points of earlier results, the newest, that those without the same parameters are held against


@dataclass(frozen=True)
class Earlier:
    """A result that there is.

    Parameters
    ----------
    study, machine : str
        Where it came from.
    parameters : dict
        All of them, without the seed.
    runtime : float or None
        The minutes that it asked for.
    seconds : float
        What it took.
    energy_j : float or None
        What it used, if that is known.
    energy_method : str
        How that is known.
    """

    study: str
    machine: str
    parameters: dict[str, Any]
    runtime: float | None
    seconds: float
    energy_j: float | None = None
    energy_method: str = ""


@dataclass(frozen=True)
class Expected:
    """What one experiment will take.

    Parameters
    ----------
    seconds : float
        The median of the results that it rests on, scaled by the run time asked for.
    energy_j : float or None
        Likewise; None if none of them knows.
    likeness : str
        ``same`` parameters but for the seed, or ``like`` ones.
    rests_on : tuple of Earlier
        The results.
    is_scaled : bool
        Whether they asked for other run times.
    """

    seconds: float
    energy_j: float | None
    likeness: Likeness
    rests_on: tuple[Earlier, ...]
    is_scaled: bool


class Memory:
    """Earlier results of an application on a machine; those of other machines count where it has none.

    Parameters
    ----------
    earlier : iterable of Earlier
        What is known, the newest last.
    machine : str
        Where the experiments will run.
    seed : str
        The parameter that is no difference; empty if there is none.
    """

    def __init__(self, earlier: Iterable[Earlier], machine: str, seed: str = "") -> None:
        known = list(earlier)
        self.used = [each for each in known if each.machine == machine] or known
        self._seed = seed
        self._points: dict[str, list[Earlier]] = {}
        for each in self.used:
            self._points.setdefault(canonical_json(each.parameters), []).append(each)
        self._found: dict[str, Expected | None] = {}

    def expect(self, experiment: Experiment) -> Expected | None:
        """Say what an experiment will take; None if nothing is known."""
        own = {name: value for name, value in experiment.parameters.items() if name != self._seed}
        runtime = _number(experiment.resources.get(RUNTIME))
        key = canonical_json([own, runtime])
        if key not in self._found:
            self._found[key] = self._expect(own, runtime)
        return self._found[key]

    def _expect(self, own: dict[str, Any], runtime: float | None) -> Expected | None:
        same = self._points.get(canonical_json(own))
        found = same or self._nearest(own)
        if not found:
            return None
        factors = [_factor(runtime, each.runtime) for each in found]
        joules = [each.energy_j * by for each, by in zip(found, factors, strict=True) if each.energy_j is not None]
        return Expected(
            statistics.median(each.seconds * by for each, by in zip(found, factors, strict=True)),
            statistics.median(joules) if joules else None,
            "same" if same else "like",
            tuple(found),
            any(by != 1 for by in factors),
        )

    def _nearest(self, own: Mapping[str, Any]) -> list[Earlier]:
        """Return the results that share the most parameters."""
        points = list(self._points.values())[-POINTS:]
        alike = [sum(point[0].parameters.get(name) == value for name, value in own.items()) for point in points]
        most = max(alike, default=0)
        return [each for count, point in zip(alike, points, strict=True) if count == most for each in point]


def _factor(runtime: float | None, before: float | None) -> float:
    """Return how many times as long an application says that it takes: by the run times that it asks for."""
    return runtime / before if runtime and before else 1.0


def earlier_results(results: Path, application: str, seed: str = "", problems: list[str] | None = None) -> list[Earlier]:
    """Read all results of an application, the newest last, whatever study they are of and whether it still names them.

    Parameters
    ----------
    results : Path
        The results folder.
    application : str
        The name of the application.
    seed : str
        The parameter that is no difference; empty if there is none.
    problems : list of str, optional
        Takes the files that are there and cannot be read.
    """

    def check(record: dict[str, Any]) -> None:
        if _name_of(record) in {"", application}:  # what is wrong with other applications' results does not count
            check_record(record)

    found = []
    for path in sorted(results.glob(f"*/{RECORDS}/*/*.json")):
        record = _read(path, check, problems)
        if _name_of(record) == application and record.get("seconds") is not None:
            found.append((str(record.get("ended") or ""), _earlier(path, record, seed)))
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def stage_seconds(results: Path, application: str, problems: list[str] | None = None) -> dict[str, float]:
    """Return the median time of each of an application's shared stages; ``problems`` as for ``earlier_results``."""
    found: dict[str, list[float]] = {}
    for path in sorted((results / STAGES / application).glob(f"*/{COMMIT}")):
        seconds = _read(path, check_record, problems).get("seconds")
        if seconds is not None:
            found.setdefault(path.parent.name.rpartition("-")[0], []).append(seconds)
    return {name: statistics.median(values) for name, values in found.items()}


def _read(path: Path, check: Callable[[dict[str, Any]], None], problems: list[str] | None) -> dict[str, Any]:
    found, problem = read_checked(path, check)
    if problem and problems is not None:
        problems.append(problem)
    return found


def _name_of(record: Mapping[str, Any]) -> str:
    """Return the name of the application that a record is of; empty if it does not say that."""
    application = record.get("application")
    return str(application.get("name") or "") if isinstance(application, dict) else ""


def _earlier(path: Path, record: Mapping[str, Any], seed: str) -> Earlier:
    """Return what a sound record says of its time."""
    resources, usage = record.get("resources"), record.get("usage") or {}
    return Earlier(
        path.parts[-4],
        path.parts[-2],
        {name: value for name, value in (record.get("parameters") or {}).items() if name != seed},
        _number(resources.get(RUNTIME)) if isinstance(resources, dict) else None,
        record["seconds"],
        usage.get("energy_j"),
        str(usage.get(ENERGY_METHOD) or ""),
    )


def _number(found: Any) -> float | None:
    try:
        return finite(found)
    except ValueError:
        return None

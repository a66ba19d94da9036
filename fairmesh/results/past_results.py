"""Time and energy of past results, from which those of new experiments are estimated."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.files import canonical_json
from fairmesh.jobs.reading import read_checked
from fairmesh.jobs.reading import ENERGY_METHOD, check_record
from fairmesh.results.metrics import finite
from fairmesh.runner.protocol import COMMIT, RECORDS, STAGES
from fairmesh.study.plan import Experiment

Similarity = Literal["same", "like"]
RUNTIME = "runtime"
POINTS = 300  # the newest points among which similar parameters are searched


@dataclass(frozen=True)
class PastResult:
    """The time and energy of a result.

    Parameters
    ----------
    study, machine : str
        Its study and machine.
    parameters : dict
        All parameters except the seed.
    runtime : float or None
        The requested run time, in minutes.
    seconds : float
        Its duration.
    energy_j : float or None
        Its energy, if known.
    energy_method : str
        The method of measurement.
    """

    study: str
    machine: str
    parameters: dict[str, Any]
    runtime: float | None
    seconds: float
    energy_j: float | None = None
    energy_method: str = ""


@dataclass(frozen=True)
class ExpectedCost:
    """The expected time and energy of an experiment.

    Parameters
    ----------
    seconds : float
        Median of the past results, scaled by the requested run times.
    energy_j : float or None
        Likewise; None if no past result has it.
    likeness : str
        ``same`` parameters except the seed, or ``like`` (similar) ones.
    rests_on : tuple of PastResult
        The past results.
    is_scaled : bool
        Whether their requested run times differ from the experiment's.
    """

    seconds: float
    energy_j: float | None
    likeness: Similarity
    rests_on: tuple[PastResult, ...]
    is_scaled: bool


class PastResults:
    """PastResult results of an application on a machine; those of other machines count where it has none.

    Parameters
    ----------
    earlier : iterable of PastResult
        All past results, newest last.
    machine : str
        The machine of the new experiments.
    seed : str
        The parameter to ignore; empty if there is none.
    """

    def __init__(self, earlier: Iterable[PastResult], machine: str, seed: str = "") -> None:
        known = list(earlier)
        self.used = [result for result in known if result.machine == machine] or known
        self._seed = seed
        self._points: dict[str, list[PastResult]] = {}
        for result in self.used:
            self._points.setdefault(canonical_json(result.parameters), []).append(result)
        self._found: dict[str, ExpectedCost | None] = {}

    def expect(self, experiment: Experiment) -> ExpectedCost | None:
        """Estimate an experiment; None without past results."""
        own = {name: value for name, value in experiment.parameters.items() if name != self._seed}
        runtime = _number(experiment.resources.get(RUNTIME))
        key = canonical_json([own, runtime])
        if key not in self._found:
            self._found[key] = self._expect(own, runtime)
        return self._found[key]

    def _expect(self, own: dict[str, Any], runtime: float | None) -> ExpectedCost | None:
        same = self._points.get(canonical_json(own))
        results = same or self._nearest(own)
        if not results:
            return None
        factors = [_factor(runtime, result.runtime) for result in results]
        joules = [result.energy_j * factor for result, factor in zip(results, factors, strict=True) if result.energy_j is not None]
        return ExpectedCost(
            statistics.median(result.seconds * factor for result, factor in zip(results, factors, strict=True)),
            statistics.median(joules) if joules else None,
            "same" if same else "like",
            tuple(results),
            any(factor != 1 for factor in factors),
        )

    def _nearest(self, own: Mapping[str, Any]) -> list[PastResult]:
        """Return the results with the most parameters in common."""
        points = list(self._points.values())[-POINTS:]
        shared = [sum(point[0].parameters.get(name) == value for name, value in own.items()) for point in points]
        most = max(shared, default=0)
        return [result for count, point in zip(shared, points, strict=True) if count == most for result in point]


def _factor(runtime: float | None, before: float | None) -> float:
    """Return the ratio of requested run times."""
    return runtime / before if runtime and before else 1.0


def load_past_results(folder: Path, application: str, seed: str = "", problems: list[str] | None = None) -> list[PastResult]:
    """Load all results of an application, newest last, from all studies, planned or not.

    Parameters
    ----------
    folder : Path
        The results folder.
    application : str
        The name of the application.
    seed : str
        The parameter to ignore; empty if there is none.
    problems : list of str, optional
        Receives the files that cannot be read.
    """

    def check(record: dict[str, Any]) -> None:
        if _name_of(record) in {"", application}:  # invalid results of other applications are ignored
            check_record(record)

    results = []
    for path in sorted(folder.glob(f"*/{RECORDS}/*/*.json")):
        record = _read(path, check, problems)
        if _name_of(record) == application and record.get("seconds") is not None:
            results.append((str(record.get("ended") or ""), _earlier(path, record, seed)))
    return [result for _, result in sorted(results, key=lambda pair: pair[0])]


def stage_seconds(results: Path, application: str, problems: list[str] | None = None) -> dict[str, float]:
    """Return the median time of each shared stage of an application."""
    times: dict[str, list[float]] = {}
    for path in sorted((results / STAGES / application).glob(f"*/{COMMIT}")):
        seconds = _read(path, check_record, problems).get("seconds")
        if seconds is not None:
            times.setdefault(path.parent.name.rpartition("-")[0], []).append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def _read(path: Path, check: Callable[[dict[str, Any]], None], problems: list[str] | None) -> dict[str, Any]:
    record, problem = read_checked(path, check)
    if problem and problems is not None:
        problems.append(problem)
    return record


def _name_of(record: Mapping[str, Any]) -> str:
    """Return the name of a record's application; empty if it has none."""
    application = record.get("application")
    return str(application.get("name") or "") if isinstance(application, dict) else ""


def _earlier(path: Path, record: Mapping[str, Any], seed: str) -> PastResult:
    """Return the time and energy of a valid record."""
    resources, usage = record.get("resources"), record.get("usage") or {}
    return PastResult(
        path.parts[-4],
        path.parts[-2],
        {name: value for name, value in (record.get("parameters") or {}).items() if name != seed},
        _number(resources.get(RUNTIME)) if isinstance(resources, dict) else None,
        record["seconds"],
        usage.get("energy_j"),
        str(usage.get(ENERGY_METHOD) or ""),
    )


def _number(value: Any) -> float | None:
    try:
        return finite(value)
    except ValueError:
        return None

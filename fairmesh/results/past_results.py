"""What past results used: time, memory, storage and energy, with all that these may depend on."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.jobs.reading import ENERGY_METHOD, check_record, read_checked
from fairmesh.results.metrics import finite
from fairmesh.runner.protocol import COMMIT, RECORDS, STAGES
from fairmesh.study.cost import processors
from fairmesh.study.values import GPU

REQUESTS = ("runtime", "mem_mb")
MACHINE, PROCESSORS, GPU_KIND, VERSION = "@machine", "@processors", "@gpu", "@version"  # names of no parameter
_LABELS = {MACHINE: "machine", PROCESSORS: "processors", GPU_KIND: "GPU", VERSION: "version"}


@dataclass(frozen=True)
class PastResult:
    """What a result used, and what that may depend on.

    Parameters
    ----------
    study, machine, id : str
        Its identity.
    parameters : dict
        All parameters except the seed.
    requests : dict of str to float
        The requested run time in minutes and the requested memory in MB, where known.
    seconds : float or None
        Its duration.
    peak_bytes, stored_bytes : float or None
        The largest memory, and the size of its files, if known.
    energy_j : float or None
        Its energy, if known.
    energy_method : str
        The method of measurement.
    processors : int
        The number of requested processors.
    gpu : str
        The kind of GPU; empty for none.
    version : str
        The version of the application.
    """

    study: str
    machine: str
    id: str
    parameters: dict[str, Any]
    requests: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    peak_bytes: float | None = None
    stored_bytes: float | None = None
    energy_j: float | None = None
    energy_method: str = ""
    processors: int = 1
    gpu: str = ""
    version: str = ""

    @cached_property
    def features(self) -> dict[str, Any]:
        """The parameters, and machine, processors, GPU and version."""
        return features_of(self.parameters, self.machine, self.processors, self.gpu, self.version)


def features_of(parameters: Mapping[str, Any], machine: str, processors: int, gpu: str, version: str) -> dict[str, Any]:
    """Return all that time, memory, storage and energy may depend on, by name."""
    return {**parameters, MACHINE: machine, PROCESSORS: processors, GPU_KIND: gpu, VERSION: version}


def label(name: str) -> str:
    """Return the name of a feature for people.

    >>> label("epochs"), label("@machine")
    ('epochs', 'machine')
    """
    return _LABELS.get(name, name)


def load_past_results(
    folder: Path,
    application: str,
    seed: str = "",
    problems: list[str] | None = None,
    studies: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> list[PastResult]:
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
    studies : iterable of str
        Only results of these studies; of all without any.
    defaults : mapping, optional
        The values of parameters that an older result lacks; other parameters than these are ignored.
    """
    only = set(studies)

    def check(record: dict[str, Any]) -> None:
        if _name_of(record) in {"", application}:  # invalid results of other applications are ignored
            check_record(record)

    results = []
    for path in sorted(folder.glob(f"*/{RECORDS}/*/*.json")):
        if only and path.parts[-4] not in only:
            continue
        record = _read(path, check, problems)
        if _name_of(record) == application and record.get("seconds") is not None:
            results.append(
                (str(record.get("ended") or ""), past_result(path.parts[-4], path.parts[-2], record, {seed}, defaults))
            )
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


def past_result(
    study: str,
    machine: str,
    record: Mapping[str, Any],
    ignored: Container[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> PastResult:
    """Return what a valid record says that its experiment used.

    Parameters
    ----------
    study, machine : str
        Its study and machine.
    record : mapping
        The record.
    ignored : container of str
        Parameters that differ between repeats, such as a seed.
    defaults : mapping, optional
        The values of parameters that an older result lacks; other parameters than these are ignored.
    """
    usage = record.get("usage") or {}
    resources = record.get("resources")
    asked: dict[str, Any] = resources if isinstance(resources, dict) else {}
    return PastResult(
        study,
        machine,
        str(record.get("id") or ""),
        _parameters(record.get("parameters") or {}, ignored, defaults),
        {name: number for name in REQUESTS if (number := _number(asked.get(name)))},
        record.get("seconds"),
        usage.get("peak_bytes"),
        _stored(record.get("files")),
        usage.get("energy_j"),
        str(usage.get(ENERGY_METHOD) or ""),
        _processors(asked),
        gpu_of(record.get("axes") or {}),
        str((record.get("application") or {}).get("version") or ""),
    )


def gpu_of(axes: Mapping[str, Any]) -> str:
    """Return the kind of GPU among the values of axes; empty for none."""
    return str(axes.get(GPU) or "")


def _parameters(
    measured: Mapping[str, Any], ignored: Container[str], defaults: Mapping[str, Any] | None
) -> dict[str, Any]:
    if defaults is not None:
        measured = {name: measured.get(name, default) for name, default in defaults.items()}
    return {name: value for name, value in measured.items() if name not in ignored}


def _stored(files: Any) -> float | None:
    """Return the size of a result's files; None if it is unknown. People may have edited the record."""
    if not isinstance(files, list):
        return None
    sizes = [_number(entry.get("bytes")) if isinstance(entry, dict) else None for entry in files]
    return sum(size for size in sizes if size and size > 0) or None


def _processors(asked: Mapping[str, Any]) -> int:
    try:
        return max(1, processors(asked))
    except (TypeError, ValueError, OverflowError):
        return 1


def _number(value: Any) -> float | None:
    try:
        return finite(value)
    except ValueError:
        return None

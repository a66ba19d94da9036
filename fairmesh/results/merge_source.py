"""Read plans and results from an untrusted results folder, and validate them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.jobs.reading import check_record
from fairmesh.names import experiment_key
from fairmesh.results.load import PLAN
from fairmesh.results.merge_runs import SourceAttempt, SourceRun, read_attempts, read_runs
from fairmesh.results.owners import NO_OWNER, ResultOwner
from fairmesh.results.untrusted import LARGEST_PLAN, UntrustedFileError, UntrustedFolder, as_map
from fairmesh.runner.manifest import path_in
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, EXPERIMENTS, RECORDS, STAGES
from fairmesh.runner.text import printable
from fairmesh.study.studyfile import RESERVED

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._~+=-]{1,200}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9._-]{0,100}", re.ASCII)
_STAGE = re.compile(r"[a-z][a-z0-9_]{0,49}-[0-9a-f]{12}", re.ASCII)
_SOURCE = re.compile(r"config/studies/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml", re.ASCII)
_IDENTITY = ("machine", "id", "key", "axes", "reused", "owner")
_JSON = ".json"


@dataclass(frozen=True)
class SourceResult:
    """A result in a source folder.

    Parameters
    ----------
    source : UntrustedFolder
        The results folder.
    study, machine, id : str
        Its identity.
    record : dict
        The record.
    data : bytes
        The record's bytes.
    has_folder : bool
        Whether the files of its attempt exist.
    publisher : ResultOwner
        The owner of results of its study that name none.
    """

    source: UntrustedFolder
    study: str
    machine: str
    id: str
    record: dict[str, Any] = field(repr=False)
    data: bytes = field(repr=False)
    has_folder: bool = False
    publisher: ResultOwner = NO_OWNER

    @property
    def owner(self) -> ResultOwner:
        """The organization and person that it belongs to."""
        return ResultOwner.read(self.record["owner"]) if "owner" in self.record else self.publisher

    @property
    def original_machine(self) -> str:
        """The name that its owner gave the machine."""
        name = (self.record.get("owner") or {}).get("machine", "")
        return name if _NAME.fullmatch(name) else self.machine

    @property
    def folder(self) -> tuple[str, ...]:
        """Path of the experiment, from the results folder."""
        return (self.study, EXPERIMENTS, self.machine, self.id)

    @property
    def where(self) -> str:
        """Its path, for messages."""
        return f"{self.source.folder}/{self.study}/{self.machine}/{self.id}"


@dataclass
class MergeSource:
    """The plans, results, attempts, runs and stages of a source, and what was skipped, with reasons."""

    source: UntrustedFolder
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: list[SourceResult] = field(default_factory=list)
    attempts: list[SourceAttempt] = field(default_factory=list)
    runs: list[SourceRun] = field(default_factory=list)
    stages: dict[tuple[str, str], bytes] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def studies(self) -> set[str]:
        """The names of its studies."""
        found: list[SourceResult | SourceAttempt | SourceRun] = [*self.results, *self.attempts, *self.runs]
        return {*self.plans, *(item.study for item in found)}

    def publisher(self, study: str) -> ResultOwner:
        """Return the owner of results of a study that name none."""
        publisher = self.plans.get(study, {}).get("publisher")
        return ResultOwner.of_publisher(publisher) if isinstance(publisher, dict) else NO_OWNER

    def machine_owners(self, study: str) -> dict[str, tuple[str, ResultOwner]]:
        """Return the original name and the owner of each machine of a study."""
        points = self.plans.get(study, {}).get("experiments", ())
        owners = {str(point["machine"]): (str(point["machine"]), self.publisher(study)) for point in points}
        owners |= {item.machine: (item.machine, item.owner) for item in self.attempts if item.study == study}
        return owners | {
            item.machine: (item.original_machine, item.owner) for item in self.results if item.study == study
        }


def canonical_result(record: dict[str, Any]) -> str:
    """Return a record as canonical JSON without its identity, to compare results."""
    return canonical_json({name: value for name, value in record.items() if name not in _IDENTITY})


def read_source(folder: Path) -> MergeSource:
    """Read a results folder, or the folder of one study in it."""
    whole = folder.resolve()
    one = UntrustedFolder(whole).has(PLAN)
    source = MergeSource(UntrustedFolder(whole.parent if one else whole))
    for name in [whole.name] if one else source.source.names():
        if {PLAN, RECORDS, EXPERIMENTS} & {*source.source.names(name)}:
            _study(name, source)
    return source


def _study(name: str, source: MergeSource) -> None:
    if not _NAME.fullmatch(name) or name.lower() in RESERVED:
        source.skipped.append(f"{source.source.folder}/{name[:100]!r}: not the name of a study")
        return
    if source.source.has(name, PLAN):
        try:
            plan = source.source.read_map(name, PLAN, largest=LARGEST_PLAN)
            study = plan.get("study")
            if isinstance(study, str) and _NAME.fullmatch(study) and study != name:
                source.skipped.append(
                    f"{source.source.folder}/{name}: holds results of study {study!r}; rename the folder to {study}"
                )
                return
            source.plans[name] = checked_plan(plan, name)
        except (UntrustedFileError, OSError) as error:
            source.skipped.append(f"{source.source.folder}/{name}/{PLAN}: {_words(error)}")
    for machine in sorted({*source.source.names(name, RECORDS), *source.source.names(name, EXPERIMENTS)}):
        _machine(name, machine, source)
    for stage in source.source.names(name, STAGES):
        _stage(name, stage, source)
    source.runs += read_runs(source.source, name, source.publisher(name), source.skipped)


def _machine(study: str, machine: str, source: MergeSource) -> None:
    """Add the records of a machine, commits without a record, and attempts without a result."""
    publisher = source.publisher(study)
    if not _NAME.fullmatch(machine):
        source.skipped.append(f"{source.source.folder}/{study}: not the name of a machine: {machine[:100]!r}")
        return
    files = source.source.names(study, RECORDS, machine)
    recorded = {name.removesuffix(_JSON) for name in files if name.endswith(_JSON) and not name.startswith(".")}
    for name in sorted({*recorded, *source.source.names(study, EXPERIMENTS, machine)}):
        record = (study, RECORDS, machine, f"{name}{_JSON}")
        commit = (study, EXPERIMENTS, machine, name, COMMIT)
        if _ID.fullmatch(name):
            attempts = read_attempts(source.source, study, machine, name, publisher, source.skipped)
            source.attempts += attempts
        if name not in recorded and not source.source.has(*commit):
            continue
        try:
            result = _read_result(source.source, record if name in recorded else commit, commit, name)
            source.results.append(replace(result, publisher=publisher))
        except (UntrustedFileError, OSError) as error:
            source.skipped.append(f"{source.source.folder}/{study}/{machine}/{printable(name[:150])}: {_words(error)}")


def _read_result(folder: UntrustedFolder, path: tuple[str, ...], commit: tuple[str, ...], name: str) -> SourceResult:
    if not _ID.fullmatch(name):
        raise UntrustedFileError("not the id of an experiment")
    data = folder.read(*path)
    record = as_map(data)
    result = SourceResult(folder, commit[0], commit[2], name, record, data)
    _check_record(result)
    has_folder = folder.has(*commit) and folder.read(*commit) == data
    has_folder = has_folder and bool(folder.names(*commit[:-1], ATTEMPTS, str(record["attempt"])))
    return replace(result, has_folder=has_folder)


def _check_record(result: SourceResult) -> None:
    """Check everything that becomes part of a path or that readers of results rely on."""
    record = result.record
    identity = {"study": result.study, "machine": result.machine, "id": result.id}
    for name, expected in identity.items():
        if record.get(name) != expected:
            raise UntrustedFileError(f"its {name} is {str(record.get(name))[:100]!r}")
    for name, pattern in (("fingerprint", _HASH), ("environment", _HASH), ("run", _RUN)):
        if not pattern.fullmatch(str(record.get(name) or ("0" * 64 if name == "environment" else ""))):
            raise UntrustedFileError(f"its {name} is no {'hash' if pattern is _HASH else 'name'}")
    if type(record.get("attempt")) is not int or record["attempt"] < 1:
        raise UntrustedFileError("its attempt is no number above 0")
    if not all(isinstance(record.get(name, {}), dict) for name in ("axes", "parameters", "resources", "stages")):
        raise UntrustedFileError("its axes, parameters, resources or stages are no maps")
    _check_needs(record.get("stages", {}))
    try:
        check_record(record)
        _check_text(record)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise UntrustedFileError(f"not a record: {type(error).__name__}: {error}") from error
    list(listed_files(record))


def listed_files(record: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Yield path (from the experiment's folder), SHA-256 and size of the files of a record's attempt.

    Raises
    ------
    UntrustedFileError
        If an entry is invalid, or leads out of the attempt.
    """
    listed, seen = record.get("files") or [], set[tuple[str, ...]]()
    for file in listed if isinstance(listed, list) else [None]:
        if (
            not isinstance(file, dict)
            or not _HASH.fullmatch(str(file.get("sha256")))
            or not _is_size(file.get("bytes"))
        ):
            raise UntrustedFileError("a file in its list has no hash, or no size")
        path = tuple(path_in(file).split("/"))
        if path[:2] != (ATTEMPTS, str(record["attempt"])) or len(path) < 3 or {"", ".", ".."} & {*path}:
            raise UntrustedFileError(f"a file in its list is not of its attempt: {str(file.get('path'))[:100]!r}")
        if path in seen:
            raise UntrustedFileError(f"a file is listed twice: {'/'.join(path)[:100]!r}")
        seen.add(path)
        yield path, file["sha256"], file["bytes"]


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _stage(study: str, file: str, source: MergeSource) -> None:
    """Add the record of a shared stage."""
    name = file.removesuffix(_JSON)
    if file.startswith(".") or not file.endswith(_JSON):
        return
    try:
        source.stages[study, name] = _checked_stage(source.source.read(study, STAGES, file), name)
    except (UntrustedFileError, OSError) as error:
        source.skipped.append(f"{source.source.folder}/{study}/{STAGES}/{printable(file[:100])}: {_words(error)}")


def _checked_stage(data: bytes, name: str) -> bytes:
    if not _STAGE.fullmatch(name) or str(as_map(data).get("fingerprint"))[:12] != name[-12:]:
        raise UntrustedFileError("not the record of the stage that it is named after")
    return data


def checked_plan(plan: dict[str, Any], study: str) -> dict[str, Any]:
    """Return a validated plan; a path to a study file outside of the project is removed.

    Raises
    ------
    UntrustedFileError
        If the plan is invalid.
    """
    points, application = plan.get("experiments"), plan.get("application")
    if plan.get("study") != study or not isinstance(points, list) or not isinstance(application, dict):
        raise UntrustedFileError("not a plan of this study")
    _check_application(application)
    _check_text(plan)
    for point in points:
        _check_point(point, study)
    source = str(plan.get("source") or "")
    return plan | {"source": source if _SOURCE.fullmatch(source) else ""}


def _check_application(application: dict[str, Any]) -> None:
    if not _NAME.fullmatch(str(application.get("name"))) or not isinstance(application.get("version"), str):
        raise UntrustedFileError("not an application")
    for declared in (application.get("parameters", {}), application.get("metrics", {}), application.get("tables", {})):
        if not isinstance(declared, dict) or not all(isinstance(entry, dict) for entry in declared.values()):
            raise UntrustedFileError("what its application declares is no map")


def _check_text(value: Any) -> None:
    """Check that a value can be written as JSON: Python also reads NaN and lone surrogates."""
    try:
        canonical_json(value).encode()
    except (ValueError, RecursionError) as error:
        raise UntrustedFileError(f"not JSON: {error}") from error


def _check_point(point: Any, study: str) -> None:
    if not isinstance(point, dict):
        raise UntrustedFileError("a point that is no map")
    machine, name = str(point.get("machine")), str(point.get("id"))
    maps = all(isinstance(point.get(key, {}), dict) for key in ("axes", "parameters", "resources", "stages"))
    maps = maps and {"axes", "parameters"} <= point.keys()
    if not (
        _NAME.fullmatch(machine) and _ID.fullmatch(name) and _HASH.fullmatch(str(point.get("fingerprint"))) and maps
    ):
        raise UntrustedFileError(f"not a point: {name[:100]!r}")
    if point.get("key") != experiment_key(study, machine, name):
        raise UntrustedFileError(f"the key of {name[:100]!r} is another's")
    _check_needs(point.get("stages") or {})


def _check_needs(stages: Any) -> None:
    """Check the names of needed stages, which become parts of paths."""
    for name, fingerprint in stages.items() if isinstance(stages, dict) else [("", "")]:
        if not _STAGE.fullmatch(f"{name}-{str(fingerprint)[:12]}"):
            raise UntrustedFileError(f"not a stage: {str(name)[:100]!r}")


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)

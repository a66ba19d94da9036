"""What a foreign results folder offers: its studies, their plans and results, each checked before anybody uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.jobs.records import check_record
from fairmesh.runner.text import printable
from fairmesh.names import experiment_key
from fairmesh.results.foreign import LARGEST_PLAN, Foreign, ForeignError, as_map
from fairmesh.results.load import PLAN
from fairmesh.runner.manifest import path_in
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, EXPERIMENTS, RECORDS, STAGES
from fairmesh.study.studyfile import RESERVED

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._~+=-]{1,200}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9._-]{0,100}", re.ASCII)
_STAGE = re.compile(r"[a-z][a-z0-9_]{0,49}-[0-9a-f]{12}", re.ASCII)
_SOURCE = re.compile(r"config/studies/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml", re.ASCII)
_IDENTITY = ("id", "key", "axes", "reused")
_JSON = ".json"


@dataclass(frozen=True)
class Offer:
    """A result.

    Parameters
    ----------
    source : Foreign
        The results folder that it is in.
    study, machine, id : str
        What it is known by, there.
    record : dict
        What was measured.
    data : bytes
        The same, as it is in the file.
    has_folder : bool
        Whether the files of its attempt are there.
    """

    source: Foreign
    study: str
    machine: str
    id: str
    record: dict[str, Any] = field(repr=False)
    data: bytes = field(repr=False)
    has_folder: bool = False

    @property
    def folder(self) -> tuple[str, ...]:
        """Where the experiment is, from the results folder."""
        return (self.study, EXPERIMENTS, self.machine, self.id)

    @property
    def where(self) -> str:
        """Where it is, for messages."""
        return f"{self.source.folder}/{self.study}/{self.machine}/{self.id}"


@dataclass
class Offers:
    """What one source offers, and what in it cannot be taken, with the reason."""

    source: Foreign
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: list[Offer] = field(default_factory=list)
    stages: dict[tuple[str, str], bytes] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def result_of(record: dict[str, Any]) -> str:
    """Return what a record says, but for the name under which it is kept."""
    return canonical_json({name: value for name, value in record.items() if name not in _IDENTITY})


def offers(folder: Path) -> Offers:
    """Look through a results folder, or a study's folder in one. Nothing outside of it is read, no link is followed."""
    whole = folder.resolve()
    one = Foreign(whole).has(PLAN)
    found = Offers(Foreign(whole.parent if one else whole))
    for name in [whole.name] if one else found.source.names():
        if {PLAN, RECORDS, EXPERIMENTS} & {*found.source.names(name)}:
            _study(name, found)
    return found


def _study(name: str, found: Offers) -> None:
    if not _NAME.fullmatch(name) or name.lower() in RESERVED:
        found.odd.append(f"{found.source.folder}/{name[:100]!r}: not the name of a study")
        return
    if found.source.has(name, PLAN):
        try:
            found.plans[name] = checked_plan(found.source.read_map(name, PLAN, largest=LARGEST_PLAN), name)
        except (ForeignError, OSError) as error:
            found.odd.append(f"{found.source.folder}/{name}/{PLAN}: {_words(error)}")
    for machine in sorted({*found.source.names(name, RECORDS), *found.source.names(name, EXPERIMENTS)}):
        _machine(name, machine, found)
    for stage in found.source.names(name, STAGES):
        _stage(name, stage, found)


def _machine(study: str, machine: str, found: Offers) -> None:
    """Take the records of a machine, and the commits that no workflow has copied."""
    if not _NAME.fullmatch(machine):
        found.odd.append(f"{found.source.folder}/{study}: not the name of a machine: {machine[:100]!r}")
        return
    files = found.source.names(study, RECORDS, machine)
    recorded = {name.removesuffix(_JSON) for name in files if name.endswith(_JSON) and not name.startswith(".")}
    for name in sorted({*recorded, *found.source.names(study, EXPERIMENTS, machine)}):
        record = (study, RECORDS, machine, f"{name}{_JSON}")
        commit = (study, EXPERIMENTS, machine, name, COMMIT)
        if name not in recorded and not found.source.has(*commit):
            continue
        try:
            found.results.append(_offer(found.source, record if name in recorded else commit, commit, name))
        except (ForeignError, OSError) as error:
            found.odd.append(f"{found.source.folder}/{study}/{machine}/{printable(name[:150])}: {_words(error)}")


def _offer(source: Foreign, path: tuple[str, ...], commit: tuple[str, ...], name: str) -> Offer:
    if not _ID.fullmatch(name):
        raise ForeignError("not the id of an experiment")
    data = source.read(*path)
    record = as_map(data)
    offer = Offer(source, commit[0], commit[2], name, record, data)
    _check_record(offer)
    has_folder = source.has(*commit) and source.read(*commit) == data
    has_folder = has_folder and bool(source.names(*commit[:-1], ATTEMPTS, str(record["attempt"])))
    return replace(offer, has_folder=has_folder)


def _check_record(offer: Offer) -> None:
    """Check all that becomes part of a path, and all that readers of results rely on."""
    record = offer.record
    own = {"study": offer.study, "machine": offer.machine, "id": offer.id}
    for name, wanted in own.items():
        if record.get(name) != wanted:
            raise ForeignError(f"its {name} is {str(record.get(name))[:100]!r}")
    for name, pattern in (("fingerprint", _HASH), ("environment", _HASH), ("run", _RUN)):
        if not pattern.fullmatch(str(record.get(name) or ("0" * 64 if name == "environment" else ""))):
            raise ForeignError(f"its {name} is no {'hash' if pattern is _HASH else 'name'}")
    if type(record.get("attempt")) is not int or record["attempt"] < 1:
        raise ForeignError("its attempt is no number above 0")
    if not all(isinstance(record.get(name, {}), dict) for name in ("axes", "parameters", "resources", "stages")):
        raise ForeignError("its axes, parameters, resources or stages are no maps")
    _check_needs(record.get("stages", {}))
    try:
        check_record(record)
        _check_text(record)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ForeignError(f"not a record: {type(error).__name__}: {error}") from error
    list(listed_files(record))


def listed_files(record: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Yield the files of a record's attempt: path from the experiment's folder, SHA-256, bytes.

    Raises
    ------
    ForeignError
        If one of them is not below the attempt, or is not described as it must be.
    """
    listed, seen = record.get("files") or [], set[tuple[str, ...]]()
    for each in listed if isinstance(listed, list) else [None]:
        if not isinstance(each, dict) or not _HASH.fullmatch(str(each.get("sha256"))) or not _is_size(each.get("bytes")):
            raise ForeignError("a file in its list has no hash, or no size")
        path = tuple(path_in(each).split("/"))
        if path[:2] != (ATTEMPTS, str(record["attempt"])) or len(path) < 3 or {"", ".", ".."} & {*path}:
            raise ForeignError(f"a file in its list is not of its attempt: {str(each.get('path'))[:100]!r}")
        if path in seen:
            raise ForeignError(f"a file is listed twice: {'/'.join(path)[:100]!r}")
        seen.add(path)
        yield path, each["sha256"], each["bytes"]


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _stage(study: str, file: str, found: Offers) -> None:
    """Take the record of a shared stage."""
    name = file.removesuffix(_JSON)
    if file.startswith(".") or not file.endswith(_JSON):
        return
    try:
        data = found.source.read(study, STAGES, file)
        if not _STAGE.fullmatch(name) or str(as_map(data).get("fingerprint"))[:12] != name[-12:]:
            raise ForeignError("not the record of the stage that it is named after")
    except (ForeignError, OSError) as error:
        found.odd.append(f"{found.source.folder}/{study}/{STAGES}/{printable(file[:100])}: {_words(error)}")
        return
    found.stages[study, name] = data


def checked_plan(plan: dict[str, Any], study: str) -> dict[str, Any]:
    """Return a plan if its points are what their readers take them for; it names no file outside of a project.

    Raises
    ------
    ForeignError
        If they are not.
    """
    points, application = plan.get("experiments"), plan.get("application")
    if plan.get("study") != study or not isinstance(points, list) or not isinstance(application, dict):
        raise ForeignError("not a plan of this study")
    _check_application(application)
    _check_text(plan)
    for each in points:
        _check_point(each, study)
    source = str(plan.get("source") or "")
    return plan | {"source": source if _SOURCE.fullmatch(source) else ""}


def _check_application(application: dict[str, Any]) -> None:
    if not _NAME.fullmatch(str(application.get("name"))) or not isinstance(application.get("version"), str):
        raise ForeignError("not an application")
    for declared in (application.get("parameters", {}), application.get("metrics", {}), application.get("tables", {})):
        if not isinstance(declared, dict) or not all(isinstance(each, dict) for each in declared.values()):
            raise ForeignError("what its application declares is no map")


def _check_text(value: Any) -> None:
    """Check that a value can be written as JSON: Python also reads numbers that are none, and half characters."""
    try:
        canonical_json(value).encode()
    except (ValueError, RecursionError) as error:
        raise ForeignError(f"not JSON: {error}") from error


def _check_point(point: Any, study: str) -> None:
    if not isinstance(point, dict):
        raise ForeignError("a point that is no map")
    machine, name = str(point.get("machine")), str(point.get("id"))
    maps = all(isinstance(point.get(key, {}), dict) for key in ("axes", "parameters", "resources", "stages"))
    maps = maps and {"axes", "parameters"} <= point.keys()
    if not (_NAME.fullmatch(machine) and _ID.fullmatch(name) and _HASH.fullmatch(str(point.get("fingerprint"))) and maps):
        raise ForeignError(f"not a point: {name[:100]!r}")
    if point.get("key") != experiment_key(study, machine, name):
        raise ForeignError(f"the key of {name[:100]!r} is another's")
    _check_needs(point.get("stages") or {})


def _check_needs(stages: Any) -> None:
    """Check the stages that something needs: their names become parts of paths."""
    for name, fingerprint in stages.items() if isinstance(stages, dict) else [("", "")]:
        if not _STAGE.fullmatch(f"{name}-{str(fingerprint)[:12]}"):
            raise ForeignError(f"not a stage: {str(name)[:100]!r}")


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)

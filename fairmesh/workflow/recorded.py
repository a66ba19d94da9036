"""Find a recorded result by the path of a crate, a record or an experiment, with all that is needed to reproduce it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.fair.crate import SUMS
from fairmesh.fair.crate_reader import Crate
from fairmesh.fair.package import APPLICATIONS
from fairmesh.jobs.reading import read_map
from fairmesh.results import Outcome, best_point, load_study
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ENVIRONMENTS, EXPERIMENT, EXPERIMENTS, RECORDS
from fairmesh.short_names import ShortNames
from fairmesh.study.find import APPLICATION
from fairmesh.workflow.application_copy import application_files


@dataclass(frozen=True)
class Original:
    """A recorded result, with all that is needed to reproduce it.

    Parameters
    ----------
    folder : Path
        The crate, or the study's folder in the results.
    outcome : Outcome
        The result.
    plan : dict
        The study's plan.
    application : Path
        The ``application.yaml`` that it was measured with.
    """

    folder: Path
    outcome: Outcome
    plan: dict[str, Any]
    application: Path

    @property
    def name(self) -> str:
        """The short name of the experiment."""
        return ShortNames.of_plan(self.plan).of(self.outcome.axes)

    @property
    def record(self) -> dict[str, Any]:
        """The record."""
        return self.outcome.record or {}

    @property
    def environment(self) -> dict[str, Any]:
        """The environment of the measurement, as far as known."""
        name = f"{ENVIRONMENTS}/{self.record.get('environment')}.json"
        return read_map(self.folder / name) or read_map(self.folder.parent / name)

    def differences(self, environment: Mapping[str, Any]) -> list[str]:
        """Return the differences to another environment: hardware, interpreter, packages."""
        old, new = _flat(self.environment), _flat(environment)
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return [f"{name}: {old.get(name, 'none')} then, {new.get(name, 'none')} now" for name in names] if old else []


def find(path: Path, identity: str = "") -> Original:
    """Find a recorded result.

    Parameters
    ----------
    path : Path
        A crate or a study's folder in the results; a record; or the folder of an experiment.
    identity : str
        The experiment in a crate, or a point, of which the first repeat is taken; by default the best point.

    Raises
    ------
    InputError
        If there is no such result, or its application is missing.
    """
    folder, named = _place(path)
    study = load_study(folder.parent, folder.name)
    wanted = named or identity
    done = [outcome for outcome in (study.finder.find(wanted) if wanted else study.done) if outcome.record]
    if not done:
        raise InputError([Problem(f"{folder} has no result of {wanted!r}" if wanted else f"{folder} has no result")])
    best = None if wanted else best_point(study)
    chosen = best.run if best else done[0]
    return Original(folder, chosen, study.plan, _application(folder, chosen, study.plan["application"]["name"]))


def _place(path: Path) -> tuple[Path, str]:
    """Return the study's folder for a path, and the experiment as ``machine/id`` if the path names one."""
    place = path.resolve()
    if (place / PLAN).is_file():
        return place, ""
    names = place.parts[-3:]
    if len(names) == 3 and (place.parents[2] / PLAN).is_file():
        if names[0] == RECORDS and place.suffix == ".json":
            return place.parents[2], f"{names[1]}/{place.name.removesuffix('.json')}"
        if names[0] == EXPERIMENTS:
            return place.parents[2], f"{names[1]}/{names[2]}"
    allowed = "a crate, a study's folder in the results, records/MACHINE/ID.json, experiments/MACHINE/ID"
    raise InputError([Problem(f"{path} is no result that can be reproduced", "", allowed)])


def _application(folder: Path, outcome: Outcome, name: str) -> Path:
    packed = folder / APPLICATIONS / name / APPLICATION
    recorded = read_map(outcome.folder / EXPERIMENT).get("application")
    place = str(recorded.get("folder") or "") if isinstance(recorded, dict) else ""
    for path in (packed, folder.parent / place / APPLICATION) if place else (packed,):
        if path.is_file():
            return path
    raise InputError([Problem(f"the application {name} is not in {folder / APPLICATIONS}; `fairmesh crate` packs it")])


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the relevant values of an environment by readable name."""
    python = environment.get("python") if isinstance(environment.get("python"), dict) else {}
    processor = environment.get("processor") if isinstance(environment.get("processor"), dict) else {}
    values = {
        "processor": (processor or {}).get("name"),
        "cores": (processor or {}).get("cores"),
        "gpus": ", ".join(map(str, environment.get("gpus") or [])),
        "python": (python or {}).get("version"),
        **{f"package {name}": version for name, version in ((python or {}).get("packages") or {}).items()},
        **(environment.get("variables") or {}),
    }
    return {name: str(value) for name, value in values.items() if value}


_SHOWN = 10  # files


def verify(original: Original) -> str:
    """Compare the plan, the record, the environment and the application with SHA256SUMS; return a message.

    Raises
    ------
    FairmeshError
        If a file differs, is missing, or is not listed: an added file is a change, too.
    """
    folder = original.folder
    if not (folder / SUMS).is_file():
        return f"{folder} has no {SUMS}: nothing says whether its files are as they were published"
    known = Crate(folder, [], None).sums
    names = sorted({*_read(original), *(name for name in known if name.startswith(f"{APPLICATIONS}/"))})
    wrong = list(_differences(folder, names, known))
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        way = f"get the crate again; of results of your own, `fairmesh crate {folder.name}` writes {SUMS} anew"
        raise FairmeshError("\n".join([*wrong[:_SHOWN], *more, f"nothing was run: {way}"]))
    return f"{len(names)} files are as {SUMS} says"


def _read(original: Original) -> Iterator[str]:
    """Yield the files that a reproduction reads, relative to the study's folder."""
    outcome, environment = original.outcome, f"{ENVIRONMENTS}/{original.record.get('environment')}.json"
    yield PLAN
    yield f"{RECORDS}/{outcome.machine}/{outcome.id}.json"
    if (original.folder / environment).is_file():
        yield environment
    application = original.application.parent
    if application.is_relative_to(original.folder):
        yield from (str(path.relative_to(original.folder)) for path in application_files(application))


def _differences(folder: Path, names: list[str], known: dict[str, str]) -> Iterator[str]:
    crate = Crate(folder, [], None)
    for name in names:
        if name not in known:
            yield f"{folder / name}: not in {SUMS}"
        elif not (digest := crate.sha256(name)):
            yield f"{folder / name}: missing, or it cannot be read"
        elif digest != known[name]:
            yield f"{folder / name}: not as {SUMS} says"

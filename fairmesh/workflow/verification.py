"""Whether what a reproduction reads and runs is as SHA256SUMS says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.fair.crate import SUMS
from fairmesh.fair.crate_reader import Crate
from fairmesh.fair.package import APPLICATIONS
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ENVIRONMENTS, RECORDS
from fairmesh.workflow.carry import application_files
from fairmesh.workflow.recorded import Original

_SHOWN = 10  # files


def verify(original: Original) -> str:
    """Compare the plan, the record, the environment and the application with SHA256SUMS; return a line about it.

    Raises
    ------
    FairmeshError
        If one is not as it says, is missing, or is not named there: that a file was added is a change, too.
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
    """Return the files that a reproduction reads, from the study's folder."""
    outcome, environment = original.outcome, f"{ENVIRONMENTS}/{original.record.get('environment')}.json"
    yield PLAN
    yield f"{RECORDS}/{outcome.machine}/{outcome.id}.json"
    if (original.folder / environment).is_file():
        yield environment
    application = original.application.parent
    if application.is_relative_to(original.folder):
        yield from (str(path.relative_to(original.folder)) for path in application_files(application))


def _differences(folder: Path, names: list[str], known: dict[str, str]) -> Iterator[str]:
    found = Crate(folder, [], None)
    for name in names:
        if name not in known:
            yield f"{folder / name}: not in {SUMS}"
        elif not (digest := found.sha256(name)):
            yield f"{folder / name}: missing, or it cannot be read"
        elif digest != known[name]:
            yield f"{folder / name}: not as {SUMS} says"

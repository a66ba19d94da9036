"""The archive of a study for repositories such as Zenodo, and the redaction of published copies."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.fair.citation import zenodo
from fairmesh.fair.crate import SUMS
from fairmesh.fair.package import Package
from fairmesh.fair.publisher import Owner
from fairmesh.files import json_text, write_if_changed
from fairmesh.jobs.reading import read_map
from fairmesh.names import escape
from fairmesh.results import StudyResults
from fairmesh.runner import jsonfiles
from fairmesh.runner.manifest import read_sums
from fairmesh.runner.safefiles import open_regular, read_regular
from fairmesh.user import home_folder, user_name

HOMES, USERS, HOSTS = "homes", "users", "hosts"
SHORTEST = 4  # characters of a name that is replaced wherever it stands as a word

_NAME = r"[A-Za-z0-9._-]+"
_ROOTS = ("/home", "/Users", "/users", "/export/home", "/usr/home")
_OWNERS = re.compile(f"(?:{'|'.join(_ROOTS)})/({_NAME})")
_KEYS = re.compile(r'"([^"\\]+)"\s*:')
_DONE = ("cancelled", "given up")  # what reasons say of a person and a host
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_-])", r"(?![A-Za-z0-9_-])"


@dataclass(frozen=True)
class Redaction:
    """Replacements in texts and file names.

    Parameters
    ----------
    rules : tuple of (pattern, str)
        In the order in which they are applied.
    """

    rules: tuple[tuple[re.Pattern[str], str], ...]

    @classmethod
    def of(
        cls, study: StudyResults, kinds: Iterable[str], words: Iterable[str] = (), root: Path | None = None
    ) -> Redaction:
        """Collect the names to redact from the results of a study.

        Parameters
        ----------
        study : StudyResults
            The results.
        kinds : iterable of str
            What is to be taken out: ``homes``, ``users``, ``hosts``.
        words : iterable of str
            Further words.
        root : Path, optional
            The folder of the project, whose path goes with the homes.
        """
        chosen = set(kinds)
        rules = [(_word(word), "hidden") for word in words]
        rules += _persons(study)
        if HOMES in chosen:
            rules += [*_homes(), *_project(study, root)]
        if USERS in chosen:
            rules += _users(study)
        if HOSTS in chosen:
            rules += _hosts(study)
        return cls(tuple(rules))

    def text(self, text: str) -> str:
        """Return a redacted text.

        >>> Redaction(((re.compile("node-7"), "host-1"),)).text("ran on node-7")
        'ran on host-1'
        """
        for pattern, replacement in self.rules:
            text = pattern.sub(replacement, text)
        return text


def _persons(study: StudyResults) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield the rules for owners of results who are no authors: they have not agreed to be named."""
    authors = {author.name for author in Owner(study.plan.get("publisher") or {}, study.name).authors}
    owners = {outcome.owner for outcome in study.experiments if outcome.owner.person not in authors}
    values = {("person", owner.person) for owner in owners} | {("orcid", owner.orcid) for owner in owners}
    for key, value in sorted(values):
        for text in {value, json.dumps(value)[1:-1]} - {""}:
            yield re.compile(f'("{key}":\\s*"){re.escape(text)}(?=")'), r"\g<1>"


def _homes() -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield the rules for home directories, also as in ids of experiments."""
    own = str(home_folder() or "/")
    for root in _ROOTS:
        yield re.compile(f"{re.escape(root)}/{_NAME}"), "~"
        yield re.compile(f"{re.escape(escape(root))}{escape('/')}(?:(?!~2f)[A-Za-z0-9._-])+"), escape("~")
    for path in {own, "/root"} - {"/"}:
        yield re.compile(f"(?<![A-Za-z0-9._~-]){re.escape(path)}{_AFTER}"), "~"
        yield re.compile(f"(?<==){re.escape(escape(path))}(?=~2f|\\+|$)"), escape("~")


def _project(study: StudyResults, root: Path | None) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield the rules for a project outside of home directories."""
    source = Path(str(study.plan.get("source") or ""))
    folders = {str(root.resolve())} if root else set()
    folders |= {str(source.parent)} if source.is_absolute() else set()
    for folder in sorted(folders - {"/"}, key=len, reverse=True):
        yield re.compile(f"{re.escape(folder)}{_AFTER}"), "project"


def _users(study: StudyResults) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield the rules for users with home directories in paths, and for the current user."""
    taken, users = _taken(study), set[str]()
    for path in study.folder.rglob("*.json"):
        with suppress(OSError):  # a pipe or a folder, say, of which nothing is published
            text = read_regular(str(path)).decode("utf-8", "replace")
            taken.update(_KEYS.findall(text))
            users.update(_OWNERS.findall(text))
    yield from ((re.compile(f'(?<={words} by )[^\\s@"]+@[A-Za-z0-9._-]+'), "user@host") for words in _DONE)
    yield from ((_word(name), "user") for name in sorted(users - taken) if len(name) >= SHORTEST)
    name = re.escape(user_name())
    if not name:
        return
    # A name such as root is a word as well, so only where a user is meant: in a path, an address or an assignment.
    yield re.compile(f"(?<=/){name}(?=/)"), "user"
    yield re.compile(f"{_BEFORE}{name}(?=@)"), "user"
    yield re.compile(f"(?i:(user|logname|owner)\\b[\"']?\\s*[=:]\\s*[\"']?){name}{_AFTER}"), r"\g<1>=user"


def _hosts(study: StudyResults) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield the rules for hosts, numbered; short names and words of the study only where they mean a host."""
    taken = _taken(study)
    for number, host in enumerate(sorted(set(_named(study)) - {""}), start=1):
        yield re.compile(f'("host":\\s*"){re.escape(host)}(?=")'), rf"\g<1>host-{number}"
        if len(host) >= SHORTEST and host not in taken:
            yield _word(host), f"host-{number}"


def _taken(study: StudyResults) -> set[str]:
    """Return the words of the study that are not redacted even if a user or host has the same name."""
    plan = study.plan
    taken = {study.name, str(plan["application"]["name"]), *map(str, plan.get("machines") or [])}
    return taken | {str(point["machine"]) for point in plan["experiments"]} | set(map(str, plan.get("axes") or []))


def _word(text: str) -> re.Pattern[str]:
    return re.compile(f"{_BEFORE}{re.escape(text)}{_AFTER}")


def _named(study: StudyResults) -> Iterator[str]:
    for outcome in study.experiments:
        yield str(outcome.status.get("host") or "")
        provenance = (outcome.record or {}).get("provenance")
        scheduler = provenance.get("scheduler") if isinstance(provenance, dict) else None
        yield from _nodes(scheduler)
    for path in study.folder.glob("runs/*/run.json"):
        owner = read_map(path).get("owner")
        yield str(owner.get("host") or "") if isinstance(owner, dict) else ""


def _nodes(scheduler: Any) -> Iterator[str]:
    """Yield the nodes that a scheduler recorded."""
    variables = scheduler.get("variables") if isinstance(scheduler, dict) else None
    variables = variables if isinstance(variables, dict) else {}
    yield str(variables.get("SLURM_JOB_NODELIST") or "")
    yield from (word for word in str(variables.get("LSB_MCPU_HOSTS") or "").split() if not word.isdecimal())


_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file knows
_UNIX = 3


def write_archive(package: Package, out: Path, suffix: str = "") -> tuple[Path, Path]:
    """Write the archive of a package and the metadata for Zenodo.

    Parameters
    ----------
    package : Package
        What goes into it: all files that SHA256SUMS names, and no other.
    out : Path
        The folder for both.
    suffix : str
        What their names have after the version.

    Returns
    -------
    (Path, Path)
        The archive and the metadata.

    Raises
    ------
    FairmeshError
        If a file is missing, or the archive cannot be written.
    """
    name = f"{package.study.name}-{package.version}{suffix}"
    archive, metadata = out / f"{name}.zip", out / f"{name}.zenodo.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(package.study.folder, archive)
        write_if_changed(metadata, json_text({"metadata": zenodo(package)}))
    except OSError as error:
        raise FairmeshError(f"{error.filename}: {error.strerror}") from error
    return archive, metadata


def _write(folder: Path, archive: Path) -> None:
    paths = read_sums(read_regular(str(folder / SUMS)))
    beside = Path(jsonfiles.half_path(str(archive)))
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
            for path in sorted([*paths, SUMS]):
                entry = _entry(path, (folder / path).stat().st_size)
                with file.open(entry, "w") as target, open_regular(str(folder / path)) as source:
                    shutil.copyfileobj(source, target, 1 << 20)
        beside.replace(archive)
    finally:
        beside.unlink(missing_ok=True)


def _entry(path: str, size: int) -> zipfile.ZipInfo:
    """Return a reproducible entry for a file."""
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.file_size = size
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = (0o100755 if path.endswith(".sh") else 0o100644) << 16
    return entry

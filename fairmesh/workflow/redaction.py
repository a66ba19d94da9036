"""A copy of a study's results for the world: names of users, hosts and home folders hidden, logs left out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.files import file_sha256, json_text, read_json, write_text
from fairmesh.jobs.attempts import read_map
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import COMMIT, RECORDS

USER, HOME, HOST, HIDDEN, PROJECT = "USER", "HOME", "HOST", "HIDDEN", "PROJECT"

_HOME = re.compile(r"(?:/home|/Users)/([A-Za-z0-9._-]+)|/root(?![\w.-])")
_PUBLIC = {"root", "localhost", ""}  # names that everybody has
_LOGS = {".log", ".mllog"}
_PRIVATE = {"claims", "run.lock", "process.json", "cancel.json"}  # of use to runners on this computer only
_BINARY_PROBE = 1 << 12


@dataclass
class Redaction:
    """What is hidden.

    Parameters
    ----------
    users, hosts, words : set of str
        Names to hide where they stand as whole words.
    folders : set of str
        Where projects lie, as absolute paths.
    logs : bool
        Whether logs are published.
    """

    users: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    logs: bool = False

    @classmethod
    def of(cls, folder: Path, root: Path, words: Iterable[str], logs: bool) -> Redaction:
        """Find the names that a study's own files hold: hosts where they are named, users in paths of home folders."""
        source = Path(str(read_map(folder / PLAN).get("source") or ""))
        folders = {str(root.resolve()), *(str(above) for above in source.parents[2:3] if source.is_absolute())}
        found = cls(words=set(words), folders=folders - {"/"}, logs=logs)
        for path in folder.rglob("*.json"):
            if path.is_file() and not path.is_symlink():
                text = path.read_text(encoding="utf-8", errors="replace")
                found.users |= {match[1] for match in _HOME.finditer(text) if match[1]} - _PUBLIC
                found.hosts |= set(re.findall(r'"host": ?"([^"\\]+)"', text)) - _PUBLIC
        return found

    def text(self, text: str) -> str:
        """Hide the names in a text.

        >>> Redaction(users={"ada"}, hosts={"node-7"}).text("/home/ada/x on node-7 by ada, adagio")
        'HOME/x on HOST by USER, adagio'
        """
        hidden = text
        for folder in sorted(self.folders, key=len, reverse=True):
            hidden = re.sub(rf"{re.escape(folder)}(?![\w.-])", PROJECT, hidden)
        hidden = _HOME.sub(HOME, hidden)
        for names, word in ((self.words, HIDDEN), (self.hosts, HOST), (self.users, USER)):
            if names:
                choice = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
                hidden = re.sub(rf"(?<![\w.-])(?:{choice})(?![\w-])", word, hidden)
        return hidden

    def value(self, value: Any) -> Any:
        """Hide the names in all texts of a JSON value; its keys are ours."""
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.value(each) for each in value]
        return self.text(value) if isinstance(value, str) else value


def redact_study(study: Path, target: Path, rules: Redaction) -> None:
    """Copy a study's folder; what a file says anew has its new hash in the records.

    Parameters
    ----------
    study, target : Path
        The study's folder in the results, and where the copy goes.
    """
    changed: dict[str, tuple[str, int] | None] = {}
    for path in _files(study):
        place = path.relative_to(study)
        if path.suffix in _LOGS and not rules.logs:
            changed[str(place)] = None
        elif _copy(path, target / place, rules):
            changed[str(place)] = (file_sha256(target / place), (target / place).stat().st_size)
    for path in sorted(target.glob(f"experiments/*/*/{COMMIT}")):
        below = path.parent.relative_to(target)
        content = _with_hashes(read_json(path), str(below), changed)
        write_text(path, json_text(content))
        record = target / RECORDS / below.parent.name / f"{below.name}.json"
        if record.is_file():
            write_text(record, json_text(content))


def redact_environments(source: Path, target: Path, rules: Redaction) -> None:
    """Copy the descriptions of what experiments ran on."""
    for path in sorted(source.glob("*.json")):
        _copy(path, target / path.name, rules)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        private = _PRIVATE & set(path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not private and not path.name.startswith("."):
            yield path


def _copy(source: Path, target: Path, rules: Redaction) -> bool:
    """Copy a file with its names hidden; tell whether it says something else than before."""
    target.parent.mkdir(parents=True, exist_ok=True)
    data = source.read_bytes()
    try:
        text = "" if b"\0" in data[:_BINARY_PROBE] else data.decode()
    except UnicodeDecodeError:
        text = ""
    hidden = _hidden(source.suffix, text, rules)
    if hidden == text:
        shutil.copy2(source, target)
        return False
    write_text(target, hidden, source.stat().st_mode & 0o777)
    return True


def _hidden(ending: str, text: str, rules: Redaction) -> str:
    if ending != ".json":
        return rules.text(text)
    try:
        value = json.loads(text)
    except ValueError:
        return rules.text(text)
    hidden = rules.value(value)
    return text if hidden == value else json_text(hidden)


def _with_hashes(commit: Any, below: str, changed: dict[str, tuple[str, int] | None]) -> Any:
    """Give a commit whose list of files says what the copies are; those that were left out are not in it."""
    if not isinstance(commit, dict) or not isinstance(commit.get("files"), list):
        raise FairmeshError(f"{below}/{COMMIT}: not a commit; it cannot be published")
    files = []
    for entry in commit["files"]:
        name = f"{below}/{entry['path']}"
        known = changed.get(name, (entry["sha256"], entry["bytes"]))
        if known:
            files.append({**entry, "sha256": known[0], "bytes": known[1]})
    return {**commit, "files": files}

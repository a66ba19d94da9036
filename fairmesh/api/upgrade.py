"""Renew the files of the framework in a project: ``fairmesh upgrade``."""

from __future__ import annotations

import difflib
import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import InvalidVersion, Version

import fairmesh
from fairmesh.api.project_files import framework_files, installed_profiles
from fairmesh.errors import FairmeshError, InputError, Problem, place
from fairmesh.files import read_json, write_json, write_text
from fairmesh.runner.protocol import FORMAT

WRITTEN = ".fairmesh.json"
_ABOUT = (
    "What `fairmesh init` and `fairmesh upgrade` wrote here, so that the next upgrade knows your changes. Commit it."
)


@dataclass
class WrittenFiles:
    """The texts of the framework's files as they were written into a project, and by which version.

    Parameters
    ----------
    version : str
        The version of fairmesh; empty if the project has no known.
    files : dict
        The texts by path.
    """

    version: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> WrittenFiles:
        """Read what was written into a project.

        Raises
        ------
        FairmeshError
            If it cannot be read.
        """
        path = Path(place(folder / WRITTEN))  # as messages name it
        if not path.is_file():
            return cls()
        content = read_json(path)
        try:
            return cls(
                str(Version(content["version"])), {str(name): str(text) for name, text in content["files"].items()}
            )
        except (AttributeError, KeyError, TypeError, InvalidVersion) as error:
            message = "was not written by fairmesh; restore it, or remove it and compare the files by hand"
            raise FairmeshError(f"{path}: {message}") from error

    def add(self, texts: Mapping[str, str], written: Collection[str]) -> None:
        """Add the texts of files that were written, and those of existing files that are not known yet."""
        self.files |= {name: text for name, text in texts.items() if name in written or name not in self.files}

    def write(self, folder: Path) -> None:
        """Write the known."""
        content = {"format": FORMAT, "about": _ABOUT, "version": self.version or fairmesh.__version__}
        write_json(folder / WRITTEN, content | {"files": dict(sorted(self.files.items()))})

    def check_version(self, folder: Path) -> None:
        """Check that the installed version is not older than the one that wrote the project.

        Raises
        ------
        InputError
            If it is.
        """
        if self.version and Version(self.version) > Version(fairmesh.__version__):
            raise InputError([Problem(_newer(self.version), place(folder / WRITTEN))])


@dataclass(frozen=True)
class Change:
    """What an upgrade does with a file.

    Parameters
    ----------
    path : str
        The file, relative to the project.
    before, after : str
        Its text now, and after the upgrade.
    conflict : str
        Why it is left as it is; empty if it is written.
    """

    path: str
    before: str
    after: str
    conflict: str = ""

    @property
    def diff(self) -> str:
        """The difference as a unified diff."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, f"{self.path} (now)", f"{self.path} (new)"))


def planned_changes(folder: Path, known: WrittenFiles) -> list[Change]:
    """Return what an upgrade of a project changes; nothing is written.

    A file is new in this version, or it differs from the installed one. A person's own changes are merged with those of
    the framework; where both changed the same lines, or the text that init wrote is unknown, the file is left as it is.
    """
    return [
        change
        for path, new in _framework(folder).items()
        if (change := _change(folder, path, known.files.get(path), new, bool(known.version)))
    ]


def _change(folder: Path, path: str, base: str | None, new: str, is_recorded: bool) -> Change | None:
    current = _text(folder / path)
    if current is None:
        is_new = is_recorded and base is None and not os.path.lexists(folder / path)
        return Change(path, "", new) if is_new else None  # a removed file is not written again
    if new in {current, base}:
        return None
    if current == base:
        return Change(path, current, new)
    if base is None:
        return Change(path, current, new, "the text that init wrote is unknown")
    merged = _merged(current, base, new)
    if merged is None:
        return Change(path, base, new, "the same lines were changed here and in fairmesh")
    return Change(path, current, merged) if merged != current else None


def _merged(current: str, base: str, new: str) -> str | None:
    """Return a text with the changes of two others; None if they overlap, or there is no git."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("current", "base", "new")]
        for file, text in zip(files, (current, base, new), strict=True):
            file.write_text(text, encoding="utf-8")
        try:
            command = ["git", "merge-file", "--stdout", *map(str, files)]
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        except OSError:
            return None
    return done.stdout if done.returncode == 0 else None


def apply_changes(folder: Path, known: WrittenFiles, changes: list[Change]) -> None:
    """Write the changes without a conflict, and the known: what was shown once is a person's own from now on."""
    for change in changes:
        if not change.conflict:
            write_text(folder / change.path, change.after)
    for path, new in _framework(folder).items():
        if os.path.lexists(folder / path) or path in known.files:
            known.files[path] = new
    known.version = fairmesh.__version__
    known.write(folder)


def version_notice(folder: Path) -> str:
    """Return a line about a project that another version wrote; empty if that makes no difference."""
    known = WrittenFiles.read(folder)
    if not known.version or known.version == fairmesh.__version__:
        return ""
    if Version(known.version) > Version(fairmesh.__version__):
        return _newer(known.version)
    files = len(planned_changes(folder, known))
    news = "1 file is" if files == 1 else f"{files} files are"
    return f"{news} of fairmesh {known.version}; `fairmesh upgrade` shows what is new" if files else ""


def _newer(version: str) -> str:
    return f"this project is of fairmesh {version}, and {fairmesh.__version__} is installed; update fairmesh"


def _framework(folder: Path) -> dict[str, str]:
    """Return the files of the framework in a project, with the profiles that it has."""
    return framework_files(folder, [name for name in installed_profiles() if (folder / "profiles" / name).is_dir()])


def _text(path: Path) -> str | None:
    """Return the text of a file; None if there is none, or it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

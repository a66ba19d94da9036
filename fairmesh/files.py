"""Files that others read: they appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.runner import jsonfiles
from fairmesh.runner.regular import read_regular


def canonical_json(value: Any) -> str:
    """Give the one JSON text of a value: sorted keys, no spaces, real Unicode, no NaN.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def text_sha256(text: str) -> str:
    """Give the SHA-256 of a text in UTF-8, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    FairmeshError
        If the file is not JSON, with its path.
    OSError
        If there is no such file, or it is not a regular file of a reasonable size.
    """
    try:
        return jsonfiles.parse(read_regular(str(path)))
    except ValueError as error:
        raise FairmeshError(f"{path}: not a JSON file: {error}") from error


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write bytes beside the file, flush them, and move them into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a text in UTF-8 like ``write_bytes``."""
    write_bytes(path, text.encode(), mode)


def json_text(value: Any) -> str:
    """Give a value as readable JSON, keys in the order given."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, keys in the order given."""
    write_text(path, json_text(value))


def json_lines(value: Mapping[str, Any]) -> str:
    """Give a map as JSON with a line a key, and a line a member of a list of maps: quick to write and to read.

    >>> print(json_lines({"a": {"b": 1}, "c": [{"d": 2}]}), end="")
    {
     "a": {"b": 1},
     "c": [
      {"d": 2}
     ]
    }
    """
    lines = ",\n ".join([f"{_dumps(key)}: {_member_lines(item)}" for key, item in value.items()])
    return f"{{\n {lines}\n}}\n"


def _member_lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(map(_dumps, value)) + "\n ]"
    return _dumps(value)


_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Add lines to a file in one piece, so that other writers' lines are not torn."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, "".join(f"{line}\n" for line in lines).encode())
    finally:
        os.close(descriptor)


def copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all, with its time of change."""
    write_bytes(target, source.read_bytes())
    changed = source.stat().st_mtime_ns
    os.utime(target, ns=(changed, changed))


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> bool:
    """Write a text unless the file holds just that; tell whether it was written."""
    try:
        if path.read_bytes() == text.encode():
            return False
    except FileNotFoundError:
        pass
    write_text(path, text, mode)
    return True


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there; of two who do so at once, one succeeds.

    Raises
    ------
    FileExistsError
        If it is there.
    """
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.link(beside, path)
    finally:
        Path(beside).unlink()


def write_folder(folder: Path, contents: Sequence[tuple[str, str, int]]) -> None:
    """Write texts into a folder: a new one appears with all of them, in one that is there those that differ change.

    Parameters
    ----------
    folder : Path
        Where.
    contents : sequence of (str, str, int)
        Name, text and mode of each file.
    """
    if not folder.exists() and _write_new(folder, contents):
        return
    for name, text, mode in contents:
        write_if_changed(folder / name, text, mode)


def _write_new(folder: Path, contents: Sequence[tuple[str, str, int]]) -> bool:
    """Write a folder beside and move it into place; False if somebody else was faster."""
    beside = f"{folder.parent}/.{folder.name[:40]}.{os.getpid()}.half"
    try:
        _make_new(beside)
        for name, text, mode in contents:
            _write_whole(f"{beside}/{name}", text.encode(), mode)
        os.rename(beside, folder)  # noqa: PTH104  a Path for each would take as long as the writing
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, OSError) and folder.is_dir():
            return False
        raise
    return True


def _write_whole(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        if os.write(descriptor, data) != len(data):  # a full disk takes a part before it complains
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(descriptor)


def _make_new(folder: str) -> None:
    """Make an empty folder; what a killed process of the same number left there goes."""
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileNotFoundError:
        Path(folder).mkdir(parents=True)
    except FileExistsError:
        shutil.rmtree(folder)
        os.mkdir(folder)  # noqa: PTH102


def expanded(path: str) -> str:
    """Return the path that a configuration means: ``~`` is a home, ``$NAME`` a variable, ``$$`` a dollar.

    Raises
    ------
    ValueError
        If there is no such home, or the variable is not set or empty.

    Examples
    --------
    >>> expanded("results"), expanded("costs-in-$$")
    ('results', 'costs-in-$')
    """
    try:
        filled = Template(path).substitute({name: value for name, value in os.environ.items() if value})
    except KeyError as error:
        raise ValueError(f"names the variable {error.args[0]!r}, which is not set") from error
    except ValueError as error:
        raise ValueError("must name variables as $NAME or ${NAME}, and write any other $ as $$") from error
    try:
        return str(Path(filled).expanduser()) if path.startswith("~") else filled
    except RuntimeError as error:
        raise ValueError("names a home that there is not; ./~ is a folder of that name") from error


def as_expanded(path: Path) -> str:
    """Return how a configuration names a path, so that `expanded` gives it back.

    >>> as_expanded(Path("~/$HOME")), expanded(as_expanded(Path("~/$HOME")))
    ('./~/$$HOME', './~/$HOME')
    """
    text = str(path).replace("$", "$$")
    return f"./{text}" if text.startswith("~") else text

"""Write files so that readers see all of a file or none of it; read JSON and compute hashes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.runner import jsonfiles
from fairmesh.runner.safefiles import NotRegularError, TooLargeError, open_regular, read_regular

PLAIN, PROGRAM = 0o666, 0o777
"""Modes of files before the umask, so that members of a group share what they work on if their umask says so."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, real Unicode, no NaN.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hex digits."""
    with open_regular(str(path)) as file:
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


def write_bytes(path: Path, data: bytes, mode: int = PLAIN, *, flush: bool = False) -> None:
    """Write bytes beside the file and move them into place: whoever reads has the old content or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    data : bytes
        Its content.
    mode : int
        `PLAIN` or `PROGRAM`; the umask takes from it what it does not allow.
    flush : bool
        Whether to wait until the disk has the content, so that it also outlives a loss of power. That takes
        milliseconds a file, and is for what cannot be written again from something else, or is not looked at again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonfiles.write_bytes(str(path), data, mode, flush)


def write_text(path: Path, text: str, mode: int = PLAIN, *, flush: bool = False) -> None:
    """Write a text in UTF-8 like ``write_bytes``."""
    write_bytes(path, text.encode(), mode, flush=flush)


def json_text(value: Any) -> str:
    """Return a value as readable JSON, keys in the order given."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any, *, flush: bool = False) -> None:
    """Write a value as readable JSON, keys in the order given, like ``write_bytes``."""
    write_text(path, json_text(value), flush=flush)


def json_lines(value: Mapping[str, Any]) -> str:
    """Return a map as JSON with a line a key, and a line a member of a list of maps: quick to write and to read.

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
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PLAIN)
    try:
        os.write(descriptor, "".join(f"{line}\n" for line in lines).encode())
    finally:
        os.close(descriptor)


def copy_file(source: Path, target: Path, mode: int = PLAIN, *, flush: bool = True) -> None:
    """Copy a file like ``write_bytes``, with its time of change."""
    write_bytes(target, read_regular(str(source)), mode, flush=flush)
    changed = source.stat().st_mtime_ns
    os.utime(target, ns=(changed, changed))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder to a place that is free; its files and folders get the modes that the umask allows."""
    target.mkdir()
    for path in source.iterdir():
        if path.is_dir():
            copy_tree(path, target / path.name)
        else:
            shutil.copyfile(path, target / path.name)


def write_if_changed(path: Path, text: str, mode: int = PLAIN, *, flush: bool = False) -> bool:
    """Write a text like ``write_bytes`` unless the file holds just that; return whether it was written."""
    try:
        if read_regular(str(path)) == text.encode():
            return False
    except (FileNotFoundError, NotRegularError, TooLargeError):
        pass
    write_text(path, text, mode, flush=flush)
    return True


def write_new(path: Path, text: str, mode: int = PLAIN) -> None:
    """Write a file that is not there; of two who do so at once, one succeeds.

    Raises
    ------
    FileExistsError
        If it is there.
    """
    jsonfiles.write_bytes(str(path), text.encode(), mode, move=jsonfiles.move_to_new)


def write_folder(folder: Path, contents: Sequence[tuple[str, str, int]]) -> None:
    """Write texts into a folder: a new one appears with all of them, in one that is there those that differ change.

    Nothing waits for the disk: folders of thousands of experiments are written anew from their study.

    Parameters
    ----------
    folder : Path
        Where.
    contents : sequence of (str, str, int)
        Name, text and mode of each file, the mode as in ``write_bytes``.
    """
    if not folder.exists() and _write_new(folder, contents):
        return
    for name, text, mode in contents:
        write_if_changed(folder / name, text, mode)


def _write_new(folder: Path, contents: Sequence[tuple[str, str, int]]) -> bool:
    """Write a folder beside and move it into place; False if somebody else was faster."""
    beside = jsonfiles.half_path(str(folder))
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
    """Make an empty folder; what a killed process of the same number left there is removed."""
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileNotFoundError:
        Path(folder).mkdir(parents=True)
    except FileExistsError:
        shutil.rmtree(folder)
        os.mkdir(folder)  # noqa: PTH102


def expand_path(path: str) -> str:
    """Return the path that a configuration means: ``~`` is a home, ``$NAME`` a variable, ``$$`` a dollar.

    Raises
    ------
    ValueError
        If there is no such home, or the variable is not set or empty.

    Examples
    --------
    >>> expand_path("results"), expand_path("costs-in-$$")
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


def escape_path(path: Path) -> str:
    """Return how a configuration names a path, so that `expand_path` gives it back.

    >>> escape_path(Path("~/$HOME")), expand_path(escape_path(Path("~/$HOME")))
    ('./~/$$HOME', './~/$HOME')
    """
    text = str(path).replace("$", "$$")
    return f"./{text}" if text.startswith("~") else text


def is_on_local_disk(folder: Path) -> bool:
    """Return whether a folder is on a disk of this computer; False where nobody can tell."""
    return file_system(folder) in _LOCAL


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on; empty where nobody can tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    kinds = {fields[2]: fields[fields.index("-") + 1] for fields in map(str.split, lines)}
    device = folder.resolve().stat().st_dev
    return kinds.get(f"{os.major(device)}:{os.minor(device)}", "")


_LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay")

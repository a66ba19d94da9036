"""Read JSON files, and write them atomically, since other processes read them at the same time."""

import contextlib
import errno
import json
import os
import shutil
import stat
import time
from _thread import get_ident
from typing import Any, Callable, Dict, List, NoReturn, Optional

from .safefiles import read_regular, try_link

_HALF = ".half"


def parse(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If it is not JSON in UTF-8, holds NaN or an infinity, or nests too deeply.
    """
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a value of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:  # 1e999 is read as an infinity
        raise ValueError(f"{text} is too large for a number")
    return number


def read(path: str) -> Any:
    """Return a file's value, or None if it is not a regular file with valid JSON."""
    try:
        return parse(read_regular(path))
    except (OSError, ValueError):
        return None


def read_map(path: str) -> Optional[Dict[str, Any]]:
    """Return a file's map, or None if there is no valid file with one."""
    value = read(path)
    return value if isinstance(value, dict) else None


def write(path: str, value: Any) -> None:
    """Write a value beside the file and move it into place.

    File names that are not UTF-8 are preserved: their surrogates are written as escapes of JSON.
    """
    write_bytes(path, encoded(value))


def encoded(value: Any) -> bytes:
    """Return a value as readable JSON in UTF-8."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def write_new(path: str, value: Any) -> bool:
    """Write a file if there is none, and return whether it was written; of several writers at once, one succeeds."""
    if os.path.lexists(path):
        return False
    try:
        write_bytes(path, encoded(value), move=move_to_new)
    except FileExistsError:
        return False
    return True


def write_bytes(
    path: str,
    data: bytes,
    mode: int = 0o666,
    flush: bool = True,
    move: Optional[Callable[[str, str], None]] = None,
) -> None:
    """Write bytes beside a file and move them into place, so that readers see the old content or the new one.

    Parameters
    ----------
    path, data : str, bytes
        The file and its content.
    mode : int
        Its mode, before the umask.
    flush : bool
        Whether to wait until the content is on the disk.
    move : callable, optional
        Moves the finished file to its name; `os.replace` by default.
    """
    beside = half_path(path)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        (move or os.replace)(beside, path)
    finally:
        with contextlib.suppress(OSError):  # already moved, or the folder is unavailable
            os.unlink(beside)


def move_to_new(beside: str, path: str) -> None:
    """Move a finished file to a free name; without hard links it is copied, and readers may see a part of it.

    Raises
    ------
    FileExistsError
        If there is such a file.
    """
    is_linked = try_link(beside, path)
    if is_linked is None:
        with open(beside, "rb") as source, open(path, "xb") as target:
            os.fchmod(target.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
            shutil.copyfileobj(source, target)
    elif not is_linked:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def half_path(path: str) -> str:
    """Return the temporary path of a file or folder, before it is moved into place."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:40]}.{mark()}{_HALF}")


def mark() -> str:
    """Return a text that identifies the current writer: host, process and thread."""
    return f"{host()}.{os.getpid()}.{get_ident()}"


def host() -> str:
    """Return the name of this host, shortened for use in file names."""
    return os.uname()[1][:20]


def half_written(folder: str) -> List[str]:
    """Return the unfinished files in a folder, of active or killed writers."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.startswith(".") and name.endswith(_HALF)]


def writer(path: str) -> int:
    """Return the process of this host that created an unfinished file, or 0."""
    begin, _, pid = os.path.basename(path)[: -len(_HALF)].rpartition(".")[0].rpartition(".")
    return int(pid) if pid.isdecimal() and begin.endswith("." + host()) else 0


def now() -> str:
    """Return the time in UTC as ISO 8601 with milliseconds."""
    seconds = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"

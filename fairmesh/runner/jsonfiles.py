"""Read and write JSON files that others read at the same time: they appear whole or not at all."""

import json
import os
import time
from _thread import get_ident
from typing import Any, Dict, List, NoReturn, Optional

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
        return json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a value of JSON")


def read(path: str) -> Any:
    """Return a file's value, or None if there is no whole regular file that holds JSON."""
    try:
        return parse(read_regular(path))
    except (OSError, ValueError):
        return None


def read_map(path: str) -> Optional[Dict[str, Any]]:
    """Return a file's map, or None if there is no whole file that holds one."""
    value = read(path)
    return value if isinstance(value, dict) else None


def write(path: str, value: Any) -> None:
    """Write a value beside the file and move it into place.

    A name of a file that is not UTF-8 comes back as it was: what stands for its bytes is written as an escape of JSON.
    """
    write_bytes(path, encoded(value))


def encoded(value: Any) -> bytes:
    """Return a value as readable JSON in UTF-8."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def write_new(path: str, value: Any) -> bool:
    """Write a file that is not there; False if there is one. Of many who do so at once, one succeeds."""
    if os.path.lexists(path):
        return False
    beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:40]}.{mark()}{_HALF}")
    write(beside, value)
    try:
        is_linked = try_link(beside, path)
    finally:
        os.unlink(beside)
    return _write_in_place(path, value) if is_linked is None else is_linked


def _write_in_place(path: str, value: Any) -> bool:
    """Write a new file that others may see half written; False if there is one."""
    try:
        with open(path, "xb") as file:
            file.write(encoded(value))
    except FileExistsError:
        return False
    return True


def write_bytes(path: str, data: bytes) -> None:
    """Write bytes beside the file and move them into place."""
    beside = half_path(path)
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def half_path(path: str) -> str:
    """Return where a file or a folder is written before it is moved into place."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:40]}.{mark()}{_HALF}")


def mark() -> str:
    """Return a text that no other writer of the moment has: host, process and thread."""
    return f"{host()}.{os.getpid()}.{get_ident()}"


def host() -> str:
    """Return the name of this host, not too long for a part of a file's name."""
    return os.uname()[1][:20]


def half_written(folder: str) -> List[str]:
    """Return the files in a folder that are being written, or that writers who were killed left."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.startswith(".") and name.endswith(_HALF)]


def writer(path: str) -> int:
    """Return the process of this host that began a half-written file, or 0 if none did."""
    begin, _, pid = os.path.basename(path)[: -len(_HALF)].rpartition(".")[0].rpartition(".")
    return int(pid) if pid.isdecimal() and begin.endswith("." + host()) else 0


def now() -> str:
    """Return the time in UTC as ISO 8601 with milliseconds."""
    seconds = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"

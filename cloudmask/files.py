"""Reading and atomic writing of small files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudmask.errors import CloudmaskError, InputError


def beside(path: Path) -> Path:
    """Return the temporary name of a file while it is written; create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.part")


def reason(error: OSError) -> str:
    """Return the operating system's reason for an error, which HDF5 wraps in a longer message.

    >>> reason(OSError(28, "Can't write data (error message = 'No space left on device', buf = 0x1)"))
    'No space left on device'
    """
    match = re.search(r"error message = '([^']+)'", str(error))
    return match[1] if match else error.strerror or str(error)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name; rename the file if the block succeeds, and remove it otherwise.

    Raises
    ------
    CloudmaskError
        If the file cannot be written, for example because the disk is full.
    """
    try:
        part = beside(path)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CloudmaskError(f"{path}: cannot be written: {reason(error)}") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically and flush it to the disk; raises what `whole` raises."""
    with whole(path) as part, part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON; raise ValueError for NaN and infinities."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file does not exist.
    CloudmaskError
        If the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except ValueError as error:
        raise CloudmaskError(f"{path}: not a JSON file: {error}") from None

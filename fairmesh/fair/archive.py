"""What a repository such as Zenodo takes: one zip file, the same bytes from the same files, and its metadata."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.fair.citation import zenodo
from fairmesh.fair.crate import SUMS
from fairmesh.fair.package import Package
from fairmesh.files import json_text, write_if_changed
from fairmesh.runner import jsonfiles
from fairmesh.runner.manifest import read_sums
from fairmesh.runner.safefiles import open_regular, read_regular

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file knows
_UNIX = 3


def write_archive(package: Package, out: Path, suffix: str = "") -> tuple[Path, Path]:
    """Write the archive of a package whose documents are written, and Zenodo's metadata beside it.

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
    """Return a file's entry, with nothing in it that depends on when or where it is made."""
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.file_size = size
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = (0o100755 if path.endswith(".sh") else 0o100644) << 16
    return entry

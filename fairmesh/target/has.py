"""``has``: which folders and stages are on the machine, whole, so that they need not be sent."""

import hashlib
import os
from typing import Dict, List, Optional

from ..runner import commit, jsonfiles, manifest
from ..runner.safefiles import open_regular
from .home import Home, system_name
from .request import Answer, Request, text_of
from .streams import BLOCK


def answer(request: Request) -> Answer:
    """Return the folders and stages that are there, with every file; ``is_verified`` compares checksums, too."""
    home, is_verified = request.home, request.flag("is_verified")
    folders = [path for path in request.texts("folders") if is_whole(home.path(path), is_verified)]
    stages = [
        folder
        for folder, fingerprint in (
            (text_of(stage, "folder"), text_of(stage, "fingerprint")) for stage in request.maps("stages")
        )
        if is_result(home, folder, fingerprint, is_verified)
    ]
    return Answer({"folders": folders, "stages": stages})


def is_whole(path: str, is_verified: bool = False) -> bool:
    """Return whether a folder that was stored as a whole still has all its files."""
    files = read_list(path)
    return files is not None and all(
        _is_same(os.path.join(path, system_name(name)), files[name], is_verified) for name in files
    )


def is_result(home: Home, folder: str, fingerprint: str, is_verified: bool = False) -> bool:
    """Return whether a job folder has a commit of a fingerprint, and the files that it lists."""
    path = home.path(folder)
    result = commit.read(path, fingerprint)
    if result is None:
        return False
    for entry in result.get("files") or ():
        name = manifest.path_in(entry) if isinstance(entry, dict) else ""
        file = {"sha256": entry.get("sha256"), "bytes": entry.get("bytes")} if name else {}
        if not name or not _is_same(home.path(folder + "/" + name), file, is_verified):
            return False
    return True


def list_path(path: str) -> str:
    """Return the file beside a folder that lists its files."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.files.json")


def read_list(path: str) -> Optional[Dict[str, Dict[str, object]]]:
    """Return the size and SHA-256 of each file of a folder that was stored as a whole; None if it was not."""
    files = jsonfiles.read_map(list_path(path)) if os.path.isdir(path) else None
    if files is None or not all(isinstance(file, dict) for file in files.values()):
        return None
    return files


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a regular file."""
    digest = hashlib.sha256()
    with open_regular(path, follow_links=False) as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _is_same(path: str, file: Dict[str, object], is_verified: bool) -> bool:
    try:
        is_same = not os.path.islink(path) and os.path.getsize(path) == file.get("bytes")
        return is_same and (not is_verified or sha256_of(path) == file.get("sha256"))
    except OSError:
        return False


def names_below(path: str) -> List[str]:
    """Return the regular files below a folder, relative to it; links are left out."""
    names = []
    for parent, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            file = os.path.join(parent, name)
            if os.path.isfile(file) and not os.path.islink(file):
                names.append(os.path.relpath(file, path))
    return names

"""``store``: unpack files of a client beside their places, compare every checksum, and move them into place.

A folder that ``is_whole`` appears at once; in other folders file after file is replaced.
"""

import hashlib
import os
import tarfile
from typing import Any, Dict, List, NamedTuple, Tuple

from ..runner import commit, jsonfiles
from ..runner.claims import Claims
from ..runner.protocol import COMMIT, EXPERIMENT
from .has import is_result, is_whole, list_path, sha256_of
from .home import Home, checked_names, move_away, remove, system_name
from .problems import RETRY, RequestProblem
from .request import Answer, Request, text_of
from .streams import BLOCK, StreamReader

_MOST_FOLDERS = 1 << 20


class _Arrived(NamedTuple):
    """A file that has arrived: size, SHA-256, and whether it can be executed."""

    size: int
    sha256: str


def answer(request: Request) -> Answer:
    """Store files; a repeated request changes nothing."""
    home, files = request.home, request.hashes("files")
    folders = {text_of(folder, "path"): folder.get("is_whole") is True for folder in request.maps("folders")}
    for path in [*folders, *files]:
        home.path(path)
    contents = {folder: _below(folder, files) for folder in folders}
    stray = set(files) - {path for names in contents.values() for path in names}
    if stray:
        raise RequestProblem(f"{min(stray)!a} is in none of the folders")
    if request.flag("is_copied"):
        return _place_copied(home, folders, files)
    with home.incoming() as incoming:
        arrived = _unpack(request.payload(), incoming, files)
        for folder, names in contents.items():
            if folders[folder]:
                _place_whole(home, folder, incoming, {name: arrived[name] for name in names})
            else:
                _place_files(home, incoming, names, arrived)
    return Answer({"stored": sorted(folders)})


def _place_copied(home: Home, folders: Dict[str, bool], files: Dict[str, str]) -> Answer:
    """Move a folder into place that the client has copied beside it, see ``receive``."""
    if len(folders) != 1 or not all(folders.values()):
        raise RequestProblem("one whole folder is stored at a time if it was copied")
    (folder,) = folders
    incoming = home.partial(folder)
    try:
        arrived = {name: _checked(incoming, name, sha256) for name, sha256 in files.items()}
        _remove_others(incoming, files)
        _place_whole(home, folder, incoming, arrived)
    finally:  # what differs is copied again from the beginning
        remove(incoming)
    return Answer({"stored": [folder]})


def _checked(incoming: str, name: str, sha256: str) -> _Arrived:
    """Return a file that was copied, after it is on the disk and its checksum was compared."""
    path = os.path.join(incoming, system_name(name))
    try:
        if sha256_of(path) != sha256:
            raise RequestProblem(f"{ascii(name)[:200]} did not arrive whole", RETRY)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            return _Arrived(os.fstat(file.fileno()).st_size, sha256)
    except FileNotFoundError:
        raise RequestProblem(f"{ascii(name)[:200]} did not arrive", RETRY) from None


def _remove_others(incoming: str, files: Dict[str, str]) -> None:
    """Remove what an earlier copy of other files has left."""
    known = {os.path.join(incoming, system_name(name)) for name in files}
    for parent, folders, names in os.walk(incoming):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for path in [os.path.join(parent, name) for name in names + links]:
            if path not in known:
                os.unlink(path)


def _below(folder: str, files: Dict[str, str]) -> List[str]:
    return [path for path in files if path.startswith(folder + "/")]


def _unpack(payload: StreamReader, incoming: str, files: Dict[str, str]) -> Dict[str, _Arrived]:
    """Unpack exactly the announced files, and compare their checksums."""
    arrived: Dict[str, _Arrived] = {}
    folders = 0
    try:
        with tarfile.open(fileobj=payload, mode="r|", bufsize=BLOCK, encoding="utf-8") as archive:  # type: ignore[call-overload]
            for member in archive:
                name = "/".join(checked_names(member.name.rstrip("/")))
                folders += member.isdir()
                if member.isdir() and folders < _MOST_FOLDERS:
                    os.makedirs(os.path.join(incoming, system_name(name)), exist_ok=True)
                elif member.isreg() and not member.issparse() and name in files and name not in arrived:
                    arrived[name] = _write(
                        archive.extractfile(member), os.path.join(incoming, system_name(name)), member.mode
                    )
                else:
                    raise RequestProblem(f"the archive contains {ascii(name)[:200]}, which was not announced")
                archive.members = []  # it would keep all of them
    except tarfile.TarError as error:
        raise RequestProblem(f"the files did not arrive whole: {error}", RETRY) from None
    payload.drain()
    for name, sha256 in files.items():
        if name not in arrived or arrived[name].sha256 != sha256:
            raise RequestProblem(f"{ascii(name)[:200]} did not arrive whole", RETRY)
    return arrived


def _write(source: Any, path: str, mode: int) -> _Arrived:
    digest, size = hashlib.sha256(), 0
    os.makedirs(os.path.dirname(path), exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o777 if mode & 0o100 else 0o666), "wb") as file:
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
            size += len(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return _Arrived(size, digest.hexdigest())


def _place_files(home: Home, incoming: str, names: List[str], arrived: Dict[str, _Arrived]) -> None:
    """Move files into place one by one."""
    for name in sorted(names, key=_order):
        path = home.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.replace(os.path.join(incoming, system_name(name)), path)


def _order(name: str) -> Tuple[bool, bool, str]:
    """Return the key by which files are sorted: starts read experiment.json, so it comes last, but for the commit."""
    last = os.path.basename(name)
    return last == COMMIT, last == EXPERIMENT, name


def _place_whole(home: Home, folder: str, incoming: str, files: Dict[str, _Arrived]) -> None:
    """Move a folder into place; one that is there, whole, is kept."""
    path, source = home.path(folder), os.path.join(incoming, system_name(folder))
    names = {name[len(folder) + 1 :]: file for name, file in files.items()}
    if not names:
        raise RequestProblem(f"{folder!a} has no files")
    result = commit.read(source, _fingerprint(source))
    is_there = is_result(home, folder, result["fingerprint"]) if result else is_whole(path)
    if is_there:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if result is None:
        content = {name: {"bytes": file.size, "sha256": file.sha256} for name, file in names.items()}
        jsonfiles.write(list_path(path), content)
    gone = _make_room(home, path)
    try:
        os.rename(source, path)
    except OSError as error:
        if os.path.isdir(path):
            raise RequestProblem(f"another client stores {folder} now", RETRY) from error
        raise
    if gone:
        remove(gone)


def _make_room(home: Home, path: str) -> str:
    """Move a folder away that is not whole, unless a job runs in it; return where it is."""
    if not os.path.lexists(path):
        return ""
    if os.path.isdir(path) and Claims(path).active():
        raise RequestProblem(f"attempt {Claims(path).active()} runs in {path}", RETRY)
    return move_away(home, path)


def _fingerprint(folder: str) -> str:
    return str((jsonfiles.read_map(os.path.join(folder, COMMIT)) or {}).get("fingerprint", ""))

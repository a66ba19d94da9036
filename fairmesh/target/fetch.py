"""``fetch``: send commits, claims and attempts of jobs back, with a checksum of every file."""

import hashlib
import io
import os
import stat
import tarfile
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from ..runner import jsonfiles, manifest, protocol
from ..runner.claims import Claims
from ..runner.safefiles import open_regular
from .has import names_below
from .home import Home, system_name
from .problems import RETRY, RequestProblem
from .request import Answer, Request, hashes_of, text_of
from .streams import BLOCK, StreamWriter

_LARGEST_HEADERS, _LARGEST_END = 8192, 10240  # bytes of what an archive has beside a file and at its end
_HEX = frozenset("0123456789abcdef")


class _File(NamedTuple):
    """A file to send: its absolute path, size and SHA-256 when it was read first, and whether it can be executed."""

    path: str
    size: int
    sha256: str
    is_program: bool


def answer(request: Request) -> Answer:
    """Return the SHA-256 of each file by its path in the home; the files that the client has are not sent.

    Files of a running attempt may change; with ``is_partial`` they are sent as they are, otherwise nothing is sent.
    """
    home, is_partial = request.home, request.flag("is_partial")
    files: Dict[str, _File] = {}
    has: Dict[str, str] = {}
    for job in request.maps("jobs"):
        folder = text_of(job, "folder")
        has.update(hashes_of(job, "has"))
        files.update(_files_of_job(home, folder, _numbers(job), is_partial))
    missing = {name: file for name, file in files.items() if has.get(name) != file.sha256}
    hashes = {name: file.sha256 for name, file in files.items()}
    size = _LARGEST_END + sum(file.size + _LARGEST_HEADERS for file in missing.values())
    return Answer({"manifest": hashes}, lambda stream: _send(stream, missing), size)


def _numbers(job: Dict[str, Any]) -> List[int]:
    numbers = job.get("attempts", [])
    if not isinstance(numbers, list) or not all(type(number) is int and number > 0 for number in numbers):
        raise RequestProblem("attempts must be a list of numbers")
    return numbers


def _files_of_job(home: Home, folder: str, attempts: List[int], is_partial: bool) -> Iterator[Tuple[str, _File]]:
    """Yield the files of a job by their paths in the home."""
    path = home.path(folder)
    result = {} if is_partial else jsonfiles.read_map(os.path.join(path, protocol.COMMIT)) or {}
    known = _known(result)
    names = [protocol.COMMIT] if result else []
    for number in attempts:
        if not is_partial and not Claims(path).is_over(number):
            raise RequestProblem(f"attempt {number} of {folder} has not ended", RETRY)
        for part in (f"{protocol.CLAIMS}/{number}", f"{protocol.ATTEMPTS}/{number}"):
            names += _names(home, folder, part)
    for name in names:
        yield folder + "/" + name, _described(os.path.join(path, system_name(name)), known.get(name, ""))
    digest = str(result.get("environment", ""))
    environment = f"{protocol.ENVIRONMENTS}/{digest}.json"
    if len(digest) == 64 and _HEX.issuperset(digest) and os.path.isfile(home.path(environment)):
        yield environment, _described(home.path(environment), "")


def _names(home: Home, folder: str, part: str) -> List[str]:
    """Return a file, or the files below a folder, relative to the job folder."""
    path = home.path(folder + "/" + part)
    if os.path.isfile(path):
        return [part]
    return [part + "/" + manifest.name_text(name) for name in names_below(path)]


def _known(result: Dict[str, Any]) -> Dict[str, str]:
    """Return the checksums that a commit has; the client compares the content with them."""
    files = result.get("files") or ()
    return {manifest.path_in(file): str(file.get("sha256")) for file in files if isinstance(file, dict)}


def _described(path: str, sha256: str) -> _File:
    with open_regular(path, follow_links=False) as file:
        status = os.fstat(file.fileno())
        digest = sha256 or _sha256(file, status.st_size)
        return _File(path, status.st_size, digest, bool(status.st_mode & stat.S_IXUSR))


def _sha256(file: io.BufferedReader, size: int) -> str:
    digest, content = hashlib.sha256(), _FixedSize(file, size)
    for block in iter(lambda: content.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()


def _send(stream: StreamWriter, files: Dict[str, _File]) -> None:
    """Write the files as an archive, each with the size that it had."""
    with tarfile.open(fileobj=stream, mode="w|", bufsize=BLOCK, format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:  # type: ignore[call-overload]
        for name, described in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = described.size, 0o755 if described.is_program else 0o644
            with open_regular(described.path, follow_links=False) as file:
                archive.addfile(member, _FixedSize(file, described.size))
            archive.members = []  # it would keep all of them


class _FixedSize(io.RawIOBase):
    """The beginning of a file that may grow or shrink: exactly so many bytes."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        super().__init__()
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        """Return bytes; after the end of a file that has shrunk, zeros, which its checksum reveals."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= wanted
        return data + bytes(wanted - len(data))

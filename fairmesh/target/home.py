"""The home folder of a project on a machine: paths in it, and temporary folders.

Its layout is that of an exported study. Paths in requests are relative to it, and no link below it is followed.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from typing import Iterator, List

from ..runner import jsonfiles, owner
from .problems import RETRY, RequestProblem

_INCOMING = ".incoming-"
_DAY = 86400.0  # seconds after which a temporary folder counts as left over, whoever made it
_LONGEST = 4000  # bytes of a path
_LONGEST_NAME = 255


class Home:
    """The home folder of a project.

    Parameters
    ----------
    folder : str
        Its absolute path.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, relative: str) -> str:
        """Return the absolute path of a relative one.

        Raises
        ------
        RequestProblem
            If it is not normalized, leads out of the home, or contains a link.
        """
        path = self.folder
        for name in checked_names(relative):
            path = os.path.join(path, system_name(name))
            if os.path.islink(path):
                raise RequestProblem(f"{path} is a link; fairmesh does not follow it")
        return path

    @contextlib.contextmanager
    def incoming(self) -> Iterator[str]:
        """Create a temporary folder in the home, and remove it afterwards with those of processes that are gone."""
        os.makedirs(self.folder, exist_ok=True)
        self.remove_leftovers()
        folder = os.path.join(self.folder, _INCOMING + jsonfiles.mark())
        os.mkdir(folder, 0o700)
        try:
            yield folder
        finally:
            remove(folder)

    def partial(self, relative: str) -> str:
        """Return the temporary folder for the parts of a folder that is being copied; it is kept for a day.

        Raises
        ------
        RequestProblem
            If the path is not normalized.
        """
        self.path(relative)
        return os.path.join(self.folder, _INCOMING + hashlib.sha256(_bytes(relative)).hexdigest()[:16])

    def remove_leftovers(self) -> None:
        """Remove the temporary folders and files of processes that have ended."""
        remove_half_files(self.folder)
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if name.startswith(_INCOMING) and (_is_of_dead_process(name) or self.now() - _changed(path) > _DAY):
                remove(path)

    def now(self) -> float:
        """Return the time by the clock of the file system, with which times of files can be compared."""
        try:
            with tempfile.TemporaryFile(dir=self.folder) as file:
                return os.fstat(file.fileno()).st_mtime
        except OSError:
            return time.time()


def remove_half_files(folder: str) -> None:
    """Remove the unfinished files in a folder whose writers have ended."""
    for path in jsonfiles.half_written(folder):
        pid = jsonfiles.writer(path)
        if pid and not owner.start_time(pid):
            remove(path)


def checked_names(relative: str) -> List[str]:
    """Return the names in a relative path.

    Raises
    ------
    RequestProblem
        If it is not normalized, or leads elsewhere.
    """
    names = relative.split("/")
    is_good = all(0 < len(_bytes(name)) <= _LONGEST_NAME and name not in (".", "..") for name in names)
    if not is_good or "\0" in relative or relative.startswith(".") or len(_bytes(relative)) > _LONGEST:
        raise RequestProblem(f"{ascii(relative)[:200]} is no path in a home folder")
    return names


def system_name(text: str) -> str:
    """Return the name or path of a file from its text in a message, whatever the locale."""
    return os.fsdecode(_bytes(text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def remove(path: str) -> None:
    """Remove a folder or file with all its content; what cannot be removed stays."""
    if os.path.isdir(path) and not os.path.islink(path):
        for parent, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                os.chmod(parent, stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)


def move_away(home: Home, path: str) -> str:
    """Move a folder to a temporary name, so that it is gone at once; return the new path."""
    os.makedirs(home.folder, exist_ok=True)
    gone = os.path.join(home.folder, f"{_INCOMING}{jsonfiles.mark()}.gone")
    remove(gone)
    try:
        os.rename(path, gone)
    except OSError as error:
        raise RequestProblem(f"{path} cannot be moved away: {error.strerror}", RETRY) from None
    return gone


def _is_of_dead_process(name: str) -> bool:
    """Return whether a temporary folder belongs to a process of this host that has ended."""
    words = name[len(_INCOMING) :].split(".gone", maxsplit=1)[0].rsplit(".", 2)
    if len(words) != 3 or words[0] != jsonfiles.host() or not words[1].isdecimal():
        return False
    return int(words[1]) != os.getpid() and not owner.start_time(int(words[1]))


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return time.time()

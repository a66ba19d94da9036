"""One exclusive experiment at a time on a host: a file lock that shared experiments take together.

The program inherits the open file, so the machine stays locked while any process of the experiment runs, even if its
runner was killed. Under a scheduler nothing is locked: there, an exclusive experiment has a node of its own.

The file is in a private folder of the user: /tmp/fairmesh-UID, which does not depend on the environment. If another
user has taken that name, it is in a folder below the home folder. If both folders exist, both files are locked, so that
no process misses a lock while one of the folders is created or removed.
"""

import contextlib
import json
import os
import pwd
import stat
import time
from typing import Dict, Iterator, List

from . import jsonfiles, owner
from .safefiles import try_lock

FOLDER = "/tmp"  # noqa: S108  one place for all processes of the host, whatever their TMPDIR
LOCK = "machine.lock"
_LONGEST = 1 << 16  # bytes of its content


class MachineLock:
    """The lock of this user on this host.

    Parameters
    ----------
    exclusive : bool
        Whether the experiment has the machine for itself.
    experiment : str
        Its name in the messages of those that wait.
    """

    def __init__(self, exclusive: bool, experiment: str = "") -> None:
        self._exclusive, self._experiment = exclusive, experiment
        self._files: Dict[str, int] = {}

    @property
    def descriptors(self) -> List[int]:
        """The open files that hold the lock; none before the first attempt to take it."""
        return list(self._files.values())

    def try_take(self) -> bool:
        """Take the lock if it is free.

        Raises
        ------
        OSError
            If there is no place for it, or its file system has no locks.
        """
        if not self._files:
            paths = [os.path.join(folder, LOCK) for folder in private_folders()]
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._files = {path: os.open(path, flags, 0o600) for path in paths}
        is_taken = all(try_lock(descriptor, path, self._exclusive) for path, descriptor in self._files.items())
        if is_taken and self._exclusive:
            self._describe()
        return is_taken

    def _describe(self) -> None:
        """Write into the files who holds the lock; a full disk does not matter."""
        about = dict(owner.current_process(), since=time.strftime("%H:%M"), experiment=self._experiment)
        data = json.dumps(about).encode()
        with contextlib.suppress(OSError):
            for descriptor in self.descriptors:
                os.pwrite(descriptor, data, 0)
                os.ftruncate(descriptor, len(data))

    def reason(self) -> str:
        """Return why the lock cannot be taken: the process that holds it, if it has the machine for itself."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError, ValueError):
                holder = jsonfiles.parse(os.pread(descriptor, _LONGEST, 0))
                if isinstance(holder, dict) and owner.is_alive(holder):
                    return (
                        f"waits for the machine: process {holder['pid']} has it since {holder.get('since')},"
                        f" experiment {holder.get('experiment')}"
                    )
        return "waits for the machine, which experiments of other runs use"


def private_folders() -> List[str]:
    """Return the private folders of this user for lock files, at least one.

    Raises
    ------
    PermissionError
        If none can be created.
    """
    common = os.path.join(FOLDER, f"fairmesh-{os.getuid()}")
    places = [common, *_below_home()]
    folders = [place for place in places if _is_private(place)]
    if folders:
        return folders
    for place in places:
        with contextlib.suppress(OSError):
            os.makedirs(place, 0o700, exist_ok=True)
            if _is_private(place):
                return [place]
    raise PermissionError(f"{common} is not a folder of yours alone; {_owner(common)}: ask for its removal")


def _below_home() -> Iterator[str]:
    """Yield the folder below this user's home, if there is one; other hosts may share the home."""
    with contextlib.suppress(KeyError):
        yield os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache/fairmesh", os.uname()[1])


def _is_private(folder: str) -> bool:
    """Return whether a folder exists that only this user can write to."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _owner(path: str) -> str:
    try:
        uid = os.lstat(path).st_uid
    except OSError as error:
        return f"it cannot be made: {error.strerror}"
    try:
        return f"it belongs to {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"it belongs to user {uid}"

"""Claim the right to run an experiment: numbered files made by link(2), which succeeds for one process even on NFS.

On file systems without hard links (exFAT, some FUSE ones) a claim is a numbered folder: rename(2) of a folder that is
not empty also succeeds for one process only.
"""

import contextlib
import errno
import os
import shutil
from typing import List

from . import jsonfiles, owner
from .protocol import ATTEMPTS, CLAIMS, ENDS, STATUS
from .safefiles import try_link

PROCESS = "process.json"
OWNER = "owner.json"  # in a claim that is a folder
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class Claims:
    """The claims of one job folder; claim *n* makes attempt *n*."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def highest(self) -> int:
        """Return the highest number in use, or 0; an attempt without its claim file counts, too."""
        folders = (os.path.join(self.folder, name) for name in (CLAIMS, ATTEMPTS))
        return max((number for folder in folders for number in numbers(folder)), default=0)

    def attempt_folder(self, number: int) -> str:
        """Return the folder of an attempt."""
        return os.path.join(self.folder, ATTEMPTS, str(number))

    def take(self, number: int) -> bool:
        """Claim a number, one above the highest; return False if another process was faster."""
        claims = os.path.join(self.folder, CLAIMS)
        os.makedirs(claims, exist_ok=True)
        mine = os.path.join(claims, "." + jsonfiles.mark())
        jsonfiles.write(mine, dict(owner.current_process(), format=1))
        try:
            is_linked = try_link(mine, self._file(number))
            return _claim_by_folder(mine, self._file(number)) if is_linked is None else is_linked
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(mine)

    def release(self, number: int) -> None:
        """Release an unused claim of this process."""
        gone = os.path.join(self.folder, CLAIMS, "." + jsonfiles.mark())
        os.rename(self._file(number), gone)
        if os.path.isdir(gone):
            shutil.rmtree(gone)
        else:
            os.unlink(gone)

    def holder(self, number: int) -> owner.Owner:
        """Return the owner of a claim; an empty map if it cannot be read."""
        claim = self._file(number)
        return jsonfiles.read_map(claim) or jsonfiles.read_map(os.path.join(claim, OWNER)) or {}

    def is_over(self, number: int) -> bool:
        """Return whether a claim has expired: its attempt has ended, or its owner is known to be gone."""
        status = jsonfiles.read_map(os.path.join(self.attempt_folder(number), STATUS)) or {}
        if status.get("state") in ENDS or _is_missing(self._file(number)):
            return True
        holder = self.holder(number)
        return "pid" in holder and owner.is_alive(holder) is False

    def is_free(self, number: int) -> bool:
        """Return whether the number after the highest one may be claimed; 0 means that there is none."""
        return not number or self.is_over(number)

    def active(self) -> int:
        """Return the number of the active claim, or 0."""
        number = self.highest()
        return 0 if self.is_free(number) else number

    def _file(self, number: int) -> str:
        return os.path.join(self.folder, CLAIMS, str(number))

    def end_leftovers(self, number: int) -> None:
        """End the processes that an ended attempt left on this host, and remove half-written files."""
        attempt = self.attempt_folder(number)
        leader = jsonfiles.read_map(os.path.join(attempt, PROCESS))
        if leader and "pid" in leader and "machine" not in self.holder(number):
            owner.end_group(leader)  # never by what another machine has sent
        for folder in (self.folder, attempt):
            for path in jsonfiles.half_written(folder):
                pid = jsonfiles.writer(path)
                if not (pid and owner.start_time(pid)):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)


def numbers(folder: str) -> List[int]:
    """Return the names in a folder that are numbers; none if there is no folder."""
    try:
        return [int(name) for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return []


def _is_missing(path: str) -> bool:
    """Return whether a file certainly does not exist; one that cannot be inspected may exist."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _claim_by_folder(mine: str, claim: str) -> bool:
    """Turn a file of this process into a claim; return False if there is one already."""
    folder = mine + ".folder"
    os.mkdir(folder)
    os.rename(mine, os.path.join(folder, OWNER))
    try:
        os.rename(folder, claim)
    except OSError as error:
        shutil.rmtree(folder)
        if error.errno not in _TAKEN:
            raise
        return False
    return True

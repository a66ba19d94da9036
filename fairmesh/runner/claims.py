"""Who may run an experiment: numbered files made by link(2), which also on NFS succeeds for one process alone."""

import os
from typing import List

from . import jsonfiles, owner
from .protocol import ATTEMPTS, CLAIMS, ENDS, STATUS

PROCESS = "process.json"


class Claims:
    """The claims of one job folder; claim *n* makes attempt *n*."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def highest(self) -> int:
        """Give the highest number in use, or 0; an attempt whose claim somebody deleted counts too."""
        folders = (os.path.join(self.folder, name) for name in (CLAIMS, ATTEMPTS))
        return max((number for folder in folders for number in numbers(folder)), default=0)

    def attempt_folder(self, number: int) -> str:
        """Give the folder of an attempt."""
        return os.path.join(self.folder, ATTEMPTS, str(number))

    def take(self, number: int) -> bool:
        """Claim a number, one above the highest that was looked at; False if another process was faster."""
        claims = os.path.join(self.folder, CLAIMS)
        os.makedirs(claims, exist_ok=True)
        mine = os.path.join(claims, f".{os.uname()[1]}.{os.getpid()}")
        jsonfiles.write(mine, dict(owner.me(), format=1))
        try:
            os.link(mine, self._file(number))
        except FileExistsError:
            return False
        finally:
            os.unlink(mine)
        return True

    def holder(self, number: int) -> owner.Owner:
        """Give who made a claim; an empty map if the file is not readable."""
        return jsonfiles.read_map(self._file(number)) or {}

    def is_over(self, number: int) -> bool:
        """Tell whether a claim binds nobody any more: its attempt has ended, or its owner is proven to be gone."""
        status = jsonfiles.read_map(os.path.join(self.attempt_folder(number), STATUS)) or {}
        if status.get("state") in ENDS or not os.path.exists(self._file(number)):
            return True
        holder = self.holder(number)
        return "pid" in holder and owner.is_alive(holder) is False

    def living(self) -> int:
        """Give the number of the claim that binds, or 0."""
        number = self.highest()
        return number if number and not self.is_over(number) else 0

    def _file(self, number: int) -> str:
        return os.path.join(self.folder, CLAIMS, str(number))

    def end_leftovers(self, number: int) -> None:
        """End what the program of an attempt that is over left running on this host, and remove half-written files."""
        attempt = self.attempt_folder(number)
        leader = jsonfiles.read_map(os.path.join(attempt, PROCESS))
        if leader and "pid" in leader:
            owner.end_group(leader)
        for folder in (self.folder, attempt):
            for path in jsonfiles.half_written(folder):
                os.unlink(path)


def numbers(folder: str) -> List[int]:
    """Give the numbers that name what is in a folder; none if there is no folder."""
    try:
        return [int(name) for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return []

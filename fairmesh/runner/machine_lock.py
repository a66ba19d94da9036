"""One exclusive experiment at a time on a host: a file lock that shared experiments take together.

The program inherits the open file, so the machine stays taken for as long as any process of the experiment lives, also
when its runner was killed. Under a scheduler nothing is locked: there, exclusive means a node of its own.
"""

import fcntl
import os
import stat
from typing import Optional

FOLDER = "/tmp"  # noqa: S108  one place for all processes of the host, whatever their TMPDIR


class MachineLock:
    """The lock of this user on this host."""

    def __init__(self, exclusive: bool) -> None:
        self._how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        self.descriptor: Optional[int] = None

    def try_take(self) -> bool:
        """Take the lock if it is free."""
        if self.descriptor is None:
            self.descriptor = _open(os.path.join(FOLDER, f"fairmesh-{os.getuid()}.lock"))
        try:
            fcntl.flock(self.descriptor, self._how | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _open(path: str) -> int:
    """Open the lock file; a link, or a file of somebody else, set in its place is refused."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    found = os.fstat(descriptor)
    if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to somebody else")
    return descriptor

"""flock(2), which the system gives back when its holder dies: taken, busy, or not to be had on this file system."""

import errno
import fcntl

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class NoLocksError(OSError):
    """The file system has no file locks: Lustre that is mounted without them, NFS without a lock daemon."""


def try_lock(descriptor: int, path: str, exclusive: bool = True) -> bool:
    """Take the lock of an open file for as long as it is open; False if another process has it.

    Raises
    ------
    NoLocksError
        If its file system has none.
    OSError
        If it cannot be locked for another reason.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in _NO_LOCKS:
            raise NoLocksError(error.errno, f"its file system has no file locks ({error.strerror})", path) from None
        raise
    return True

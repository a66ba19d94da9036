"""Why a request cannot be carried out, and whether it may succeed later."""

import errno
import os

RETRY, PERSON = "retry", "person"

# A person must act: the folder belongs to somebody else, is read-only, or something else is in its place.
_FINAL = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


class RequestProblem(Exception):
    """Raised if a request cannot be carried out.

    Parameters
    ----------
    reason : str
        The reason in one line.
    kind : str
        ``retry`` if the same request may succeed later, ``person`` if somebody must act first.
    """

    def __init__(self, reason: str, kind: str = PERSON) -> None:
        super().__init__(reason)
        self.reason, self.kind = reason, kind


def of_error(error: OSError) -> RequestProblem:
    """Return the problem that an error of the file system is."""
    place = os.fsdecode(error.filename) + ": " if error.filename else ""
    return RequestProblem(place + (error.strerror or str(error)), PERSON if error.errno in _FINAL else RETRY)

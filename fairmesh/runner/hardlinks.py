"""link(2): a second name for a file, if that name is free; on NFS, too, it succeeds for one process alone."""

import errno
import os
from typing import Optional

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def try_link(source: str, target: str) -> Optional[bool]:
    """Whether a file that has one name got a second one, which was free; None where the file system has no links.

    Raises
    ------
    OSError
        If it cannot be made for another reason.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        return os.stat(source).st_nlink == 2  # NFS: it was made, and the answer was lost
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return None
    return True

"""Regular files alone: whoever may write into a folder may also leave a pipe, a device or an endless file there."""

import errno
import os
import stat
from typing import BinaryIO

LARGEST = 1 << 28  # bytes of a file that is read whole: a plan of several hundred thousand experiments


def open_regular(path: str, follow_links: bool = True) -> BinaryIO:
    """Open a regular file for reading; the call never waits for a writer.

    Raises
    ------
    OSError
        If the file cannot be opened, or is a pipe, a device or a folder.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.fdopen(descriptor, "rb")


def read_regular(path: str, limit: int = LARGEST, follow_links: bool = True) -> bytes:
    """Return the whole content of a regular file.

    Raises
    ------
    OSError
        As `open_regular`, and if the file is larger than the limit in bytes.
    """
    with open_regular(path, follow_links) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= limit else b""
        if len(data) > size:  # it grows, or its size is not known as in /proc
            data += file.read(limit + 1 - len(data))
    if max(size, len(data)) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", path)
    return data

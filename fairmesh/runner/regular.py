"""Regular files alone: whoever may write into a folder may also leave a pipe, a device or an endless file there."""

import errno
import os
import stat
from io import BufferedReader

LARGEST = 1 << 28  # bytes of a file that is read whole: a plan of several hundred thousand experiments
_NOT_REGULAR = (errno.EISDIR, errno.ELOOP, errno.ENXIO)  # of open(2): a folder, a link, a pipe that nobody reads


class NotRegularError(OSError):
    """Something else stands where a regular file is expected: a pipe, a device, a link or a folder."""


class TooLargeError(OSError):
    """A file is larger than anybody wants to read."""


def open_regular(path: str, follow_links: bool = True) -> BufferedReader:
    """Open a regular file for reading; the call never waits for a writer.

    Raises
    ------
    OSError
        If the file cannot be opened, or is a pipe, a device or a folder.
    """
    return os.fdopen(_open(path, os.O_RDONLY | (0 if follow_links else os.O_NOFOLLOW)), "rb")


def _open(path: str, flags: int) -> int:
    """Open a regular file without waiting for anybody who opens it too."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(errno.EINVAL, "not a regular file", path)
    os.set_blocking(descriptor, True)  # a program that inherits it expects that
    return descriptor


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
        raise TooLargeError(errno.EFBIG, f"larger than {limit} bytes", path)
    return data


def open_log(path: str) -> int:
    """Open a file that grows, to be read and written at its end; return its descriptor.

    Raises
    ------
    NotRegularError
        If something else has its name.
    OSError
        If it cannot be opened.
    """
    try:
        return _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotRegularError(errno.EINVAL, "not a regular file", path) from None
        raise


def append(path: str, data: bytes, head: bytes = b"") -> None:
    """Add bytes to the end of a file, all or none of them; an empty file gets the head first.

    Raises
    ------
    NotRegularError
        If something else has its name.
    OSError
        If they cannot be written; the file is as it was, as far as that can be.
    """
    descriptor = open_log(path)
    try:
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, data if size else head + data)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]

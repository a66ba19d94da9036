"""Open, link and lock files in folders that others can write into.

Only regular files are opened, so that a pipe, a device or an endless file in their place cannot block a reader.
"""

import errno
import fcntl
import os
import stat
from io import BufferedReader
from typing import Optional

LARGEST = 1 << 28  # bytes of a file that is read whole: a plan of several hundred thousand experiments
_NOT_REGULAR = (errno.EISDIR, errno.ELOOP, errno.ENXIO)  # of open(2): a folder, a link, a pipe without a reader


class NotRegularError(OSError):
    """Raised if something else is in the place of a regular file: a pipe, a device, a link or a folder."""


class TooLargeError(OSError):
    """Raised if a file is larger than the limit."""


def open_regular(path: str, follow_links: bool = True) -> BufferedReader:
    """Open a regular file for reading; the call never waits for a writer.

    Raises
    ------
    OSError
        If the file cannot be opened, or is a pipe, a device or a folder.
    """
    return os.fdopen(_open(path, os.O_RDONLY | (0 if follow_links else os.O_NOFOLLOW)), "rb")


def _open(path: str, flags: int) -> int:
    """Open a regular file without waiting for another process to open it."""
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
        If it is not a regular file.
    OSError
        If it cannot be opened.
    """
    return _open_for_writing(path, os.O_APPEND | os.O_CREAT)


def _open_for_writing(path: str, flags: int) -> int:
    try:
        return _open(path, os.O_RDWR | os.O_NOFOLLOW | flags)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotRegularError(errno.EINVAL, "not a regular file", path) from None
        raise


def overwrite(path: str, data: bytes) -> None:
    """Replace the content of a file in place, which works on a full disk if the file does not grow.

    Raises
    ------
    NotRegularError
        If it is not a regular file.
    OSError
        If it cannot be opened or written.
    """
    descriptor = _open_for_writing(path, 0)
    try:
        _write_all(descriptor, data)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def append(path: str, data: bytes, head: bytes = b"") -> None:
    """Add bytes to the end of a file, all or none of them; an empty file gets the head first.

    Raises
    ------
    NotRegularError
        If it is not a regular file.
    OSError
        If they cannot be written; the file is restored if possible.
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


NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def try_link(source: str, target: str) -> Optional[bool]:
    """Return whether a second name for a file was created; None if the file system has no hard links.

    Raises
    ------
    OSError
        If it cannot be created for another reason.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        return os.stat(source).st_nlink == 2  # on NFS, it may have been created although the answer was lost
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return None
    return True


_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class NoLocksError(OSError):
    """Raised if the file system has no file locks: Lustre mounted without them, NFS without a lock daemon."""


def try_lock(descriptor: int, path: str, exclusive: bool = True) -> bool:
    """Lock an open file until it is closed; return False if another process has the lock.

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

"""Streams of bytes of unknown length inside a connection: blocks with their lengths, and a checksum at the end.

Both sides use them. A stream whose writer fails is marked, so that the reader never takes a part for the whole.
"""

import hashlib
import struct
from typing import Any, Callable

BLOCK = 1 << 18  # bytes
_LENGTH = struct.Struct(">I")
_ABORTED = 0xFFFFFFFF


class CutError(Exception):
    """Raised if a stream is not complete: the connection ended, bytes differ, or its writer failed."""


class StreamWriter:
    """Writes a stream; ``write`` is that of a file.

    Parameters
    ----------
    write : callable
        Sends bytes.
    """

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write, self._digest, self._buffer = write, hashlib.sha256(), bytearray()

    def write(self, data: bytes) -> int:
        """Write bytes."""
        self._buffer += data
        if len(self._buffer) >= BLOCK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Send what is not sent yet."""
        for begin in range(0, len(self._buffer), BLOCK):
            block = bytes(self._buffer[begin : begin + BLOCK])
            self._digest.update(block)
            self._write(_LENGTH.pack(len(block)) + block)
        self._buffer = bytearray()

    def close(self) -> None:
        """End the stream."""
        self.flush()
        self._write(_LENGTH.pack(0) + self._digest.digest())

    def abort(self) -> None:
        """Mark the stream as incomplete."""
        self._write(_LENGTH.pack(_ABORTED))


class StreamReader:
    """Reads a stream; ``read`` is that of a file.

    Parameters
    ----------
    read : callable
        Returns as many bytes as it is called with; fewer if the connection ended.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read, self._digest, self._rest, self._is_over = read, hashlib.sha256(), b"", False

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, fewer at the end.

        Raises
        ------
        CutError
            If the stream is not complete.
        """
        parts, length = [], 0
        while (size < 0 or length < size) and (self._rest or not self._is_over):
            if not self._rest:
                self._rest = self._next()
            part = self._rest if size < 0 else self._rest[: size - length]
            self._rest = self._rest[len(part) :]
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Read to the end.

        Raises
        ------
        CutError
            If the stream is not complete.
        """
        while not self._is_over:
            self._rest = b""
            self._next()

    def _next(self) -> bytes:
        length = _LENGTH.unpack(self._exactly(_LENGTH.size))[0]
        if length == 0:
            self._is_over = True
            if self._exactly(self._digest.digest_size) != self._digest.digest():
                raise CutError("its checksum is wrong")
            return b""
        if length > BLOCK:
            raise CutError("its writer failed" if length == _ABORTED else "it is malformed")
        block = self._exactly(length)
        self._digest.update(block)
        return block

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) < size:
            raise CutError("the connection ended")
        return data

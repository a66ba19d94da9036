"""The ETag of an object in S3, computed from a local file: what tells a whole copy from a broken one.

An object that was uploaded in one piece has the MD5 of its bytes. One that was uploaded in parts has the MD5 of the
parts' MD5s, a dash, and the number of parts; the size of a part is not in it and must be inferred.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

PATTERN = re.compile(r"[0-9a-f]{32}(?:-(\d{1,5}))?")
MIB = 1 << 20
_BLOCK = 4 * MIB
# What the usual programs take: AWS's own, s3cmd, rclone, Cyberduck, boto3 and Ceph among them.
_USUAL = tuple(size * MIB for size in (8, 5, 15, 16, 10, 100, 32, 50, 64, 128, 256, 512, 1024, 4))
_TRIES = 40  # of a guess, each of which reads the whole file


def matches(file: Path, etag: str, part_size: int | None = None) -> bool:
    """Return whether a file has an ETag.

    Parameters
    ----------
    etag : str
        Without quotes.
    part_size : int, optional
        Bytes of each part but the last, if the server told it.
    """
    found = PATTERN.fullmatch(etag)
    if not found:
        return False
    if found[1] is None:
        return file_md5(file) == etag
    parts, size = int(found[1]), file.stat().st_size
    sizes = [part_size] if part_size else part_sizes(size, parts)
    return any(multipart_etag(file, each) == etag for each in sizes)


def file_md5(file: Path) -> str:
    """Return the MD5 of a file's bytes as 32 hex digits."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, _md5).hexdigest()


def multipart_etag(file: Path, part_size: int) -> str:
    """Return the ETag of a file that is uploaded in parts of this many bytes."""
    digests = []
    with file.open("rb") as source:
        while digest := _part_md5(source, part_size):
            digests.append(digest)
    return f"{_md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def part_sizes(size: int, parts: int) -> list[int]:
    """Return the sizes that cut so many bytes into so many parts, the likely ones first.

    Examples
    --------
    >>> part_sizes(180_004_096, 22)[0] // MIB
    8
    >>> 100 * MIB in part_sizes(180_004_096, 2)
    True
    """
    if parts < 1 or parts > max(size, 1):
        return []
    least = -(-size // parts)
    most = (size - 1) // (parts - 1) if parts > 1 else least
    whole = range(-(-least // MIB) * MIB, most + 1, MIB)
    decimal = range(-(-least // 10**6) * 10**6, most + 1, 10**6)
    likely = [each for each in _USUAL if least <= each <= most]
    return list(dict.fromkeys([*likely, least, *whole, *decimal]))[:_TRIES]


def _part_md5(source: BinaryIO, size: int) -> bytes:
    """Return the MD5 of the next bytes of a stream, empty at its end."""
    digest, left = _md5(), size
    while left and (block := source.read(min(left, _BLOCK))):
        digest.update(block)
        left -= len(block)
    return digest.digest() if left < size else b""


def _md5(data: bytes = b"") -> hashlib._Hash:
    # Not for security: it finds damage, not malice.
    return hashlib.md5(data, usedforsecurity=False)

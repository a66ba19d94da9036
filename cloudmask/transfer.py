"""One file from a bucket to the disk: goes on where it stopped, and is moved into place when its ETag is right."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from cloudmask import etag
from cloudmask.bucket import Bucket, ConnectionLostError, Remote
from cloudmask.errors import CloudmaskError
from cloudmask.files import reason
from cloudmask.progress import say

_WINDOW_S = 30  # of the rate
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0


class HopelessError(CloudmaskError):
    """No other file would fare better: the network is gone or the disk is full."""


class StoppedError(Exception):
    """Another file's failure, or a person, ended the work."""


@dataclass(frozen=True)
class Wanted:
    """An object and where it goes."""

    remote: Remote
    target: Path

    @property
    def part(self) -> Path:
        """Where its first bytes are until all are there; another version of the object does not go on with them."""
        return self.target.with_name(f".{self.target.name}.{self.remote.etag}.part")

    @property
    def present(self) -> int:
        """Bytes on the disk, be they right or wrong."""
        return min(max(_size(self.target), _size(self.part)), self.remote.size)


@dataclass
class Patience:
    """How often to try anew, `retries` times in a row without a single byte, with longer and longer waits."""

    retries: int
    stop: threading.Event = field(default_factory=threading.Event)

    def wait(self, failures: int, error: ConnectionLostError) -> None:
        """Wait before another attempt; raises HopelessError when it was the last."""
        if failures > self.retries:
            raise HopelessError(f"{error} (attempt {failures}, the last)")
        seconds = min(_FIRST_WAIT_S * 2 ** (failures - 1), _LONGEST_WAIT_S)
        say(f"{error} (attempt {failures}, the next in {seconds:.0f} s)")
        self.stop.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise StoppedError if the work is over."""
        if self.stop.is_set():
            raise StoppedError


class Meter:
    """Counts bytes of all connections; gives rate and time left."""

    def __init__(self, total: int, files: int) -> None:
        self._total, self._files = total, files
        self._there = self._received = self._finished = 0
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def add(self, received: int = 0, present: int = 0, finished: int = 0) -> None:
        """Count bytes that came, bytes that were there (fewer than none if they proved wrong), and files."""
        with self._lock:
            self._received += received
            self._there += received + present
            self._finished += finished

    def state(self) -> tuple[float, str]:
        """Return percent and a line for people."""
        now = time.monotonic()
        with self._lock:
            self._samples.append((now, self._received))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
                self._samples.popleft()
            (start, first), there = self._samples[0], self._there
            rate = (self._received - first) / max(now - start, 1e-3)
        text = f"{self._finished} of {self._files} files, {amount(there)} of {amount(self._total)}"
        if rate and there < self._total:
            text += f", {amount(rate)}/s, {duration((self._total - there) / rate)} left"
        return 100 * there / max(self._total, 1), text


def amount(size: float) -> str:
    """Return a number of bytes for people.

    >>> amount(180_004_096), amount(174_603_973_120)
    ('180.0 MB', '174.6 GB')
    """
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(42), duration(130), duration(7260)
    ('42 s', '2 min', '2 h 1 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def fetch(bucket: Bucket, wanted: Wanted, meter: Meter, patience: Patience) -> None:
    """Bring a file to its place unless it is there already.

    A file whose size or ETag is wrong is set aside as ``NAME.broken``.

    Raises
    ------
    HopelessError
        If the server cannot be reached or the disk takes no more; the first bytes stay for another time.
    CloudmaskError
        If the ETag is wrong twice, and what came is removed, or if it is of no kind that can be verified.
    """
    if not etag.PATTERN.fullmatch(wanted.remote.etag):
        raise CloudmaskError(f"{wanted.remote.key}: its ETag {wanted.remote.etag!r} is of no kind that can be verified")
    if _is_there(bucket, wanted, patience):
        meter.add(present=wanted.remote.size, finished=1)
        return
    for _ in range(2):
        _receive(bucket, wanted, meter, patience)
        if _is_whole(bucket, wanted, wanted.part, patience):
            with _writing(wanted.target):
                wanted.part.replace(wanted.target)
                for stale in wanted.target.parent.glob(f".{escape(wanted.target.name)}.*.part"):
                    stale.unlink(missing_ok=True)  # of another version of the object
            meter.add(finished=1)
            return
        meter.add(present=-wanted.remote.size)
        wanted.part.unlink()
    raise CloudmaskError(f"{wanted.target}: what came twice does not have the ETag {wanted.remote.etag}; removed")


def _is_there(bucket: Bucket, wanted: Wanted, patience: Patience) -> bool:
    if not wanted.target.exists():
        return False
    if _is_whole(bucket, wanted, wanted.target, patience):
        return True
    aside = wanted.target.with_name(f"{wanted.target.name}.broken")
    wanted.target.replace(aside)
    say(f"{wanted.target}: its size or ETag is not that of the server's; set aside as {aside.name}")
    return False


def _is_whole(bucket: Bucket, wanted: Wanted, file: Path, patience: Patience) -> bool:
    patience.check()
    if _size(file) != wanted.remote.size:
        return False
    return etag.matches(file, wanted.remote.etag, bucket.part_size(wanted.remote))


def _receive(bucket: Bucket, wanted: Wanted, meter: Meter, patience: Patience) -> None:
    """Append to the part until all bytes are there."""
    failures = 0
    with _writing(wanted.part):
        wanted.part.parent.mkdir(parents=True, exist_ok=True)
        wanted.part.touch()
    meter.add(present=_size(wanted.part))
    while (have := _size(wanted.part)) != wanted.remote.size:
        try:
            _append(bucket, wanted, have, meter, patience)
        except ConnectionLostError as error:
            failures = failures + 1 if _size(wanted.part) <= have else 1
            patience.wait(failures, error)


def _append(bucket: Bucket, wanted: Wanted, have: int, meter: Meter, patience: Patience) -> None:
    restart = have > wanted.remote.size
    with _writing(wanted.part), wanted.part.open("ab") as file:
        for place, piece in bucket.read(wanted.remote, 0 if restart else have):
            patience.check()
            if place == 0:  # from the start, because the server knows no ranges or the part was too long
                file.truncate(0)
                meter.add(present=-have)
            file.write(piece)
            file.flush()
            meter.add(received=len(piece))
    if _size(wanted.part) != wanted.remote.size:
        raise ConnectionLostError(f"{bucket.where}: {wanted.remote.key} ended too early or too late")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HopelessError(f"{path}: cannot be written: {reason(error)}; what is there is kept") from None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0

"""The command `download`: download the benchmark's scenes from their public bucket with boto3.

A file is downloaded under a temporary name, compared with the object's size and, if the ETag is a plain MD5, with its
checksum, and then renamed. Existing files are checked in the same way and kept.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath
from typing import get_args

from cloudmask.console import report, say
from cloudmask.data.bucket import Bucket, Remote, ServerError
from cloudmask.data.scenes import FOLDERS, SATELLITES, Part
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.files import beside, reason

# https://github.com/mlcommons/science/blob/main/benchmarks/cloudmask/README.md
ENDPOINT = "https://s3.echo.stfc.ac.uk"
BUCKET = "sciml-datasets"
ROOT = "es/cloud_slstr_ds1"
_REPORT_S = 2.0
_RATE_WINDOW_S = 30
_ALL = 0


class CancelledError(Exception):
    """The download was canceled because another one failed or the user interrupted it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--to", type=Path, metavar="DIR", required=True, help="folder, later the parameter data")
    parser.add_argument("--prefix", choices=[*get_args(Part), "both"], default="both", help="which part (both)")
    parser.add_argument("--files", type=_number, metavar="N|all", default=_ALL, help="scenes of each part (all)")
    parser.add_argument("--connections", type=_positive, metavar="N", default=4, help="files at a time (4)")
    parser.add_argument("--retries", type=_positive, metavar="N", default=6, help="further attempts of a request (6)")
    parser.add_argument("--endpoint", metavar="URL", default=ENDPOINT, help=f"server of S3 ({ENDPOINT})")
    parser.add_argument("--bucket", metavar="NAME", default=BUCKET, help=f"bucket ({BUCKET})")
    parser.add_argument("--root", metavar="KEY", default=ROOT, help=f"prefix of training/ and inference/ ({ROOT})")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _number(text: str) -> int:
    return _ALL if text == "all" else _positive(text)


def run(options: argparse.Namespace) -> None:
    """Download the scenes selected by the options.

    Raises
    ------
    InputError
        If boto3 is missing, the server, bucket or scenes do not exist, or the disk has too little space.
    CloudmaskError
        If a file cannot be downloaded; the others are complete.
    """
    folder, root = options.to.expanduser().absolute(), options.root.strip("/")
    bucket = Bucket(options.endpoint.rstrip("/"), options.bucket, options.connections, options.retries)
    parts: list[Part] = [part for part in get_args(Part) if options.prefix in (part, "both")]
    objects = [remote for part in parts for remote in choose(bucket, root, part, options.files)]
    downloads = [Download(remote, folder / _below(remote.key, root)) for remote in objects]
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder):
        _check_room(folder, downloads)
        fetch_all(bucket, downloads, options.connections)
    _print_next_step(folder)


@dataclass(frozen=True)
class Download:
    """An object and its target file."""

    remote: Remote
    target: Path

    @property
    def missing(self) -> int:
        """The bytes to download, judged by the size of the existing file."""
        there = self.target.is_file() and self.target.stat().st_size == self.remote.size
        return 0 if there else self.remote.size


def choose(bucket: Bucket, root: str, part: Part, number: int) -> list[Remote]:
    """Return the first `number` scenes of a part, sorted by name, or all of them if it is 0."""
    for name in FOLDERS[part]:
        scenes = [remote for remote in bucket.objects(f"{root}/{name}/") if _is_scene(PurePosixPath(remote.key).name)]
        if scenes:
            scenes.sort(key=lambda remote: (PurePosixPath(remote.key).name, remote.key))
            return scenes[: number or None]
    names = " or ".join(f"{root}/{name}/" for name in FOLDERS[part])
    raise InputError(f"{bucket.where}: no scene (S3A*.hdf, S3B*.hdf) in {names}")


def _is_scene(name: str) -> bool:
    return name.startswith(SATELLITES) and name.endswith(".hdf")


def _below(key: str, root: str) -> PurePosixPath:
    """Return the path relative to the root; raise InputError if it would leave the folder."""
    path = PurePosixPath(key).relative_to(root)
    if ".." in path.parts or path.is_absolute():
        raise InputError(f"{key}: not a key that can be a file name")
    return path


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock the folder; raise InputError if another download into it is running."""
    with (folder / ".download.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another download into it is running") from None
        yield


def _check_room(folder: Path, downloads: list[Download]) -> None:
    missing = sum(download.missing for download in downloads)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise InputError(f"{folder}: {amount(missing)} to download, but {amount(free)} free; --files N takes fewer")
    total = sum(download.remote.size for download in downloads)
    say(f"{len(downloads)} files, {amount(total)}, of which {amount(missing)} to download")


class Meter:
    """The progress of all downloads: bytes, rate and remaining time; it can also cancel them."""

    def __init__(self, total: int, files: int) -> None:
        self.cancelled = threading.Event()
        self._total, self._files = total, files
        self._present = self._received = self._finished = 0
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def receive(self, size: int) -> None:
        """Add bytes, a negative number after a failed attempt; raise CancelledError if canceled."""
        if self.cancelled.is_set():
            raise CancelledError
        with self._lock:
            self._received += size

    def finish(self, present: int = 0) -> None:
        """Count a finished file; `present` is its size if it existed before."""
        with self._lock:
            self._present += present
            self._finished += 1

    def state(self) -> tuple[float, str]:
        """Return the percentage and a status line."""
        now = time.monotonic()
        with self._lock:
            self._samples.append((now, self._received))
            while len(self._samples) > 2 and now - self._samples[0][0] > _RATE_WINDOW_S:
                self._samples.popleft()
            (start, first), there = self._samples[0], self._present + self._received
            rate = (self._received - first) / max(now - start, 1e-3)
        text = f"{self._finished} of {self._files} files, {amount(there)} of {amount(self._total)}"
        if rate > 0 and there < self._total:
            text += f", {amount(rate)}/s, {duration((self._total - there) / rate)} left"
        return 100 * there / max(self._total, 1), text


def amount(size: float) -> str:
    """Return a number of bytes in readable form.

    >>> amount(180_004_096), amount(174_603_973_120)
    ('180.0 MB', '174.6 GB')
    """
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def duration(seconds: float) -> str:
    """Return a duration in readable form.

    >>> duration(42), duration(130), duration(7260)
    ('42 s', '2 min', '2 h 1 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def fetch_all(bucket: Bucket, downloads: list[Download], connections: int) -> None:
    """Download several files at a time; the failure of a single file does not stop the others.

    Raises
    ------
    CloudmaskError
        If a download failed.
    """
    meter = Meter(sum(download.remote.size for download in downloads), len(downloads))
    with ThreadPoolExecutor(connections) as pool:
        try:
            failed = _watch({pool.submit(fetch, bucket, download, meter) for download in downloads}, meter)
        except BaseException:
            meter.cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise CloudmaskError(f"{len(failed)} of {len(downloads)} files cannot be downloaded: {failed[0]}")


def fetch(bucket: Bucket, download: Download, meter: Meter) -> None:
    """Download a file unless it exists.

    A file that does not match the object, existing or downloaded, is kept as ``NAME.broken``.

    Raises
    ------
    ServerError
        If the server cannot be reached or the disk is full.
    CloudmaskError
        If the file does not match the object after two downloads.
    """
    remote, target = download.remote, download.target
    if remote.matches(target):
        meter.finish(present=remote.size)
        return
    try:
        if target.exists():
            _set_aside(target, target)
        part = beside(target)
        for _ in range(2):
            for stale in target.parent.glob(f"{escape(part.name)}*"):  # left by a killed process
                stale.unlink(missing_ok=True)
            bucket.download(remote, part, meter.receive)
            if remote.matches(part):
                part.replace(target)
                meter.finish()
                return
            meter.receive(-part.stat().st_size)
            _set_aside(part, target)
    except OSError as error:
        raise ServerError(f"{target}: cannot be written: {reason(error)}") from None
    raise CloudmaskError(f"{target}: downloaded twice, and both times not the object with the ETag {remote.etag}")


def _set_aside(file: Path, target: Path) -> None:
    aside = target.with_name(f"{target.name}.broken")
    file.replace(aside)
    say(f"{target}: its size or MD5 is not that of the object; kept as {aside.name}")


def _watch(pending: set[Future[None]], meter: Meter) -> list[CloudmaskError]:
    """Report the progress until all downloads are done; return the errors of those that failed."""
    failed, reported = [], 0.0
    while pending:
        done, pending = wait(pending, timeout=_REPORT_S, return_when=FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            if isinstance(error, CloudmaskError) and not isinstance(error, ServerError):
                failed.append(error)
                say(str(error))
            elif error:
                raise error
        if not pending or time.monotonic() - reported >= _REPORT_S:
            report(*meter.state())
            reported = time.monotonic()
    return failed


def _print_next_step(folder: Path) -> None:
    missing = [part for part, names in FOLDERS.items() if not any((folder / name).is_dir() for name in names)]
    if missing:
        say(f"{folder} still lacks {missing[0]}: --prefix {missing[0]}")
    else:
        say(f"use it in a study as data: {folder}")

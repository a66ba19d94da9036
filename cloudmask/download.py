"""The verb `download`: the benchmark's data from its public bucket, in several connections, whole or a part of it."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeVar, get_args

from cloudmask.bucket import Bucket, ConnectionLostError, Remote
from cloudmask.catalogue import FOLDERS, SATELLITES, Part
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.progress import report, say
from cloudmask.transfer import HopelessError, Meter, Patience, Wanted, amount, fetch

# https://github.com/mlcommons/science/blob/main/benchmarks/cloudmask/README.md
ENDPOINT = "https://s3.echo.stfc.ac.uk"
BUCKET = "sciml-datasets"
ROOT = "es/cloud_slstr_ds1"
_REPORT_S = 2.0
_ALL = 0

T = TypeVar("T")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument("--to", type=Path, metavar="DIR", required=True, help="folder, later the parameter data")
    parser.add_argument("--prefix", choices=[*get_args(Part), "both"], default="both", help="which part (both)")
    parser.add_argument("--files", type=_number, metavar="N|all", default=_ALL, help="scenes of each part (all)")
    parser.add_argument("--connections", type=_positive, metavar="N", default=4, help="files at a time (4)")
    parser.add_argument("--retries", type=_positive, metavar="N", default=6, help="further attempts without a byte (6)")
    parser.add_argument("--endpoint", metavar="URL", default=ENDPOINT, help=f"server of S3 ({ENDPOINT})")
    parser.add_argument("--bucket", metavar="NAME", default=BUCKET, help=f"bucket ({BUCKET})")
    parser.add_argument("--root", metavar="KEY", default=ROOT, help=f"what training/ and inference/ are in ({ROOT})")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _number(text: str) -> int:
    return _ALL if text == "all" else _positive(text)


def run(options: argparse.Namespace) -> None:
    """Download what the options name; what is there already is checked and stays.

    Raises
    ------
    InputError
        If boto3 is missing, there is no such server, bucket or scene, or the disk has too little room.
    CloudmaskError
        If a file could not be had; the others are in their places.
    """
    folder = options.to.expanduser().absolute()
    bucket = Bucket(options.endpoint.rstrip("/"), options.bucket, options.connections)
    patience = Patience(options.retries)
    parts: list[Part] = [part for part in get_args(Part) if options.prefix in (part, "both")]
    root = options.root.strip("/")
    remotes = [
        remote
        for part in parts
        for remote in _persist(lambda part=part: choose(bucket, root, part, options.files), patience)  # type: ignore[misc]
    ]
    wanted = [Wanted(remote, folder / _below(remote.key, root)) for remote in remotes]
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        _check_room(folder, wanted)
        fetch_all(bucket, wanted, options.connections, patience)
    _say_what_next(folder)


def choose(bucket: Bucket, root: str, part: Part, number: int) -> list[Remote]:
    """Return the first scenes of a part by their names, or all of them if the number is 0."""
    for name in FOLDERS[part]:
        objects = bucket.objects(f"{root}/{name}/")
        scenes = [each for each in objects if _is_scene(PurePosixPath(each.key).name)]
        if scenes:
            scenes.sort(key=lambda each: (PurePosixPath(each.key).name, each.key))
            return scenes[: number or None]
    names = " or ".join(f"{root}/{name}/" for name in FOLDERS[part])
    raise InputError(f"{bucket.where}: no scene (S3A*.hdf, S3B*.hdf) in {names}")


def _is_scene(name: str) -> bool:
    return name.startswith(SATELLITES) and name.endswith(".hdf")


def _below(key: str, root: str) -> PurePosixPath:
    """Return the path below the root; it must not leave the folder, whatever the server says."""
    path = PurePosixPath(key).relative_to(root)
    if ".." in path.parts or path.is_absolute():
        raise InputError(f"{key}: not a key that can be a file name")
    return path


def _persist(action: Callable[[], T], patience: Patience) -> T:
    failures = 0
    while True:
        try:
            return action()
        except ConnectionLostError as error:
            failures += 1
            patience.wait(failures, error)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second download out of the folder: both would append to the same files."""
    with (folder / ".download.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another download into it is running") from None
        yield


def _check_room(folder: Path, wanted: list[Wanted]) -> None:
    missing = sum(each.remote.size - each.present for each in wanted)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise InputError(f"{folder}: {amount(missing)} to download, but {amount(free)} free; --files N takes fewer")
    say(f"{len(wanted)} files, {amount(sum(each.remote.size for each in wanted))}, of which {amount(missing)} to come")


def fetch_all(bucket: Bucket, wanted: list[Wanted], connections: int, patience: Patience) -> None:
    """Fetch files, so many at a time; what fails alone does not stop the others.

    Raises
    ------
    CloudmaskError
        If a file failed.
    """
    meter = Meter(sum(each.remote.size for each in wanted), len(wanted))
    with ThreadPoolExecutor(connections) as pool:
        try:
            failed = _watch({pool.submit(fetch, bucket, each, meter, patience) for each in wanted}, meter)
        except BaseException:
            patience.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise CloudmaskError(f"{len(failed)} of {len(wanted)} files could not be had: {failed[0]}")


def _watch(pending: set[Future[None]], meter: Meter) -> list[CloudmaskError]:
    """Report until all is done; give what failed."""
    failed, last = [], 0.0
    while pending:
        done, pending = wait(pending, timeout=_REPORT_S, return_when=FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            if isinstance(error, CloudmaskError) and not isinstance(error, HopelessError):
                failed.append(error)
                say(str(error))
            elif error:
                raise error
        if not pending or time.monotonic() - last >= _REPORT_S:
            report(*meter.state())
            last = time.monotonic()
    return failed


def _say_what_next(folder: Path) -> None:
    missing = [part for part, names in FOLDERS.items() if not any((folder / name).is_dir() for name in names)]
    if missing:
        say(f"{folder} still lacks {missing[0]}: --prefix {missing[0]}")
    else:
        say(f"use it in a study as data: {folder}")

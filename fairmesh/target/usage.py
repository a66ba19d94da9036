"""``usage``: what the folders of a home take, and how many jobs are open in them."""

import os
from typing import Iterator, List

from ..runner import jsonfiles, protocol
from .home import Home
from .request import Answer, Request
from .starts import STARTS
from .states import ABSENT, Query, states


def answer(request: Request) -> Answer:
    """Return the path of the home, and its folders with their sizes; runner.pyz and temporary folders are left out."""
    home = request.home
    folders = []
    for name in _folders(home):
        path = home.path(name)
        sizes = list(_sizes(path))
        entry = {"path": name, "bytes": sum(sizes), "files": len(sizes), "open_jobs": len(open_jobs(home, name))}
        folders.append(entry)
    return Answer({"home": home.folder, "folders": folders})


def _folders(home: Home) -> List[str]:
    try:
        names = sorted(os.listdir(home.folder))
    except FileNotFoundError:
        return []
    paths = [(name, os.path.join(home.folder, name)) for name in names if not name.startswith(".")]
    return [name for name, path in paths if os.path.isdir(path) and not os.path.islink(path)]


def _sizes(path: str) -> Iterator[int]:
    for parent, _, files in os.walk(path):
        for name in files:
            try:
                yield os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue


def open_jobs(home: Home, folder: str) -> List[str]:
    """Return the jobs in a folder, or below it, that have been started and have not ended."""
    found, _ = states(home, _jobs(home, folder))
    return [name for name, state in found.items() if not state["is_over"] and state["state"] != ABSENT]


def _jobs(home: Home, folder: str) -> Iterator[Query]:
    """Yield the job folders that have a claim or a start."""
    for parent, folders, files in os.walk(home.path(folder)):
        if protocol.EXPERIMENT in files and (protocol.CLAIMS in folders or STARTS in folders):
            experiment = jsonfiles.read_map(os.path.join(parent, protocol.EXPERIMENT)) or {}
            yield Query(os.path.relpath(parent, home.folder), parent, str(experiment.get("fingerprint") or ""))
            del folders[:]  # attempts have copies of experiment.json

"""``remove``: delete folders of a home, except those with open jobs."""

import os

from .has import list_path
from .home import move_away, remove
from .problems import RETRY, RequestProblem
from .request import Answer, Request
from .usage import open_jobs


def answer(request: Request) -> Answer:
    """Delete folders; those that do not exist are ignored."""
    home = request.home
    paths = {folder: home.path(folder) for folder in request.texts("folders")}
    for folder in paths:
        for job in open_jobs(home, folder):
            raise RequestProblem(f"{job} has not ended", RETRY)
    for path in paths.values():
        remove(list_path(path))
        if os.path.lexists(path):
            remove(move_away(home, path))
    return Answer({})

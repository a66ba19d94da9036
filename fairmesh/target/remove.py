"""``remove``: delete folders of a home, except those in which a job is active."""

import os

from ..runner.claims import Claims
from .has import list_path
from .home import move_away, remove
from .problems import RETRY, RequestProblem
from .request import Answer, Request


def answer(request: Request) -> Answer:
    """Delete folders; those that do not exist are ignored."""
    home = request.home
    paths = [home.path(folder) for folder in request.texts("folders")]
    for path in paths:
        number = Claims(path).active() if os.path.isdir(path) else 0
        if number:
            raise RequestProblem(f"attempt {number} runs in {path}", RETRY)
    for path in paths:
        remove(list_path(path))
        if os.path.lexists(path):
            remove(move_away(home, path))
    return Answer({})

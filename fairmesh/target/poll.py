"""``poll``: the states of jobs, with one query of the scheduler for all of them."""

from typing import List

from .home import Home
from .request import Answer, Request, text_of
from .states import Query, states


def answer(request: Request) -> Answer:
    """Return the state of each job."""
    home = request.home
    jobs, problem = states(home, queries(request, home))
    return Answer({"jobs": jobs, "scheduler": problem})


def queries(request: Request, home: Home) -> List[Query]:
    """Return the jobs of a request."""
    folders = [(text_of(job, "folder"), text_of(job, "fingerprint")) for job in request.maps("jobs")]
    return [Query(folder, home.path(folder), fingerprint) for folder, fingerprint in folders]

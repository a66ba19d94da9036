"""``clock``: the time on the machine and nothing else, so that the call takes as long as the way there and back."""

import time

from .request import Answer, Request


def answer(request: Request) -> Answer:
    """Return the seconds since the epoch."""
    del request  # it has no arguments
    return Answer({"clock": time.time()})

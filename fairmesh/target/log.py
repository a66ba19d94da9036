"""``log``: the last lines of an attempt's log, or of its job.sh if its program has not begun."""

import os

from ..runner import protocol
from ..runner.claims import Claims
from ..runner.text import last_lines
from .request import Answer, Request
from .starts import Starts

_MOST = 10000


def answer(request: Request) -> Answer:
    """Return the last lines, printable; number 0 is the last attempt."""
    path = request.home.path(request.text("folder"))
    claims, starts = Claims(path), Starts(path)
    number = request.number("number", 0) or max(claims.highest(), starts.highest())
    count = min(request.number("lines", 20), _MOST)
    lines = last_lines(os.path.join(claims.attempt_folder(number), protocol.LOG), count) if count else []
    return Answer({"number": number, "lines": lines or (last_lines(starts.log(number), count) if count else [])})

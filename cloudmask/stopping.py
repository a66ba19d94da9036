"""A wish to end, by SIGTERM, that is granted between two steps of a training."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cloudmask.errors import CloudmaskError


class StoppedError(CloudmaskError):
    """The training ended early because it was asked to."""

    exit_code = 128 + signal.SIGTERM


@contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether SIGTERM has come; outside the block, the signal acts as before."""
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    try:
        yield lambda: bool(told)
    finally:
        signal.signal(signal.SIGTERM, before)

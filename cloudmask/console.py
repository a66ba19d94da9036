"""Console output: messages, machine-readable progress lines, and suppression of library output."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """Print a message and flush."""
    print(line, flush=True)


def report(percent: float, message: str) -> None:
    """Print a progress line.

    Parameters
    ----------
    percent : float
        Progress from 0 to 100; printed as a whole number.
    message : str
        Current activity, without line breaks and double quotes.

    Examples
    --------
    >>> report(37.5, "epoch 3 of 8")
    # fairmesh status=running progress=37 msg="epoch 3 of 8"
    """
    say(f'# fairmesh status=running progress={int(percent)} msg="{message}"')


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Suppress standard error, including that of C++ code; show it if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)

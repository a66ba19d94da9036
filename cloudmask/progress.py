"""Progress on standard output, for people and for a program that watches."""

from __future__ import annotations


def say(line: str) -> None:
    """Print a line for people at once."""
    print(line, flush=True)


def report(percent: float, message: str) -> None:
    """Print a progress line.

    Parameters
    ----------
    percent : float
        How much is done, 0 to 100; printed as a whole number.
    message : str
        What is being done, without line breaks and double quotes.

    Examples
    --------
    >>> report(37.5, "epoch 3 of 8")
    # fairmesh status=running progress=37 msg="epoch 3 of 8"
    """
    say(f'# fairmesh status=running progress={int(percent)} msg="{message}"')

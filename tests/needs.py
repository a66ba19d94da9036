"""What tests need of the computer: on a laptop they may be left out, in continuous integration never."""

from __future__ import annotations

import os

import pytest


def must_have(there: object, missing: str) -> None:
    """Leave a test out where something is missing, and say so; in continuous integration that is an error."""
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{missing}; in continuous integration this is an error")
    pytest.skip(missing)

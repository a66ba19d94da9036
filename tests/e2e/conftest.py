"""What the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """Give a fresh working folder, and end what still runs there when the test is over."""
    place = Workplace(tmp_path)
    yield place
    place.end()

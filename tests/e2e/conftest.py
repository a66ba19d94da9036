"""What the end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """Give a fresh working folder."""
    return Workplace(tmp_path)

"""A small scene in the benchmark's schema, for tests that change or read it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cloudmask.data.hdf5 import write_arrays
from cloudmask.data.synthesis import Arrays, synthesize

SHAPE = (48, 64)


@pytest.fixture(scope="session", autouse=True)
def prepared_tensorflow() -> None:
    """Set threads and determinism before the first operation, whichever module comes first; import nothing for it."""
    if "tensorflow" in sys.modules:
        from cloudmask.model.trainer import prepare  # noqa: PLC0415

        prepare(1)


@pytest.fixture(scope="session")
def tensorflow() -> None:
    """Prepare TensorFlow before its first operation in this process; for all modules that use it."""
    from cloudmask.model.trainer import prepare  # noqa: PLC0415  three seconds, only for those

    prepare(1)


@pytest.fixture(scope="session")
def day_arrays() -> Arrays:
    return synthesize(np.random.default_rng(3), SHAPE, day=True)[0]


@pytest.fixture
def scene_file(day_arrays: Arrays, tmp_path: Path) -> Path:
    path = tmp_path / "S3A_day.hdf"
    write_arrays(path, day_arrays)
    return path


@pytest.fixture
def scene_folder(scene_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy the scene to these paths in a folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "scenes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(scene_file, path)
        return tmp_path / "scenes"

    return make

"""What programs leave in place of results stops no reader: a pipe, an endless device, a file without an end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh import files
from fairmesh.fair import columns
from fairmesh.results.csv_files import read_rows
from fairmesh.site.page_charts import telemetry_charts
from snakemake_executor_plugin_fairmesh.progress import read_progress

OBSTACLES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "endless": lambda path: os.truncate(os.open(path, os.O_WRONLY | os.O_CREAT), 1 << 42),
    "folder": os.mkdir,
}
READERS: dict[str, Callable[[Path], object]] = {
    "history": read_rows,
    "telemetry": lambda path: list(telemetry_charts(path)),
    "table": columns.of_file,
    "progress of a bundle": read_progress,
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_nothing_there(obstacle: str, reader: str, tmp_path: Path) -> None:
    OBSTACLES[obstacle](tmp_path / "file")
    assert not READERS[reader](tmp_path / "file")


@pytest.mark.parametrize("obstacle", ["pipe", "device", "endless"])
def test_a_job_folder_is_rendered_over_it(obstacle: str, tmp_path: Path) -> None:
    OBSTACLES[obstacle](tmp_path / "file")
    assert files.write_if_changed(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("obstacle", ["pipe", "device"])
def test_it_has_no_hash(obstacle: str, tmp_path: Path) -> None:
    OBSTACLES[obstacle](tmp_path / "file")
    with pytest.raises(OSError, match="not a regular file"):
        files.file_sha256(tmp_path / "file")

"""The small things of the Python interface: what an import costs, how objects look, how results become a frame."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fairmesh
from fairmesh.api import html
from fairmesh.api.outputs import log_part
from fairmesh.errors import InputError
from fairmesh.status import JobStatus, StudyStatus
from tests.results.builder import build

HEAVY = ("asyncio", "ssl", "xml.etree.ElementTree", "urllib.request", "pandas", "rich", "fastapi", "tensorflow")
EVIL = "<script>alert('1')</script>"


def test_the_import_is_cheap_and_gives_every_name() -> None:
    code = (
        "import sys, time; import fairmesh; used = time.process_time(); print(used);"
        "print(sorted({'pandas', 'jinja2', 'snakemake', 'pydantic', 'httpx', 'fastapi'} & set(sys.modules)));"
        "[getattr(fairmesh, name) for name in fairmesh.__all__]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert float(used) < 0.2
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fairmesh.nothing


@pytest.mark.parametrize("module", ["workflow.snakefile", "cli.plan", "cli.status", "jobs.lookup"])
def test_what_each_run_imports_leaves_out_heavy_modules(module: str) -> None:
    code = f"import sys, fairmesh.{module}; print({{*HEAVY}} & {{*sys.modules}})".replace("HEAVY", str(HEAVY))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_results_are_a_frame_with_units(tmp_path: Path) -> None:
    build(tmp_path)
    frame = fairmesh.load_results(tmp_path / "quick")
    assert len(frame) == 12
    assert frame.attrs["study"] == "quick"
    assert frame.attrs["units"] | {"accuracy": "1", "training_time": "s", "peak_bytes": "byte"} == frame.attrs["units"]
    assert frame.attrs["better"] == {"accuracy": "higher", "training_time": "lower"}
    assert fairmesh.load_results(str(tmp_path)).equals(frame)
    build(tmp_path, "other")
    with pytest.raises(InputError, match=r"holds several studies \(allowed: other, quick\)"):
        fairmesh.load_results(tmp_path)
    with pytest.raises(InputError, match="there are no results here"):
        fairmesh.load_results(tmp_path / "nothing")


def test_nothing_reaches_a_notebook_unescaped() -> None:
    job = JobStatus("experiment", EVIL, EVIL, "k", "failed", EVIL, message=EVIL)
    shown = html.status_html(StudyStatus(EVIL, EVIL, "", "", None, (job,), ()), EVIL)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "1 failed" in shown


@pytest.mark.parametrize(
    ("offset", "limit", "over", "lines", "begin", "following"),
    [
        (0, 100, False, ["one", "two"], 0, 8),
        (0, 100, True, ["one", "two", "thr"], 0, 11),
        (0, 5, False, ["one"], 0, 4),
        (4, 100, False, ["two"], 4, 8),
        (0, 2, False, ["on"], 0, 2),
        (-7, 100, False, ["two"], 4, 8),
        (-100, 100, True, ["one", "two", "thr"], 0, 11),
        (50, 100, True, [], 11, 11),
    ],
)
def test_a_log_is_read_in_whole_lines(
    tmp_path: Path, offset: int, limit: int, over: bool, lines: list[str], begin: int, following: int
) -> None:
    path = tmp_path / "job.log"
    path.write_text("one\ntwo\nthr")
    part = log_part(path, offset, limit, over)
    assert (part.lines, part.offset, part.next, part.size) == (lines, begin, following, 11)


def test_a_log_that_is_a_link_is_empty(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "job.log").symlink_to("secret")
    assert log_part(tmp_path / "job.log", 0, 100, is_over=True).lines == []
    assert log_part(tmp_path / "none", 0, 100, is_over=True).lines == []

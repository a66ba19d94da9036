"""What the runner reads from programs and from the system."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.runner import commit, owner, processes
from fairmesh.runner.output import Output
from fairmesh.runner.status import Status


@pytest.fixture
def status(tmp_path: Path) -> Status:
    return Status(str(tmp_path / "status.json"), 1, owner.current_process())


@pytest.mark.parametrize(
    ("text", "progress", "message"),
    [
        ('# fairmesh status=running progress=37 msg="epoch 3 of 8"', 37, "epoch 3 of 8"),
        ("# cloudmesh status=running progress=12.5 msg=short", 12, "short"),
        ("# fairmesh progress=250", 100, ""),
        ("# fairmesh progress=-5", 0, ""),
        (" 50%|#####     | 5/10 [00:05<00:05]# fairmesh progress=50", 50, ""),
        ('# fairmesh msg="see # fairmesh progress=9" progress=3', 3, "see # fairmesh progress=9"),
        ('# fairmesh progress=7 msg="cut off', 7, "cut off"),
        ("# fairmesh progress=8 msg=\x1b[31mred", 8, "red"),
        (f"# fairmesh progress=4 {'x' * 5000} progress=5", 4, ""),
        ("fairmesh progress=9", 0, ""),
    ],
)
def test_progress_lines(status: Status, text: str, progress: int, message: str) -> None:
    status.read_progress(text)
    assert (status.values["progress"], status.values["message"]) == (progress, message)


@given(st.text())
def test_no_output_of_a_program_breaks_the_status(text: str) -> None:
    status = Status("unused", 1, owner.current_process())
    status.read_progress(f"# fairmesh {text}")
    assert 0 <= status.values["progress"] <= 100


@pytest.mark.parametrize("text", ["a" * 300_000, 'a="' * 100_000, "=" * 300_000, "a=" * 150_000, '"' * 300_000])
def test_a_long_line_of_progress_is_read_in_linear_time(status: Status, text: str) -> None:
    began = time.process_time()
    status.read_progress(f"# fairmesh {text}")
    status.read_progress(text)
    assert time.process_time() - began < 5


EVENT = ':::MLLOG {"time_ms": 1, "key": "loss", "value": 2, "metadata": {}}'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_no_event_is_lost_where_one_read_ends_and_the_next_begins(status: Status, tmp_path: Path, end: str) -> None:
    output = Output(str(tmp_path), status)
    with (tmp_path / "job.log").open("w", newline="") as log:
        for number in range(30_000):
            log.write(f"{EVENT}{end}# fairmesh progress={number // 300}{end}")
            if number == 20_000:
                log.flush()
                output.read_new()
    output.read_new(whole=True)
    assert (tmp_path / "events.mllog").read_text() == f"{EVENT}\n" * 30_000
    assert status.values["progress"] == 99


def test_an_endless_line_takes_little_memory_and_hides_no_other(status: Status, tmp_path: Path) -> None:
    output = Output(str(tmp_path), status)
    with (tmp_path / "job.log").open("w") as log:
        for size in (3 * (1 << 20), 5, 1 << 20):
            log.write("x" * size)
            log.flush()
            tracemalloc.start()
            output.read_new()
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
            tracemalloc.stop()
        log.write(f"# fairmesh progress=5\n{EVENT}\n# fairmesh progress=6")
    output.read_new(whole=True)
    assert (tmp_path / "events.mllog").read_text() == f"{EVENT}\n"
    assert status.values["progress"] == 6


def test_a_log_without_an_end_is_read_in_parts(status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairmesh.runner.output.AT_ONCE", 100)
    output = Output(str(tmp_path), status)
    (tmp_path / "job.log").write_text("x" * 150 + "\n# fairmesh progress=5\n")
    output.read_new()
    assert status.values["progress"] == 0
    output.read_new()
    assert status.values["progress"] == 5


@pytest.mark.parametrize("kind", ["nothing", "pipe", "device"])
def test_a_program_that_took_its_log_away_is_watched_on(status: Status, tmp_path: Path, kind: str) -> None:
    output, log = Output(str(tmp_path), status), tmp_path / "job.log"
    os.write(output.descriptor, b"begin\n")
    log.unlink()
    if kind == "pipe":
        os.mkfifo(log)
    elif kind == "device":
        log.symlink_to("/dev/zero")
    os.write(output.descriptor, f"{EVENT}\n".encode())
    output.read_rest()
    assert (tmp_path / "events.mllog").read_text() == f"{EVENT}\n"
    assert output.last_lines(2) == ["begin", EVENT]
    assert kind != "nothing" or log.read_text() == f"begin\n{EVENT}\n", "it is written anew"


def test_events_that_cannot_be_written_yet_are_written_later(status: Status, tmp_path: Path) -> None:
    output = Output(str(tmp_path), status)
    (tmp_path / "job.log").write_text(f"{EVENT}\n")
    os.mkfifo(tmp_path / "events.mllog")
    with pytest.raises(OSError, match="not a regular file"):
        output.read_new()
    (tmp_path / "events.mllog").unlink()
    output.read_new()
    assert (tmp_path / "events.mllog").read_text() == f"{EVENT}\n"


def test_a_growing_log_is_read_by_whole_lines(status: Status, tmp_path: Path) -> None:
    output = Output(str(tmp_path), status)
    log = tmp_path / "job.log"
    log.write_text("# fairmesh progress=1")
    output.read_new()
    assert status.values["progress"] == 0
    log.write_text(f"# fairmesh progress=10\n 9%|# |{EVENT}\nplain\n")
    output.read_new()
    assert status.values["progress"] == 10
    assert (tmp_path / "events.mllog").read_text() == f"{EVENT}\n"


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=commit.LONGEST), st.floats() | st.integers(-(2**60), 2**60), min_size=1
    )
)
def test_metrics_are_finite_numbers_or_refused(metrics: dict[str, float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "metrics.json").write_text(json.dumps(metrics))
        if all(math.isfinite(value) for value in metrics.values()):
            read = commit.read_metrics(folder)
            assert {name: value["value"] for name, value in read.items()} == metrics
        else:
            with pytest.raises(commit.Refused, match="not a finite number"):
                commit.read_metrics(folder)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        (
            "metrics.json",
            {f"m{number}": 1 for number in range(1001)},
            "metrics.json holds 1001 metrics, more than 1000",
        ),
        ("metrics.json", {"m": "1.5"}, r"^metric 'm' is a text, '1\.5'; write a number, without quotes$"),
        ("metrics.json", {"m" * 201: 1}, "a name of 201 characters, more than 200"),
        ("baselines.json", {f"b{number}": {"m": 1} for number in range(1001)}, "baselines.json holds 1001 metrics"),
        ("baselines.json", {"b" * 201: {"m": 1}}, "a name of 201 characters"),
    ],
)
def test_metrics_are_bounded_in_number_and_length(tmp_path: Path, file: str, content: object, why: str) -> None:
    (tmp_path / file).write_text(json.dumps(content))
    read = commit.read_metrics if file == "metrics.json" else commit.read_baselines
    with pytest.raises(commit.Refused, match=why):
        read(str(tmp_path))


def test_this_process_is_alive_and_its_past_is_not() -> None:
    assert owner.is_alive(owner.current_process()) is True
    assert owner.is_alive(owner.current_process() | {"start": "0"}) is False
    assert owner.is_alive(owner.current_process() | {"boot": "another"}) is False
    assert owner.is_alive(owner.current_process() | {"host": "faraway"}) is None
    assert owner.is_alive(owner.current_process() | {"pid_namespace": "pid:[1]"}) is None


def test_a_process_is_measured_with_its_children() -> None:
    """A child of the program holds 64 MiB and has used 0.3 s of processor time; the program itself only waits."""
    child = (
        "import time; held = b'x' * (64 << 20)\nwhile time.process_time() < 0.3: pass\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-IS', '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-IS", "-c", parent], stdout=subprocess.PIPE, start_new_session=True) as own:
        try:
            assert own.stdout is not None
            assert own.stdout.readline() == b"ready\n"
            sample = processes.sample(own.pid)
        finally:
            os.killpg(own.pid, signal.SIGKILL)
    assert 0.3 <= sample.cpu_s < 5
    assert 64 << 20 < sample.resident_bytes < 128 << 20


@given(st.text().filter(lambda text: "read_bytes" not in text))
def test_io_counters_of_any_text(text: str) -> None:
    assert processes.io_counters(f"read_bytes: 5\n{text}\nwrite_bytes: 7")["read_bytes"] == 5

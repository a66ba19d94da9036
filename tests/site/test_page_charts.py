"""Telemetry becomes charts of bounded size; what is broken becomes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.site.page_charts import telemetry_charts

HEAD = "time,device,metric,value,unit\n"


def sample(second: int, metric: str = "cpu", value: object = 50.0, unit: str = "%", device: str = "program") -> str:
    moment = f"2026-11-20T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"
    return f"{moment},{device},{metric},{value},{unit}\n"


def write(path: Path, *lines: str) -> Path:
    path.write_text(HEAD + "".join(lines))
    return path


def test_samples_are_drawn_by_device_over_the_seconds_since_the_first(tmp_path: Path) -> None:
    lines = [sample(second, value=second * 10, device=device) for second in (5, 6) for device in ("a", "b")]
    (chart,) = telemetry_charts(write(tmp_path / "telemetry.csv", *lines))
    rows = [(row["device"], row["seconds"], row["value"]) for row in chart.spec["data"]["values"]]
    assert rows == [("a", 0.0, 50.0), ("a", 1.0, 60.0), ("b", 0.0, 50.0), ("b", 1.0, 60.0)]
    assert "Processor use (%)" in str(chart.spec)


def test_bytes_are_shown_in_mebibytes(tmp_path: Path) -> None:
    lines = [sample(second, "memory", 3 << 20, "byte") for second in (0, 1)]
    (chart,) = telemetry_charts(write(tmp_path / "telemetry.csv", *lines))
    assert {row["value"] for row in chart.spec["data"]["values"]} == {3.0}
    assert "Memory (MiB)" in str(chart.spec)


def test_a_long_run_is_thinned_to_means(tmp_path: Path) -> None:
    lines = [sample(second, value=second % 2) for second in range(5000)]
    (chart,) = telemetry_charts(write(tmp_path / "telemetry.csv", *lines))
    rows = chart.spec["data"]["values"]
    assert len(rows) <= 200
    assert all(abs(row["value"] - 0.5) < 0.1 for row in rows)


def test_a_sample_that_is_cut_or_no_number_is_left_out(tmp_path: Path) -> None:
    lines = [
        sample(0),
        sample(1, value="nan"),
        sample(2, value="inf"),
        "soon,program,cpu,1,%\n",
        sample(3),
        "2026-11-20T1",
    ]
    (chart,) = telemetry_charts(write(tmp_path / "telemetry.csv", *lines))
    assert [row["seconds"] for row in chart.spec["data"]["values"]] == [0.0, 3.0]


@pytest.mark.parametrize("text", [None, b"", b"a,b\n1,2\n", b"\xff\xfe\x00", HEAD.encode()])
def test_without_samples_there_is_no_chart(tmp_path: Path, text: bytes | None) -> None:
    if text is not None:
        (tmp_path / "telemetry.csv").write_bytes(text)
    assert list(telemetry_charts(tmp_path / "telemetry.csv")) == []

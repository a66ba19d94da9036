"""Telemetry of an attempt as charts over time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from fairmesh.runner.safefiles import read_regular
from fairmesh.site import charts, line_charts

_DRAWN = {"cpu": "Processor use", "memory": "Memory", "utilisation": "Accelerator use", "power": "Accelerator power"}
_COLUMNS = ["time", "device", "metric", "value", "unit"]
_SAMPLES = 200
_MIB = 1 << 20


def telemetry_charts(path: Path) -> Iterator[charts.Chart]:
    """Yield a chart for each drawn metric that has at least two samples; none if the file is missing or broken."""
    frame = _read(path)
    for metric, title in _DRAWN.items():
        found = frame[frame["metric"] == metric]
        if len(found) < 2:
            continue
        unit = str(found["unit"].iloc[0])
        if unit == "byte":
            unit, found = "MiB", found.assign(value=found["value"] / _MIB)
        rows = [row for device, samples in found.groupby("device") for row in _thinned(str(device), samples)]
        yield line_charts.over_time(title, f"{title} ({unit})", rows)


def _read(path: Path) -> pd.DataFrame:
    """Read the samples with the seconds since the first one; a day has millions, so pandas does it."""
    empty = pd.DataFrame(columns=[*_COLUMNS, "seconds"])
    try:
        samples = io.BytesIO(read_regular(str(path), follow_links=False))
        frame = pd.read_csv(samples, usecols=_COLUMNS, dtype="str", on_bad_lines="skip", encoding_errors="replace")
    except (OSError, ValueError):  # which pandas' own errors are, too
        return empty
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    moments = pd.to_datetime(frame["time"], errors="coerce", utc=True, format="ISO8601")
    frame["seconds"] = (moments - moments.min()).dt.total_seconds()
    return frame[frame[["value", "seconds"]].abs().lt(float("inf")).all(axis=1)]


def _thinned(device: str, samples: pd.DataFrame) -> list[charts.Row]:
    """Return at most ``_SAMPLES`` means of neighbouring samples."""
    width = -(-len(samples) // _SAMPLES)
    bins = pd.RangeIndex(len(samples)) // width
    means = samples[["seconds", "value"]].groupby(bins).mean().round(3)
    return [{"seconds": seconds, "value": value, "device": device} for seconds, value in means.itertuples(index=False)]

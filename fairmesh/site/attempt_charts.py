"""The charts of one attempt: what the program measured by epoch, and its telemetry over time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from fairmesh.results.csv_files import Row as SeriesRow
from fairmesh.results.metrics import readable
from fairmesh.runner.safefiles import read_regular
from fairmesh.site import charts

EPOCH = "epoch"
VALIDATION = "val_"
_TITLES = {"cpu": "Processor use", "memory": "Memory", "utilisation": "Accelerator use", "power": "Accelerator power"}
_COLUMNS = ["time", "device", "metric", "value", "unit"]
_SAMPLES = 200
_MIB = 1 << 20


def history_charts(rows: Sequence[SeriesRow]) -> Iterator[charts.Chart]:
    """Yield a chart for each metric that a program measured by epoch, training and validation in one chart."""
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in dict.fromkeys(column.removeprefix(VALIDATION) for column in columns if column != EPOCH):
        drawn = [
            {"epoch": row[EPOCH], "value": row[column], "split": split, "point": ""}
            for column, split in ((name, "training"), (f"{VALIDATION}{name}", "validation"))
            for row in rows
            if isinstance(row.get(column), float) and isinstance(row.get(EPOCH), float)
        ]
        if drawn:
            yield charts.draw_learning_curves(readable(name), drawn)


def telemetry_charts(path: Path) -> Iterator[charts.Chart]:
    """Yield a chart for each drawn metric that has at least two samples; none if the file is missing or damaged."""
    frame = _read_samples(path)
    for metric, title in _TITLES.items():
        samples = frame[frame["metric"] == metric]
        if len(samples) < 2:
            continue
        unit = str(samples["unit"].iloc[0])
        if unit == "byte":
            unit, samples = "MiB", samples.assign(value=samples["value"] / _MIB)
        rows = [row for device, own in samples.groupby("device") for row in _thinned(str(device), own)]
        yield charts.draw_over_time(title, f"{title} ({unit})", rows)


def _read_samples(path: Path) -> pd.DataFrame:
    """Return the samples with the seconds since the first one; pandas reads the millions of a day fast enough."""
    empty = pd.DataFrame(columns=[*_COLUMNS, "seconds"])
    try:
        samples = io.BytesIO(read_regular(str(path), follow_links=False))
        frame = pd.read_csv(samples, usecols=_COLUMNS, dtype="str", on_bad_lines="skip", encoding_errors="replace")
    except (OSError, ValueError):  # pandas' own errors are ValueErrors
        return empty
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    moments = pd.to_datetime(frame["time"], errors="coerce", utc=True, format="ISO8601")
    frame["seconds"] = (moments - moments.min()).dt.total_seconds()
    return frame[frame[["value", "seconds"]].abs().lt(float("inf")).all(axis=1)]


def _thinned(device: str, samples: pd.DataFrame) -> list[charts.Row]:
    """Return at most ``_SAMPLES`` means of neighboring samples."""
    width = -(-len(samples) // _SAMPLES)
    bins = pd.RangeIndex(len(samples)) // width
    means = samples[["seconds", "value"]].groupby(bins).mean().round(3)
    return [{"seconds": seconds, "value": value, "device": device} for seconds, value in means.itertuples(index=False)]

"""What comparisons say of a metric, in words and numbers, wherever they are shown."""

from __future__ import annotations

from fairmesh.results.compare import MetricChange, Value, mean_of
from fairmesh.results.metrics import MetricValue
from fairmesh.site import numbers
from fairmesh.site.tabular import USAGE

BYTE = "byte"
_TITLES = {name: title for name, (title, unit) in USAGE.items() if unit == 1} | {
    "peak_bytes": "Peak memory",
    "read_bytes": "Read",
    "write_bytes": "Written",
}


def label(change: MetricChange) -> str:
    """Return what was measured, with its unit."""
    metric = change.metric
    return _TITLES.get(metric.name, metric.label) if metric.title == metric.name else metric.label


def value(change: MetricChange, found: Value | None) -> str:
    """Return what a side measured: a mean with its spread, or one measurement."""
    if found is None:
        return numbers.MISSING
    if change.metric.unit == BYTE:
        return numbers.size(mean_of(found))
    return numbers.single(found) if isinstance(found, MetricValue) else numbers.spread(found)


def difference(change: MetricChange, found: float) -> str:
    """Return by how much a side differs from the first one, with a sign."""
    amount = numbers.size(abs(found)) if change.metric.unit == BYTE else numbers.number(abs(found))
    return f"{'-' if found < 0 else '+'}{amount}"

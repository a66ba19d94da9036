"""Results and comparisons in words."""

from __future__ import annotations

from collections.abc import Iterator

from fairmesh.errors import nearest
from fairmesh.results.compare import MetricChange, Value, mean_of
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.other_code import other_code_of_study
from fairmesh.site import numbers
from fairmesh.site.cells import USAGE
from fairmesh.site.numbers import interval_text, number
from fairmesh.site.view import BoardRow, StudyView

BYTE = "byte"
_TITLES = {name: title for name, (title, unit) in USAGE.items() if unit == 1} | {
    "peak_bytes": "Peak memory",
    "read_bytes": "Read",
    "write_bytes": "Written",
}


def headline(view: StudyView) -> str:
    """Return the result of a study in one sentence, or why it has no best point; empty without results."""
    best, primary = view.best, view.primary
    if not best or not primary:
        return f"{view.why_unranked}. The points are in the order of the plan." if view.why_unranked else ""
    summary = best.metrics[primary.name]
    first = "The best" if len(view.points) > 1 else "The"
    repeats = f" (mean of {summary.n} repeats ± 95 % interval)" if summary.n > 1 else _own_interval(best, primary)
    where = f", reached with {best.name}" if best.name else ""
    return f"{first} {_inside(primary.title)} is {view.headline(best)}{repeats}{where}."


def _own_interval(row: BoardRow, metric: Metric) -> str:
    """Return the interval that the program gave for its measurement; empty if there is none."""
    interval = interval_text(row.done[0].metrics[metric.name])
    return f" (95 % interval {interval})" if interval else ""


def remarks(view: StudyView) -> Iterator[str]:
    """Yield what a reader has to know: baselines, noise, other code, missing and undeclared metrics."""
    yield from _remarks_on_best(view)
    other_code = other_code_of_study(view.study)
    if other_code:
        yield f"{other_code}."
    yield from _unmeasured(view)
    yield from _without_files(view)
    undeclared = ", ".join(metric.name for metric in view.study.metrics if not metric.is_declared)
    if undeclared:
        yield f"* The application does not declare {undeclared}."


def _remarks_on_best(view: StudyView) -> Iterator[str]:
    best, primary = view.best, view.primary
    if not best or not primary:
        return
    strongest = next((row for row in view.leaderboard if primary.name in row.metrics and _same_data(row, best)), None)
    if strongest:
        yield _against_baseline(primary, best, strongest)
    if view.within_noise:
        others = "1 other point is" if view.within_noise == 1 else f"{view.within_noise} other points are"
        yield f"{others} within noise of the best: repeats scatter by more than the difference."


def _unmeasured(view: StudyView) -> Iterator[str]:
    """Yield the declared metrics that no experiment has measured; an optional one if a similar name is."""
    declared = view.study.plan["application"].get("metrics") or {}
    undeclared = [metric.name for metric in view.study.metrics if not metric.is_declared]
    for metric in view.study.unmeasured:
        similar = nearest(metric.name, undeclared)
        if declared[metric.name].get("optional") and not similar:
            continue
        hint = f"; {similar} is measured, and not declared" if similar else ""
        yield f"No experiment has measured {metric.name}, which the application declares{hint}."


def _without_files(view: StudyView) -> Iterator[str]:
    """Yield how many results have no files beside the record, as in a clone of a repository."""
    done = len(view.study.done)
    count = sum(not outcome.folder.is_dir() for outcome in view.study.done)
    if count:
        number = "All" if count == done else f"{count} of {done}"
        yield f"{number} results have only their records here: logs, figures and other outputs are elsewhere."


def _same_data(baseline: BoardRow, row: BoardRow) -> bool:
    """Return whether a row is a baseline that was measured on the data of another row."""
    keys = {outcome.key for outcome in row.outcomes}
    return baseline.is_baseline and any(outcome.key in keys for outcome in baseline.against)


def _against_baseline(primary: Metric, best: BoardRow, baseline: BoardRow) -> str:
    """Return by how much the best point beats a baseline."""
    gain = best.metrics[primary.name].mean - baseline.metrics[primary.name].mean
    distance = f"{number(float(f'{abs(gain):.3g}'))} {primary.unit}".rstrip()
    reached = f"the strongest baseline, {baseline.name}, reaches {number(baseline.metrics[primary.name].mean)}"
    if not gain:
        return f"{reached[0].upper()}{reached[1:]}, which is equally good."
    return f"That is {distance} {'better' if primary.is_gain(gain) else 'worse'} than a simpler method: {reached}."


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: ``Accuracy`` becomes ``accuracy``, ``F1`` stays.

    >>> _inside("Inference accuracy"), _inside("AUC of all"), _inside("F1")
    ('inference accuracy', 'AUC of all', 'F1')
    """
    first = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if first[1:].islower() else title


def verdict_text(view: StudyView, row: BoardRow) -> str:
    """Return in words how a row compares to the best."""
    if row is view.best:
        return "best"
    return {"noise": "within noise of the best", "unknown": ""}.get(view.verdict(row) or "", "")


def change_label(change: MetricChange) -> str:
    """Return the name of a compared metric with its unit."""
    return quantity_label(change.metric)


def quantity_label(metric: Metric) -> str:
    """Return the name of a metric or of a used resource with its unit."""
    return _TITLES.get(metric.name, metric.label) if metric.title == metric.name else metric.label


def change_value(change: MetricChange, measured: Value | None) -> str:
    """Return the value of one side: a mean with its spread, or one measurement."""
    if measured is None:
        return numbers.MISSING
    if change.metric.unit == BYTE:
        return numbers.size(mean_of(measured))
    return numbers.measurement(measured) if isinstance(measured, MetricValue) else numbers.spread(measured)


def change_difference(change: MetricChange, difference: float) -> str:
    """Return by how much a side differs from the first one, with a sign."""
    amount = numbers.size(abs(difference)) if change.metric.unit == BYTE else numbers.number(abs(difference))
    return f"{'-' if difference < 0 else '+'}{amount}"

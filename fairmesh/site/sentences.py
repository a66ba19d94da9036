"""What a study found, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from fairmesh.errors import nearest
from fairmesh.results.metrics import Metric
from fairmesh.site.numbers import MISSING, interval_of, number
from fairmesh.site.view import Row, StudyView


def headline(view: StudyView) -> str:
    """Return the result of a study in one sentence, or why none is the best; empty as long as there is none."""
    best, primary = view.best, view.primary
    if not best or not primary:
        return f"{view.why_unranked}." if view.why_unranked else ""
    found = best.metrics[primary.name]
    first = "The best" if len(view.points) > 1 else "The"
    repeats = f" (mean of {found.n} repeats ± 95 % interval)" if found.n > 1 else _measured_once(best, primary)
    where = f", reached with {best.name}" if best.name else ""
    return f"{first} {_inside(primary.title)} is {view.headline(best)}{repeats}{where}."


def _measured_once(row: Row, metric: Metric) -> str:
    """Return the interval that the program itself gave, if it did."""
    found = row.done[0].metrics[metric.name]
    interval = interval_of(found)
    return f" (95 % interval {interval})" if interval else ""


def remarks(view: StudyView) -> Iterator[str]:
    """Yield how the best result stands to the baselines and to the other points, and which metrics nobody measured."""
    yield from _of_best(view)
    yield from _unmeasured(view)


def _of_best(view: StudyView) -> Iterator[str]:
    best, primary = view.best, view.primary
    if not best or not primary:
        return
    strongest = next((row for row in view.leaderboard if primary.name in row.metrics and _same_data(row, best)), None)
    if strongest:
        yield _against(primary, best, strongest)
    if view.within_noise:
        others = "1 other point is" if view.within_noise == 1 else f"{view.within_noise} other points are"
        yield f"{others} within noise of the best: repeats scatter by more than the difference."


def _unmeasured(view: StudyView) -> Iterator[str]:
    """Yield which declared metrics no experiment has measured, and which name was probably written in their place."""
    declared = view.study.plan["application"].get("metrics") or {}
    others = [metric.name for metric in view.study.metrics if metric.name not in declared]
    for metric in view.study.unmeasured:
        near = nearest(metric.name, others)
        written = f"; {near} is measured, and not declared" if near else ""
        yield f"No experiment has measured {metric.name}, which the application declares{written}."


def _same_data(baseline: Row, row: Row) -> bool:
    """Whether a row is a baseline that was measured on the data of another row."""
    own = {outcome.key for outcome in row.outcomes}
    return baseline.is_baseline and any(outcome.key in own for outcome in baseline.against)


def _against(primary: Metric, best: Row, baseline: Row) -> str:
    """Say by how much the best point beats a baseline."""
    gain = best.metrics[primary.name].mean - baseline.metrics[primary.name].mean
    distance = f"{number(float(f'{abs(gain):.3g}'))} {primary.unit}".rstrip()
    reached = f"the strongest baseline, {baseline.name}, reaches {number(baseline.metrics[primary.name].mean)}"
    if not gain:
        return f"{reached[0].upper()}{reached[1:]}, which is just as good."
    return f"That is {distance} {'better' if primary.is_gain(gain) else 'worse'} than a simpler method: {reached}."


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: ``Accuracy`` becomes ``accuracy``, ``F1`` stays.

    >>> _inside("Inference accuracy"), _inside("AUC of all"), _inside("F1")
    ('inference accuracy', 'AUC of all', 'F1')
    """
    first = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if first[1:].islower() else title


def verdict_text(view: StudyView, row: Row) -> str:
    """Say in words how a row stands to the best."""
    if row is view.best:
        return "best"
    return {"noise": "within noise of the best", "unknown": ""}.get(view.verdict(row) or "", "")


def duration(seconds: float | None) -> str:
    """Return a time in the unit that a person would choose.

    >>> duration(12.34), duration(967.6), duration(7322)
    ('12.34 s', '16 min 8 s', '2 h 2 min')
    """
    if seconds is None:
        return MISSING
    if seconds < 100:
        return f"{number(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"

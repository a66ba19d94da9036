"""What the pages say of a study: its points ranked, what varies between them, the baselines, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from fairmesh.files import canonical_json
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.names import REPEAT
from fairmesh.results import Group, Outcome, StudyResults, Summary, fold_repeats, table
from fairmesh.results.intervals import Verdict, compare
from fairmesh.results.metrics import Metric, readable
from fairmesh.results.statistics import summarise
from fairmesh.results.table import metric_columns
from fairmesh.runner.protocol import STATES
from fairmesh.site.numbers import spread, value


@dataclass(frozen=True)
class Row:
    """A row of the leaderboard: a parameter point with its repeats, or a baseline.

    Parameters
    ----------
    name : str
        The point in words, empty if it is the only one; or the name of the baseline.
    values : dict
        The values of the parameters that vary; none for a baseline.
    metrics : dict of str to Summary
        By name of the metric.
    usage : dict of str to Summary
        ``seconds``, ``energy_j`` and so on; none for a baseline.
    outcomes : tuple of Outcome
        The repeats; none for a baseline.
    """

    name: str
    values: dict[str, Any]
    metrics: dict[str, Summary]
    usage: dict[str, Summary]
    outcomes: tuple[Outcome, ...] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether no experiment stands behind it."""
        return not self.outcomes

    @property
    def done(self) -> list[Outcome]:
        """The repeats that have a result."""
        return [outcome for outcome in self.outcomes if outcome.record is not None]

    @property
    def remark(self) -> str:
        """Say how many of the repeats have no result, and why."""
        missing = Counter(outcome.state for outcome in self.outcomes if outcome.record is None)
        return ", ".join(f"{count} of {len(self.outcomes)} {state}" for state, count in missing.items())


@dataclass(frozen=True)
class StudyView:
    """A study as its pages show it."""

    study: StudyResults

    @property
    def title(self) -> str:
        """The title of the study, else its name."""
        return str(self.study.plan.get("title") or self.study.name)

    @property
    def application(self) -> dict[str, Any]:
        """The application as the plan describes it."""
        found: dict[str, Any] = self.study.plan["application"]
        return {"title": found["name"], "version": "", **{key: entry for key, entry in found.items() if entry}}

    @property
    def primary(self) -> Metric | None:
        """The metric that ranks."""
        return self.study.primary

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table of the experiments."""
        return table(self.study)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many experiments are in which state, states in the order of an experiment's life."""
        found = Counter(outcome.state for outcome in self.study.experiments)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def failures(self) -> list[Outcome]:
        """The experiments that ended without a result, or whose stage did."""
        return [outcome for outcome in self.study.experiments if outcome.state in BAD_ENDS or outcome.is_blocked]

    @property
    def date(self) -> str:
        """The day on which the last experiment ended, empty if none has."""
        return max(
            (str(outcome.record.get("ended") or "") for outcome in self.study.done if outcome.record), default=""
        )[:10]

    @cached_property
    def machines(self) -> list[str]:
        """The machines, in the order of the plan."""
        return list(dict.fromkeys(outcome.machine for outcome in self.study.experiments))

    @cached_property
    def groups(self) -> list[tuple[Group, tuple[Outcome, ...]]]:
        """The parameter points with their repeats, in the order of the plan."""
        known = {(outcome.machine, outcome.id): outcome for outcome in self.study.experiments}
        groups = fold_repeats(self.frame, self.study.plan)
        return [(group, tuple(known[group.machine, name] for name in group.ids)) for group in groups]

    @cached_property
    def varying(self) -> list[str]:
        """The parameters that tell the points apart; not the repeat, nor what follows it, such as a seed."""
        names = dict.fromkeys(name for outcome in self.study.experiments for name in outcome.values if name != REPEAT)
        follows = {name for name in names for _, repeats in self.groups if differ(name, repeats)}
        return [name for name in names if name not in follows and differ(name, self.study.experiments)]

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """The parameters that are the same everywhere, with their value."""
        first = self.study.experiments[0].values if self.study.experiments else {}
        return {name: first[name] for name in first if name != REPEAT and not differ(name, self.study.experiments)}

    @property
    def repeats(self) -> int:
        """The largest number of repeats of a point."""
        return max((len(repeats) for _, repeats in self.groups), default=0)

    def name_of(self, outcome: Outcome) -> str:
        """Give a point in words: the parameters that vary, and the machine if there are several; empty if none do."""
        words = [f"{name} = {value(outcome.values[name])}" for name in self.varying if name in outcome.values]
        return ", ".join([*words, *([outcome.machine] if len(self.machines) > 1 else [])])

    def title_of(self, outcome: Outcome) -> str:
        """Name an experiment by what tells it apart; the only one of its study by the study."""
        repeat = f"repeat {outcome.axes[REPEAT]}" if REPEAT in outcome.axes else ""
        return ", ".join(filter(None, (self.name_of(outcome) or self.title, repeat)))

    @cached_property
    def points(self) -> list[Row]:
        """The parameter points, the best first, those without a result last."""
        columns = metric_columns(self.study)
        rows = [
            Row(
                name=self.name_of(repeats[0]),
                values={name: repeats[0].values.get(name) for name in self.varying},
                metrics={name: group.metrics[column] for name, column in columns.items() if column in group.metrics},
                usage=group.metrics,
                outcomes=repeats,
            )
            for group, repeats in self.groups
        ]
        return self._ranked(rows)

    @cached_property
    def baselines(self) -> list[Row]:
        """The baselines, each the mean over the experiments that measured it."""
        found: dict[str, dict[str, list[float]]] = {}
        for outcome in self.study.done:
            for name, measured in outcome.baselines.items():
                for metric, entry in measured.items():
                    found.setdefault(name, {}).setdefault(metric, []).append(entry.value)
        return [Row(name, {}, _summaries(metrics), {}) for name, metrics in found.items()]

    @property
    def leaderboard(self) -> list[Row]:
        """The points and the baselines, the best first."""
        return self._ranked([*self.points, *self.baselines])

    @property
    def has_energy(self) -> bool:
        """Whether energy was measured or estimated for any experiment."""
        return any("energy_j" in point.usage for point in self.points)

    @property
    def best(self) -> Row | None:
        """The best point, None as long as there is no result."""
        first = next(iter(self.points), None)
        return first if first and self.primary and self.primary.name in first.metrics else None

    def headline(self, row: Row) -> str:
        """Give the mean of the primary metric, with its interval and unit; empty if the row has none."""
        if not self.primary or self.primary.name not in row.metrics:
            return ""
        return f"{spread(row.metrics[self.primary.name])} {self.primary.unit}".rstrip()

    def verdict(self, row: Row) -> Verdict | None:
        """Say whether a point differs from the best by more than noise; None for the best itself and for baselines."""
        best, primary = self.best, self.primary
        if not best or not primary or row is best or row.is_baseline or primary.name not in row.metrics:
            return None
        return compare(best.metrics[primary.name], row.metrics[primary.name])

    @cached_property
    def within_noise(self) -> int:
        """How many other points cannot be told from the best."""
        return sum(self.verdict(row) == "noise" for row in self.points)

    def parameter_label(self, name: str) -> str:
        """Give a parameter's name with its unit."""
        unit = ((self.application.get("parameters") or {}).get(name) or {}).get("unit")
        return f"{name} ({unit})" if unit and unit != "1" else name

    def metric_label(self, name: str) -> str:
        """Give title and unit of a metric, or the name of a column in words."""
        return next((metric.label for metric in self.study.metrics if metric.name == name), readable(name))

    def _ranked(self, rows: list[Row]) -> list[Row]:
        primary = self.primary
        if primary is None:
            return rows
        sign = -1 if primary.higher_is_better else 1
        ranked = [row for row in rows if primary.name in row.metrics]
        others = [row for row in rows if primary.name not in row.metrics]
        return sorted(ranked, key=lambda row: sign * row.metrics[primary.name].mean) + others


def differ(name: str, outcomes: Iterable[Outcome]) -> bool:
    """Tell whether a parameter has more than one value."""
    return len({canonical_json(outcome.values.get(name)) for outcome in outcomes}) > 1


def _summaries(measured: dict[str, list[float]]) -> dict[str, Summary]:
    return {name: summary for name, values in measured.items() if (summary := summarise(values))}

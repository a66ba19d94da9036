"""A study as its pages show it: ranked points, varying parameters, baselines, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from fairmesh.files import canonical_json
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.names import REPEAT, plain_text
from fairmesh.results import Outcome, StudyResults, Summary, best_point, points_of, table
from fairmesh.results.estimates.backtest import FEWEST, BackTest, back_test
from fairmesh.results.estimates.estimator import Estimator
from fairmesh.results.estimates.quantities import QUANTITIES
from fairmesh.results.metrics import Metric, readable
from fairmesh.results.other_code import measured_with_other_code
from fairmesh.results.past_results import past_result
from fairmesh.results.ranking import Baseline, baselines, ranked, summary_of, why_unranked
from fairmesh.results.statistics import Verdict, compare_means, summarize
from fairmesh.results.table import USAGE_UNITS
from fairmesh.runner.protocol import STATES
from fairmesh.site.numbers import spread
from fairmesh.status.states import state_label


@dataclass(frozen=True)
class BoardRow:
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
    against : tuple of Outcome
        For a baseline the experiments on the same data.
    """

    name: str
    values: dict[str, Any]
    metrics: dict[str, Summary]
    usage: dict[str, Summary]
    outcomes: tuple[Outcome, ...] = ()
    against: tuple[Outcome, ...] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether the row is a baseline and not a point."""
        return not self.outcomes

    @property
    def done(self) -> list[Outcome]:
        """The repeats that have a result."""
        return [outcome for outcome in self.outcomes if outcome.record is not None]

    @property
    def remark(self) -> str:
        """How many of the repeats have no result, and why."""
        missing = Counter(outcome.state for outcome in self.outcomes if outcome.record is None)
        return ", ".join(f"{count} of {len(self.outcomes)} {state_label(state)}" for state, count in missing.items())


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
        application: dict[str, Any] = self.study.plan["application"]
        given = {key: value for key, value in application.items() if value}
        return {"title": application["name"], "version": "", **given}

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
        """The number of experiments in each state, in the order of an experiment's life."""
        counts = Counter(outcome.state for outcome in self.study.experiments)
        return {state: counts[state] for state in STATES if counts[state]}

    @cached_property
    def other_code(self) -> set[str]:
        """The keys of the experiments that were measured with other code."""
        return {outcome.key for outcome in measured_with_other_code(self.study)}

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

    @property
    def has_machines(self) -> bool:
        """Whether at least two machines have results, so that they can be compared."""
        return len({outcome.machine for outcome in self.study.done}) > 1

    @cached_property
    def back_tests(self) -> list[BackTest]:
        """The estimates of results from the others, by quantity; only those with enough results."""
        past = [
            past_result(self.study.name, outcome.machine, outcome.record, self.following)
            for outcome in self.study.done
            if outcome.record
        ]
        estimators = (Estimator(quantity, past) for quantity in QUANTITIES)
        tests = [back_test(estimator) for estimator in estimators if len(estimator.points) >= FEWEST]
        return [test for test in tests if len(test.tested) >= FEWEST]

    @cached_property
    def following(self) -> set[str]:
        """The parameters that differ between repeats, such as a seed."""
        names = dict.fromkeys(name for outcome in self.study.experiments for name in outcome.parameters)
        return {name for name in names if any(differ(name, repeats) for repeats in self.groups)}

    @cached_property
    def outcome_of(self) -> dict[tuple[str, str], Outcome]:
        """The experiments by machine and id."""
        return {(outcome.machine, outcome.id): outcome for outcome in self.study.experiments}

    @cached_property
    def groups(self) -> list[tuple[Outcome, ...]]:
        """The repeats of each parameter point on each machine, in the order of the plan."""
        return points_of(self.study)

    @cached_property
    def varying(self) -> list[str]:
        """The parameters that distinguish points, without the repeat and what depends on it, such as a seed."""
        names = dict.fromkeys(name for outcome in self.study.experiments for name in outcome.values if name != REPEAT)
        dependent = {name for name in names for repeats in self.groups if differ(name, repeats)}
        return [name for name in names if name not in dependent and differ(name, self.study.experiments)]

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """The parameters that are the same everywhere, with their value."""
        first = self.study.experiments[0].values if self.study.experiments else {}
        return {name: first[name] for name in first if name != REPEAT and not differ(name, self.study.experiments)}

    @property
    def repeats(self) -> int:
        """The largest number of repeats of a point."""
        return max(map(len, self.groups), default=0)

    def name_of(self, outcome: Outcome) -> str:
        """Return the short name of a point, with the machine if there are several; empty if nothing varies."""
        name = self.study.names.of_point(outcome.axes) if self.study.names.axes else ""
        return " on ".join(filter(None, (name, outcome.machine if len(self.machines) > 1 else "")))

    def title_of(self, outcome: Outcome) -> str:
        """Return the short name of an experiment, with the machine if there are several; without axes, the title."""
        machine = f" on {outcome.machine}" if len(self.machines) > 1 else ""
        return f"{self.study.names.of(outcome.axes)}{machine}" if outcome.axes else self.title

    @cached_property
    def points(self) -> list[BoardRow]:
        """The parameter points, the best first, those without a result last."""
        return self._ranked([self._row(repeats) for repeats in self.groups])

    def _row(self, repeats: tuple[Outcome, ...]) -> BoardRow:
        metrics = {metric.name: summary_of(metric, repeats) for metric in self.study.metrics}
        used = {name: [outcome.used(name) for outcome in repeats] for name in USAGE_UNITS}
        usage = {name: summarize(value for value in values if value is not None) for name, values in used.items()}
        return BoardRow(
            name=self.name_of(repeats[0]),
            values={name: repeats[0].values.get(name) for name in self.varying},
            metrics={name: summary for name, summary in metrics.items() if summary},
            usage={name: summary for name, summary in usage.items() if summary},
            outcomes=repeats,
        )

    @cached_property
    def baselines(self) -> list[BoardRow]:
        """The baselines, one for each name and each setting of the data that gives other values."""
        settings: dict[str, list[Baseline]] = {}
        every = baselines(self.study)
        for baseline in every:
            settings.setdefault(baseline.name, []).append(baseline)
        return [
            BoardRow(
                name=_baseline_name(baseline, self._distinguishing(settings[baseline.name])),
                values={},
                metrics=baseline.metrics,
                usage={},
                against=baseline.outcomes,
            )
            for baseline in every
        ]

    def _distinguishing(self, settings: list[Baseline]) -> list[str]:
        """Return the parameters that distinguish the settings of a baseline: each has one value in every setting."""
        return [
            name
            for name in self.varying
            if len(settings) > 1
            and not any(differ(name, setting.outcomes) for setting in settings)
            and differ(name, [setting.outcomes[0] for setting in settings])
        ]

    @property
    def leaderboard(self) -> list[BoardRow]:
        """The points and the baselines, the best first."""
        return self._ranked([*self.points, *self.baselines])

    @cached_property
    def best(self) -> BoardRow | None:
        """The best point; None without results, or if the metric has no direction."""
        best = best_point(self.study)
        return next((row for row in self.points if best and row.outcomes == best.outcomes), None)

    @property
    def why_unranked(self) -> str:
        """Why there is no best point although there are results; empty if there is one."""
        return why_unranked(self.study)

    def headline(self, row: BoardRow) -> str:
        """Return the mean of the primary metric, with its interval and unit; empty if the row has none."""
        if not self.primary or self.primary.name not in row.metrics:
            return ""
        return f"{spread(row.metrics[self.primary.name])} {self.primary.unit}".rstrip()

    def verdict(self, row: BoardRow) -> Verdict | None:
        """Return whether a point differs from the best by more than noise; None for the best and for baselines."""
        best, primary = self.best, self.primary
        if not best or not primary or row is best or row.is_baseline or primary.name not in row.metrics:
            return None
        return compare_means(best.metrics[primary.name], row.metrics[primary.name])

    @cached_property
    def within_noise(self) -> int:
        """The number of other points that cannot be distinguished from the best."""
        return sum(self.verdict(row) == "noise" for row in self.points)

    def parameter_label(self, name: str) -> str:
        """Return a parameter's name with its unit."""
        unit = ((self.application.get("parameters") or {}).get(name) or {}).get("unit")
        return f"{name} ({unit})" if unit and unit != "1" else name

    def metric_label(self, name: str) -> str:
        """Return title and unit of a metric, or the name of a column as words."""
        return next((metric.label for metric in self.study.metrics if metric.name == name), readable(name))

    def _ranked(self, rows: list[BoardRow]) -> list[BoardRow]:
        primary = self.primary
        if primary is None or not primary.better:
            return rows
        return ranked(
            rows, lambda row: primary.order(row.metrics[primary.name].mean) if primary.name in row.metrics else None
        )


def differ(name: str, outcomes: Iterable[Outcome]) -> bool:
    """Return whether a parameter has more than one value."""
    return len({canonical_json(outcome.values.get(name)) for outcome in outcomes}) > 1


def _baseline_name(baseline: Baseline, parameters: list[str]) -> str:
    values = baseline.outcomes[0].values
    return ", ".join([baseline.name, *(f"{name} = {plain_text(values.get(name))}" for name in parameters)])

"""Probes: the cheapest experiment of each kind runs first, the others only after all probes have a result.

The other experiments have an input file that is written when the probes are done. It belongs to this run and is removed
from Snakemake's metadata at the end, because a missing input would make Snakemake start everything again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.runner.protocol import RECORDS, RUNS, STAGES, marker_name
from fairmesh.runner.text import last_lines
from fairmesh.status import JobStatus, log_path, read_status
from fairmesh.status.events import Name
from fairmesh.status.states import state_label
from fairmesh.study import Experiment, Plan
from fairmesh.study.cost import cost_key
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.targets import Target

MARKER = "probed"
SHOWN = 10  # probes that are named before the start
SEVERAL = ("nodes", "tasks")  # more than one means another kind: several computers or processes

Experiments = Sequence[Experiment]


def kind(experiment: Experiment) -> str:
    """Return the kind of an experiment: its machine, its non-numeric values, and whether it runs alone.

    Experiments of one kind differ only in amounts; smaller amounts are cheaper.
    """
    words = {name: value for name, value in experiment.values.items() if not _is_number(value) and name != "id"}
    several = [name for name in SEVERAL if experiment.resources.get(name, 1) != 1]
    return canonical_json([words, several])


def choose(selected: Experiments, outstanding: Experiments) -> list[Experiment]:
    """Choose the probes.

    Parameters
    ----------
    selected : sequence of Experiment
        The selected experiments; a kind with a result needs no probe.
    outstanding : sequence of Experiment
        The selected experiments without a result.

    Returns
    -------
    list of Experiment
        The experiment of each other kind that requests the least or has the smallest numbers; in the order of the plan.
    """
    names = _names(outstanding)
    passed = {kind(experiment) for experiment in selected if (experiment.machine, experiment.id) not in names}
    kinds: dict[str, list[Experiment]] = defaultdict(list)
    for experiment in outstanding:
        kinds[kind(experiment)].append(experiment)
    small = _smallness(selected)
    return [
        min(members, key=lambda experiment: (*cost_key(experiment), small[experiment.id]))
        for name, members in kinds.items()
        if name not in passed
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _smallness(experiments: Experiments) -> dict[str, float]:
    """Return a rank by id: the sum of the relative ranks of the experiment's numbers among all values."""
    occur: dict[str, set[Any]] = defaultdict(set)
    for experiment in experiments:
        for name, value in experiment.values.items():
            if _is_number(value):
                occur[name].add(value)
    places = {
        name: {value: index / len(values) for index, value in enumerate(sorted(values))}
        for name, values in occur.items()
    }
    return {
        experiment.id: sum(places[name][value] for name, value in experiment.values.items() if _is_number(value))
        for experiment in experiments
    }


@dataclass(frozen=True)
class Probes:
    """The probes of a run, and the jobs that wait for them.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    experiments : list of Experiment
        The probes.
    rest : frozenset of Name
        The waiting experiments and stages; a stage has no machine.
    marker : str
        The file that they wait for.
    names : mapping of str to str
        The short name of each probe, by its machine and id.
    """

    paths: StudyPaths
    experiments: list[Experiment] = field(default_factory=list)
    rest: frozenset[Name] = frozenset()
    marker: str = ""
    names: Mapping[Name, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, plan: Plan, paths: StudyPaths, outstanding: Experiments, living: Collection[Name], folder: Path
    ) -> Probes:
        """Choose the probes of the run in a folder; active jobs of earlier runs do not wait."""
        chosen = choose(plan.selected, outstanding)
        markers = _markers(plan, outstanding) - _markers(plan, chosen)
        unmade = {name for name in markers if not paths.stage_marker(name[1]).exists()}
        rest = _names(outstanding) - _names(chosen) | unmade
        waits = frozenset(rest - set(living)) if chosen else frozenset()
        names = {experiment.name: plan.full_name(experiment) for experiment in chosen}
        return cls(paths, chosen, waits, str(folder / MARKER), names)

    @property
    def records(self) -> list[str]:
        """The records that must exist before the others begin; empty if none wait."""
        return [str(self._record(experiment)) for experiment in self.experiments] if self.rest else []

    def _record(self, experiment: Experiment) -> Path:
        return self.paths.record(experiment.machine, experiment.id)

    @property
    def waiting(self) -> int:
        """The number of waiting experiments."""
        return sum(bool(machine) for machine, _ in self.rest)

    def announcement(self) -> str:
        """Return the message about the probes before the start."""
        if not self.experiments:
            return "probe: of every kind of experiment one has a result already, or none is to be run"
        named = ", ".join(self.names[experiment.name] for experiment in self.experiments[:SHOWN])
        more = f" and {len(self.experiments) - SHOWN} more" if len(self.experiments) > SHOWN else ""
        then = f"; {self.waiting} more if all succeed" if self.waiting else "; there are no others"
        return f"probe: {len(self.experiments)} first, the cheapest of each kind: {named}{more}{then}"

    def applied(self, target: Target, name: Name) -> Target:
        """Return the target, with the marker as input if it waits for the probes."""
        return replace(target, inputs=[*target.inputs, self.marker]) if name in self.rest else target

    def failures(self) -> Iterator[str]:
        """Yield a line about each probe without a result, if the others were not started."""
        if Path(self.marker).exists():
            return
        failed = [experiment for experiment in self.experiments if not self._record(experiment).exists()]
        known = {(job.machine, job.id): job for job in read_status(self.paths).experiments} if failed else {}
        for experiment in failed:
            rest = f"; {self.waiting} more {'was' if self.waiting == 1 else 'were'} not started"
            why = self._why(known[experiment.machine, experiment.id])
            name = self.names[experiment.name]
            yield f"probe {name} {why}{rest if self.waiting and experiment is failed[-1] else ''}"

    def _why(self, job: JobStatus) -> str:
        if job.state not in BAD_ENDS:
            return f"has no result: {job.reason or f'see {JobPaths(Path(job.folder)).rule_log}'}"
        return ": ".join(filter(None, (state_label(job.state), job.reason, *last_lines(log_path(job), 1))))


def markers(paths: StudyPaths) -> list[str]:
    """Return the markers of earlier runs of a study."""
    return [str(path) for path in (paths.folder / RUNS).glob(f"*/{MARKER}")]


def forget(snakemake: SnakemakeWorkflow, markers: Collection[str], paths: StudyPaths) -> None:
    """Remove markers of probes from disk, and from Snakemake's metadata of records and stages.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    markers : collection of str
        The files.
    paths : StudyPaths
        The study's files.
    """
    outputs = (*paths.folder.glob(f"{RECORDS}/*/*.json"), *paths.folder.glob(f"{STAGES}/*.json"))
    snakemake.forget_inputs(markers, outputs)
    for marker in markers:
        Path(marker).unlink(missing_ok=True)


def _names(experiments: Experiments) -> set[Name]:
    return {(experiment.machine, experiment.id) for experiment in experiments}


def _markers(plan: Plan, experiments: Experiments) -> set[Name]:
    return {("", marker_name(stage.name, stage.fingerprint)) for stage in plan.needed_stages(experiments)}

"""What Snakemake's graph is built from: the reconciled results, and the targets of the rules."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from fairmesh.printing import print_lines
from fairmesh.runner.protocol import EXPERIMENTS, STAGES
from fairmesh.schedulers import choose_scheduler
from fairmesh.status.events import Name
from fairmesh.workflow import orphans, probing, reconcile
from fairmesh.workflow.code_hash import environments_of, other_code_hint
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.reconcile import Reconciliation
from fairmesh.workflow.run_machines import Way
from fairmesh.workflow.study_input import StudyInput
from fairmesh.workflow.study_lock import StudyLock
from fairmesh.workflow.targets import Target, clear_errors

RULES = {
    (EXPERIMENTS, Way.EXECUTOR): "experiment",
    (EXPERIMENTS, Way.HERE): "experiment_local",
    (EXPERIMENTS, Way.DISPATCHER): "dispatch",
    (STAGES, Way.EXECUTOR): "stage",
    (STAGES, Way.HERE): "stage_local",
    (STAGES, Way.DISPATCHER): "dispatch_stage",
}
"""The rule of a job, by its kind and by how the jobs of its machine are started."""


class JobGraph:
    """The targets of the rules, on the results that exist.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    study : StudyInput
        The input of the run.
    run_folder : Path
        The folder of the run.
    lock : StudyLock
        The lock of the study.
    """

    def __init__(self, snakemake: SnakemakeWorkflow, study: StudyInput, run_folder: Path, lock: StudyLock) -> None:
        self._snakemake, self._study, self._run_folder, self._lock = snakemake, study, run_folder, lock
        self._plan, self._paths, self._folders = study.plan, study.paths, study.folders
        self.existing = Reconciliation.unknown(study)
        self.stale_markers: list[str] = []
        self._is_prepared = True  # nothing is done while another run holds the lock
        self.scheduler = choose_scheduler(study.configuration.machine.scheduler)
        self.experiment = cache(clear_errors()(partial(self._target, self._folders.experiment_target)))
        self.stage = cache(clear_errors()(partial(self._target, self._folders.stage_target)))

    def reconcile(self) -> None:
        """Reconcile the results of earlier runs with the plan; print warnings."""
        self.stale_markers = probing.markers(self._paths)
        self.existing = reconcile.reconcile(self._study, self._run_folder)
        self._is_prepared = False
        if self.existing.orphans.unanswered:
            warn(self.existing.orphans.problem)
        if self._other_code:
            warn(self._other_code)
        if self._study.config.probe:
            print_lines(self.existing.probes.announcement(), file=sys.stderr)

    @property
    def _other_code(self) -> str:
        """What the user learns about results that were measured with other code; may be empty."""
        return other_code_hint(environments_of(self.existing.other_code, self._paths.home))

    def _target(self, make: Callable[..., Target], *names: str) -> Target:
        self.prepare()
        target = make(*names, marked=self.existing.marked, again=self.existing.again)
        machine, name = ("", *names)[-2:]
        target = self.existing.probes.applied(target, (machine, name))
        if self.scheduler is None or self.way(target) is not Way.EXECUTOR:
            return target
        inner_snakemake = self._snakemake.executor == self.scheduler.plugin
        resources = self.scheduler.rule_resources(target.resources, target.exclusive, inner_snakemake)
        return replace(target, resources=resources)

    def way(self, target: Target) -> Way:
        """Return how a job is started."""
        return self._study.machines.way(target.machine)

    def must_run(self, name: Name) -> bool:
        """Return whether an experiment has no result, or runs again."""
        self.prepare()
        return name in self.existing.must_run

    def prepare(self) -> None:
        """Change what the graph is built from: called by the rules, when Snakemake's metadata is open already.

        The process exits with status 1 if another run of the study is active: Snakemake would speak of ``--unlock``.
        """
        if self._snakemake.starts_jobs:
            with clear_errors():
                self._lock.require()
        if not self._is_prepared:
            self._reconcile_forced()
            self._snakemake.force(self.existing.again)
        self._is_prepared = True
        self.forget_inputs()

    def _reconcile_forced(self) -> None:
        """Reconcile once more if the user forces experiments that have a result, which Snakemake's graph tells."""
        forced = {
            experiment.name
            for experiment in self._plan.selected
            if self._snakemake.is_forced(
                RULES[EXPERIMENTS, self._study.machines.way(experiment.machine)],
                str(self._paths.record(*experiment.name)),
            )
        }
        if forced:
            known = self.existing
            renewed = reconcile.reconcile(self._study, self._run_folder, forced)
            self.existing = replace(renewed, orphans=known.orphans, probes=known.probes)

    def forget_inputs(self) -> None:
        """Remove what must start nothing from Snakemake's metadata: markers of probes, and detached records."""
        if self.stale_markers:
            probing.forget(self._snakemake, self.stale_markers, self._paths)
        self.stale_markers = []
        if self.existing.detached:
            self._snakemake.forget_outputs(self.existing.detached)
            self.existing.detached.clear()

    def is_forced(self, target: Target) -> bool:
        """Return whether the user forces a job to run again."""
        return self._snakemake.is_forced(RULES[target.kind, self.way(target)], target.output)

    def wait_for_scheduler(self) -> None:
        """Wait until the scheduler answers which jobs of a killed run it still has.

        Snakemake's graph is built already: jobs that may have been queued are collected even if they have ended.

        Raises
        ------
        FairmeshError
            If it does not answer in time.
        """
        if self.existing.orphans.unanswered:
            minutes = self._study.config.scheduler_patience
            if minutes:
                text = f"asking the scheduler again for up to {minutes:g} minutes (scheduler_patience)"
                print_lines(text, file=sys.stderr, flush=True)
            known_orphans = orphans.wait_for_answer(self._paths, self.existing.pending, 60 * minutes)
            self.existing = replace(self.existing, orphans=known_orphans)


def warn(text: str) -> None:
    """Print a warning."""
    print_lines(f"warning: {text}", file=sys.stderr, flush=True)

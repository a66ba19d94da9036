"""Run the workflow in Snakemake's main process: answer the rules, and start and end the run."""

from __future__ import annotations

import atexit
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.jobs import lookup
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.outage import Outage
from fairmesh.jobs.render import JobFolder, render, write_runner
from fairmesh.printing import print_lines
from fairmesh.runner import jsonfiles
from fairmesh.schedulers import choose_scheduler
from fairmesh.workflow import orphans, probing, publishing, reconcile, scheduler_check
from fairmesh.workflow.announce import announce
from fairmesh.workflow.announcer import Announcer
from fairmesh.workflow.code_hash import environments_of, other_code_hint
from fairmesh.workflow.finish import FinishHook
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.reconcile import Reconciliation
from fairmesh.workflow.run import QueueWatcher, WorkflowRun
from fairmesh.workflow.study_input import StudyInput
from fairmesh.workflow.study_lock import StudyLock
from fairmesh.workflow.superseding import Superseded, restore_results, supersede
from fairmesh.workflow.targets import ResourceFunction, Target, Wildcards, clear_errors, resource_functions
from fairmesh.workflow.waiting import WaitWatcher

NOBODY = "nobody"  # placeholder for a missing job number, since Snakemake drops empty arguments


class Session:
    """The main process of a run: it answers the rules, and starts and ends the run.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    study : StudyInput
        The input of the run.
    run : WorkflowRun
        The run.
    """

    def __init__(self, snakemake: SnakemakeWorkflow, study: StudyInput, run: WorkflowRun) -> None:
        self._snakemake, self._study, self._run = snakemake, study, run
        self._plan, self._paths, self._folders = study.plan, study.paths, study.folders
        self._announcer = Announcer(snakemake, study)
        self._lock = StudyLock(study)
        self._hook = FinishHook(study.config.finish)
        self._existing = Reconciliation.unknown(study)
        self._superseded: list[Superseded] = []
        self._stale_markers: list[str] = []
        self._is_graph_prepared = True  # nothing is done while another run holds the lock
        self._has_ended = False
        self._scheduler = choose_scheduler(study.configuration.machine.scheduler)
        self._experiment = cache(clear_errors()(partial(self._target, self._folders.experiment_target)))
        self._stage = cache(clear_errors()(partial(self._target, self._folders.stage_target)))

    @classmethod
    def open(cls, workflow: Any, project: Path) -> Session:
        """Read the study, take its lock if it is free, and reconcile the results of earlier runs.

        Parameters
        ----------
        workflow : snakemake.workflow.Workflow
            Snakemake's own object.
        project : Path
            The project folder.

        Raises
        ------
        InputError
            With all errors in configuration, study and application.
        FairmeshError
            If no more files can be created.
        """
        snakemake = SnakemakeWorkflow(workflow)
        study = StudyInput.read(snakemake.config_overrides, project)
        for warning in study.warnings():
            _warn(warning)
        _ = study.templates  # reports errors before anything is written
        session = cls(snakemake, study, WorkflowRun(study.paths, study.plan.selection, snakemake.command_line_config))
        snakemake.set_handlers_of_module(session.start, session.end)
        if session._lock.acquire(wait=study.config.wait):
            session._reconcile()
        session._announcer.announce_plan()
        return session

    def _reconcile(self) -> None:
        self._stale_markers = probing.markers(self._paths)
        self._existing = reconcile.reconcile(self._study, self._run.folder)
        self._is_graph_prepared = False
        if self._existing.orphans.unanswered:
            _warn(self._existing.orphans.problem)
        if self._other_code:
            _warn(self._other_code)
        if self._study.config.probe:
            print_lines(self._existing.probes.announcement(), file=sys.stderr)

    @property
    def _other_code(self) -> str:
        """What the user learns about results that were measured with other code; may be empty."""
        return other_code_hint(environments_of(self._existing.other_code, self._paths.home))

    @property
    def results(self) -> str:
        """The results folder."""
        return self._study.config.results

    @property
    def folder(self) -> str:
        """The study's folder in the results."""
        return str(self._paths.folder)

    @property
    def records(self) -> list[str]:
        """The records of all selected experiments."""
        return [str(self._paths.record(point.machine, point.id)) for point in self._plan.selected]

    @property
    def published(self) -> str:
        """The file that the publish rule writes."""
        return str(self._paths.published)

    @property
    def targets(self) -> list[str]:
        """Everything that a run makes."""
        return [*self.records, self.published]

    @property
    def probes(self) -> list[str]:
        """The records of the probes, if others wait for them."""
        return self._existing.probes.records

    @property
    def marker(self) -> str:
        """The file that exists once all probes have a record."""
        return self._existing.probes.marker

    @property
    def active_experiments(self) -> str:
        """The pattern of the experiments that an earlier run still runs or has queued."""
        return _alternatives(name for machine, name in self._existing.orphans.jobs if machine)

    @property
    def active_stages(self) -> str:
        """The pattern of the stages that an earlier run still runs or has queued."""
        return _alternatives(name for machine, name in self._existing.orphans.jobs if not machine)

    def experiment(self, wildcards: Wildcards) -> Target:
        """Return the target of an experiment."""
        return self._experiment(wildcards.machine, wildcards.experiment)

    def must_run(self, wildcards: Wildcards) -> bool:
        """Return whether an experiment has no result, or runs again."""
        self._prepare_graph()
        return (wildcards.machine, wildcards.experiment) in self._existing.must_run

    def stage(self, wildcards: Wildcards) -> Target:
        """Return a shared stage's target."""
        return self._stage(wildcards.stage)

    def _target(self, make: Callable[..., Target], *names: str) -> Target:
        self._prepare_graph()
        target = make(*names, marked=self._existing.marked, again=self._existing.again)
        machine, name = ("", *names)[-2:]
        target = self._existing.probes.applied(target, (machine, name))
        if self._scheduler is None:
            return target
        inner_snakemake = self._snakemake.executor == self._scheduler.plugin
        resources = self._scheduler.rule_resources(target.resources, target.exclusive, inner_snakemake)
        return replace(target, resources=resources)

    def _prepare_graph(self) -> None:
        """Change what the graph is built from: called by the rules, when Snakemake's metadata is open already.

        The process exits with status 1 if another run of the study is active: Snakemake would speak of ``--unlock``.
        """
        if self._snakemake.starts_jobs:
            with clear_errors():
                self._lock.require()
        if not self._is_graph_prepared:
            self._reconcile_forced()
            self._snakemake.force(self._existing.again)
        self._is_graph_prepared = True
        self._forget_inputs()

    def _reconcile_forced(self) -> None:
        """Reconcile once more if the user forces experiments that have a result, which Snakemake's graph tells."""
        forced = {
            (experiment.machine, experiment.id)
            for experiment in self._plan.selected
            if self._snakemake.is_forced("experiment", str(self._paths.record(experiment.machine, experiment.id)))
        }
        if forced:
            known = self._existing
            renewed = reconcile.reconcile(self._study, self._run.folder, forced)
            self._existing = replace(renewed, orphans=known.orphans, probes=known.probes)

    def _forget_inputs(self) -> None:
        """Remove what must start nothing from Snakemake's metadata: markers of probes, and detached records."""
        if self._stale_markers:
            probing.forget(self._snakemake, self._stale_markers, self._paths)
        self._stale_markers = []
        if self._existing.detached:
            self._snakemake.forget_outputs(self._existing.detached)
            self._existing.detached.clear()

    def resource_functions(self, find: Callable[[Wildcards], Target]) -> dict[str, ResourceFunction]:
        """Return the functions of a rule's resources."""
        names = self._folders.resource_names() | (self._scheduler.added_resources if self._scheduler else frozenset())
        usual = self._snakemake.default_resources
        return resource_functions(sorted(names - {"threads"}), find, usual)

    def threads(self, target: Target) -> int:
        """Return the number of threads; jobs of a scheduler that get a whole node request it by other means."""
        return target.threads(exclusive=1 if self._scheduler else self._snakemake.cores)

    def job(self, machine: str, name: str) -> str:
        """Return the number of an earlier run's job that will make a result, or ``NOBODY``."""
        return self._existing.orphans.jobs.get((machine, name)) or NOBODY

    def force(self, target: Target) -> int:
        """Return whether the user forces a job to run again: 1 or 0, as the value of a resource.

        A result that is superseded counts no more when the job starts.
        """
        return int(target.output not in self._existing.again and self._is_forced(target))

    def _is_forced(self, target: Target) -> bool:
        return self._snakemake.is_forced(target.rule, target.output)

    @property
    def publishing(self) -> dict[str, str]:
        """The input and output paths of the publish rule, as its resources."""
        return {
            "home": str(self._paths.home),
            "study": self._plan.study,
            "site": str(self._study.site),
            "project": str(self._study.project),
        }

    @property
    def digest(self) -> str:
        """A hash of the inputs of a publication, except the study's own records."""
        return publishing.digest(self._study.document, self._study.project, self._other_records())

    def _other_records(self) -> list[str]:
        """Return the records of other machines, which are published too."""
        machines = sorted((self._paths.folder / "records").glob("*"))
        others = [folder for folder in machines if folder.name not in self._plan.machines]
        return [str(path) for folder in others for path in sorted(folder.glob("*.json"))]

    def start(self) -> None:
        """Prepare the run: job folders, runner, plan.

        The process exits with status 1 if another run of the study is active.
        """
        with clear_errors():
            self._lock.require()
            self._wait_for_scheduler()
            self._check_scheduler()
            for warning in self._hook.preflight_warnings():
                _warn(warning)
            self._render()
            files.write_text(self._paths.plan, files.json_lines(self._study.document), flush=True)
            self._run.begin(self._stop, self._snakemake.executor_run)
            outputs = [str(output) for job in self._snakemake.jobs_to_run() for output in job.output]
            self._superseded = supersede(self._existing.again, outputs, self._folders.code_hash.sha256)
            remade = {old.job.name for old in self._superseded if old.is_stage}
            profile = str(self._run.about["profile"])
            self._announcer.announce_start(profile, remade, are_submitted=self._scheduler is not None)
            WaitWatcher(self._paths).start()
        atexit.register(self._end_after_error)

    def _stop(self) -> None:
        announce("stopping")
        self._snakemake.stop_scheduling()

    def _end_after_error(self) -> None:
        """Close the run if Snakemake itself failed, for example on a full disk, since it calls no hook then."""
        if not self._has_ended:
            with suppress(SystemExit):  # Snakemake has set the exit status; Python would print a traceback here
                self.end(1)

    def _wait_for_scheduler(self) -> None:
        """Wait until the scheduler answers which jobs of a killed run it still has.

        Snakemake's graph is built already: jobs that may have been queued are collected even if they have ended.
        """
        if self._existing.orphans.unanswered:
            minutes = self._study.config.scheduler_patience
            if minutes:
                text = f"asking the scheduler again for up to {minutes:g} minutes (scheduler_patience)"
                print_lines(text, file=sys.stderr, flush=True)
            known_orphans = orphans.wait_for_answer(self._paths, self._existing.pending, 60 * minutes)
            self._existing = replace(self._existing, orphans=known_orphans)

    def _check_scheduler(self) -> None:
        """Check that the scheduler accepts the jobs, and watch for jobs that can never start."""
        executor = self._snakemake.executor
        scheduler = scheduler_check.scheduler_of(executor, self._snakemake.executor_settings)
        if scheduler is None:
            return
        is_plugin = executor == scheduler.plugin
        limit = scheduler_check.check(self._snakemake.jobs_to_run(), scheduler, is_plugin, self._paths.home)
        if limit and is_plugin:  # it treats a refusal as a failure; fairmesh's executor waits
            self._snakemake.job_limit = scheduler_check.wait_for_room(limit, self._snakemake.job_limit, scheduler)
        if self._study.configuration.machine.unsatisfiable_jobs == "cancel":
            QueueWatcher(self._snakemake.executor_run, scheduler).start()

    def _render(self) -> None:
        machine = self._study.configuration.machine.model_dump()
        write_runner(self._paths.runner)
        is_any = False
        for job in self._jobs_to_run():
            render(job, self._study.templates, machine)
            job.paths.cancel.unlink(missing_ok=True)
            is_any = True
        for warning in self._folders.unknown_code() if is_any else ():
            _warn(warning)

    def _jobs_to_run(self) -> Iterator[JobFolder]:
        """Yield the folders of Snakemake's jobs that will start something."""
        for job in self._snakemake.jobs_to_run():
            if job.rule.name in {"stage", "collect_stage"}:
                target, folder = self.stage(job.wildcards), self._folders.of_stage(job.wildcards.stage)
            elif job.rule.name in {"experiment", "collect"}:
                target = self.experiment(job.wildcards)
                folder = self._folders.of_experiment(job.wildcards.machine, job.wildcards.experiment)
            else:
                continue
            if self._is_forced(target) or lookup.folder_state(folder.paths, target.fingerprint) is FolderState.NOTHING:
                yield folder

    def end(self, exit_code: int) -> None:
        """Close the run; after a failure, publish the existing results, unless the run was interrupted."""
        self._has_ended = True
        with clear_errors():
            self._wait_for_folder()
            published = jsonfiles.read_map(str(self._paths.published)) or {}
            try:
                if exit_code:
                    self._run.note_signal()
                    self._mark_lost()
                if exit_code and not self._run.interrupted:
                    self._report_failed_probes()
                    if kept := restore_results(self._superseded):
                        _warn(kept)
                    published = publishing.publish_what_there_is(self._paths, self._study.site, self._study.project)
                self._stale_markers = probing.markers(self._paths)
                self._forget_inputs()
            finally:
                self._announcer.announce_end(published, is_interrupted=self._run.interrupted)
                self._hook.call(exit_code, partial(self._summary, exit_code))
                self._run.end(exit_code)  # last, since the next run may start as soon as this one has ended

    def _wait_for_folder(self) -> None:
        """Wait until the folder of the run is writable, unless the run was interrupted."""
        outage = Outage(
            [str(self._run.folder)], lambda text: print_lines(f"warning: {text}", file=sys.stderr, flush=True)
        )
        while not self._run.interrupted and not outage.is_over():
            time.sleep(1)

    def _summary(self, exit_code: int) -> dict[str, Any]:
        from fairmesh.workflow.summary import summarize  # noqa: PLC0415  only if a hook is configured

        return summarize(self._paths, self._run.about, exit_code, self._run.interrupted, self._study.site)

    def _report_failed_probes(self) -> None:
        for line in self._existing.probes.failures():
            print_lines(line, file=sys.stderr)

    def _mark_lost(self) -> None:
        """Mark attempts of killed runners as lost."""
        for name in self._folders.stages:
            lookup.mark_lost(self._folders.stage_job(name))
        for experiment in self._plan.selected:
            lookup.mark_lost(self._paths.job(experiment.machine, experiment.id))


def _alternatives(names: Iterable[str]) -> str:
    """Return a regular expression that matches one of the names; empty if there are none."""
    return "|".join(map(re.escape, names))


def _warn(text: str) -> None:
    print_lines(f"warning: {text}", file=sys.stderr, flush=True)

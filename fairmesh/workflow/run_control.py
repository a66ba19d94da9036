"""Start and end a run in Snakemake's main process: job folders, the dispatcher, and the publication."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from fairmesh import files
from fairmesh.dispatch.dispatcher import Dispatcher
from fairmesh.jobs import lookup
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.outage import Outage
from fairmesh.jobs.render import JobFolder, install_runner, render
from fairmesh.printing import print_lines
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import EXPERIMENTS, STAGES
from fairmesh.workflow import probing, publishing, scheduler_check
from fairmesh.workflow.announce import announce
from fairmesh.workflow.announcer import Announcer
from fairmesh.workflow.finish import FinishHook
from fairmesh.workflow.graph import JobGraph, warn
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.remote_jobs import RemoteJobs
from fairmesh.workflow.run import QueueWatcher, WorkflowRun
from fairmesh.workflow.run_machines import Way
from fairmesh.workflow.study_input import StudyInput
from fairmesh.workflow.study_lock import StudyLock
from fairmesh.workflow.superseding import Superseded, restore_results, supersede
from fairmesh.workflow.targets import Target, clear_errors
from fairmesh.workflow.waiting import WaitWatcher
from snakemake_logger_plugin_fairmesh.events import EXPERIMENT_RULES, STAGE_RULES


class RunControl:
    """Starts and ends a run.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    study : StudyInput
        The input of the run.
    run : WorkflowRun
        The run.
    graph : JobGraph
        The targets of the rules.
    lock : StudyLock
        The lock of the study.
    """

    def __init__(
        self, snakemake: SnakemakeWorkflow, study: StudyInput, run: WorkflowRun, graph: JobGraph, lock: StudyLock
    ) -> None:
        self._snakemake, self._study, self._run, self._graph, self._lock = snakemake, study, run, graph, lock
        self._plan, self._paths, self._folders = study.plan, study.paths, study.folders
        self.announcer = Announcer(snakemake, study)
        self._hook = FinishHook(study.config.finish)
        self._superseded: list[Superseded] = []
        self._remote = RemoteJobs(study, self._find, self._runs_again)
        self._dispatcher: Dispatcher | None = None
        self._has_ended = False

    def start(self) -> None:
        """Prepare the run: job folders, runner, plan, dispatcher.

        The process exits with status 1 if another run of the study is active.
        """
        with clear_errors():
            self._lock.require()
            self._snakemake.select_jobs_only_on_changes()
            self._graph.wait_for_scheduler()
            self._check_scheduler()
            for warning in self._hook.preflight_warnings():
                warn(warning)
            self._render()
            files.write_text(self._paths.plan, files.json_lines(self._study.document), flush=True)
            self._run.begin(self._stop, self._snakemake.executor_run)
            outputs = [str(output) for job in self._snakemake.jobs_to_run() for output in job.output]
            self._superseded = supersede(self._graph.existing.again, outputs, self._folders.code_hash.sha256)
            remade = {old.job.name for old in self._superseded if old.is_stage}
            profile = str(self._run.about["profile"])
            self.announcer.announce_start(profile, remade, are_submitted=self._graph.scheduler is not None)
            self._start_dispatcher()
            WaitWatcher(self._paths).start()
        atexit.register(self._end_after_error)

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
        entries = {name: self._study.machines[name].model_dump() for name in self._plan.all_machines}
        install_runner(self._paths.home)
        is_any = False
        for target, job in self._jobs_to_run():
            if self._study.machines.is_remote(target.machine):
                self._remote.copy_application()
            render(job, self._study.templates[target.machine], entries[target.machine])
            job.paths.cancel.unlink(missing_ok=True)
            is_any = True
        for warning in self._folders.unknown_code() if is_any else ():
            warn(warning)

    def _jobs_to_run(self) -> Iterator[tuple[Target, JobFolder]]:
        """Yield the targets and folders of Snakemake's jobs that will start something."""
        for job in self._snakemake.jobs_to_run():
            if job.rule.name in STAGE_RULES:
                target, folder = self._graph.stage(job.wildcards.stage), self._folders.of_stage(job.wildcards.stage)
            elif job.rule.name in EXPERIMENT_RULES:
                name = (job.wildcards.machine, job.wildcards.experiment)
                target, folder = self._graph.experiment(*name), self._folders.of_experiment(*name)
            else:
                continue
            is_new = lookup.folder_state(folder.paths, target.fingerprint) is FolderState.NOTHING
            if is_new or self._graph.is_forced(target):
                yield target, folder

    def _start_dispatcher(self) -> None:
        """Start what runs the jobs of other machines, if there are any to run; make room for jobs that only wait."""
        jobs: dict[str, set[tuple[str, str]]] = {}
        for machine, kind, identity in self._job_names():
            jobs.setdefault(machine, set()).add((kind, identity))
        if any(self._study.machines.way(name) is Way.HERE for name in jobs):
            self._snakemake.add_local_workers(self._snakemake.local_cores)
        machines = {name: self._study.machines[name] for name in jobs if self._study.machines.is_remote(name)}
        if machines:
            self._remote.copy_application()
            self._snakemake.add_local_workers(sum(machine.capacity for machine in machines.values()))
            self._dispatcher = Dispatcher(
                self._paths,
                self._run.folder,
                self._remote.job,
                machines,
                self._study.project,
                _announce_machine,
                expected=jobs,
            )
            self._dispatcher.start()

    def _job_names(self) -> Iterator[tuple[str, str, str]]:
        """Yield machine, kind and id of each experiment and stage that Snakemake will start."""
        for job in self._snakemake.jobs_to_run():
            if job.rule.name in EXPERIMENT_RULES:
                yield job.wildcards.machine, EXPERIMENTS, job.wildcards.experiment
            elif job.rule.name in STAGE_RULES:
                yield self._graph.stage(job.wildcards.stage).machine, STAGES, job.wildcards.stage

    def _find(self, kind: str, machine: str, identity: str) -> Target:
        return self._graph.experiment(machine, identity) if kind == EXPERIMENTS else self._graph.stage(identity)

    def _runs_again(self, target: Target) -> bool:
        """Return whether a job of another machine runs although that machine may have its result."""
        return target.output in self._graph.existing.again or self._graph.is_forced(target)

    def _stop(self) -> None:
        announce("stopping")
        self._snakemake.stop_scheduling()
        if self._dispatcher:
            if not self._run.cancels_jobs:
                announce("machine", "what runs on other machines goes on; the next run fetches the results")
            self._dispatcher.stop(cancel=self._run.cancels_jobs, who=self._run.signal_name)

    def _end_after_error(self) -> None:
        """Close the run if Snakemake itself failed, for example on a full disk, since it calls no hook then."""
        if not self._has_ended:
            with suppress(SystemExit):  # Snakemake has set the exit status; Python would print a traceback here
                self.end(1)

    def end(self, exit_code: int) -> None:
        """Close the run; after a failure, publish the existing results, unless the run was interrupted."""
        self._has_ended = True
        with clear_errors():
            if self._dispatcher:
                self._dispatcher.stop(cancel=False)
            self._wait_for_folder()
            published = jsonfiles.read_map(str(self._paths.published)) or {}
            try:
                published = self._settle(exit_code, published)
            finally:
                self.announcer.announce_end(published, is_interrupted=self._run.interrupted)
                self._hook.call(exit_code, partial(self._summary, exit_code))
                self._run.end(exit_code)  # last, since the next run may start as soon as this one has ended

    def _settle(self, exit_code: int, published: dict[str, Any]) -> dict[str, Any]:
        """Settle what the run leaves; return what is published."""
        if exit_code:
            self._run.note_signal()
            self._mark_lost()
        if exit_code and not self._run.interrupted:
            for line in self._graph.existing.probes.failures():
                print_lines(line, file=sys.stderr)
            if kept := restore_results(self._superseded):
                warn(kept)
            published = publishing.publish_what_there_is(self._paths, self._study.site, self._study.project)
        self._graph.stale_markers = probing.markers(self._paths)
        self._graph.forget_inputs()
        return published

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

    def _mark_lost(self) -> None:
        """Mark attempts of killed runners as lost; other machines know what became of theirs."""
        machines = self._study.machines
        for name, stage in self._folders.stages.items():
            if not machines.is_remote(self._plan.machine_of(stage)):
                lookup.mark_lost(self._folders.stage_job(name))
        for experiment in self._plan.selected:
            if not machines.is_remote(experiment.machine):
                lookup.mark_lost(self._paths.job(*experiment.name))


def _announce_machine(line: str, machine: str) -> None:
    announce("machine", line if line.startswith(machine) else f"{machine}: {line}")

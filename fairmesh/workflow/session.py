"""The main process of a run: it holds the plan and the lock, answers the rules, and brackets the run."""

from __future__ import annotations

import atexit
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.errors import BusyError
from fairmesh.jobs import lookup
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.outage import Outage
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.render import JobFolder, render, write_runner
from fairmesh.printing import print_lines
from fairmesh.runner import jsonfiles
from fairmesh.schedulers import choose_scheduler
from fairmesh.workflow import configuration, internals, orphans, probing, publishing, reconcile, scheduler_check
from fairmesh.workflow.finish import FinishHook
from fairmesh.workflow.folders import Folders, job_templates, plan_document
from fairmesh.workflow.run import QueueWatcher, WorkflowRun, check_inodes
from fairmesh.workflow.snakefile import ResourceFunction, Target, Wildcards, clear_errors, resource_functions

NOBODY = "nobody"  # what stands for the number of a job where there is none: Snakemake leaves out an empty argument
PATIENCE = 2.0  # seconds that a lock may be held by somebody who only looks (-n, --lint)


class Session:
    """One invocation of the workflow, from the reading of the Snakefile to its end.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        Snakemake's own object.
    root : Path
        The folder of the Snakefile.

    Raises
    ------
    InputError
        With all mistakes of configuration, study and application.
    FairmeshError
        If no more files can be created.
    """

    def __init__(self, workflow: Any, root: Path) -> None:
        self._workflow, self._root = workflow, root
        self._configuration = configuration.read(workflow.config_settings.overwrite_config, root)
        config = self._configuration.config
        for place in (Path(), Path(config.results)):
            check_inodes(place)
        self._configuration.check_site()
        self._plan = self._configuration.plan()
        self._paths = StudyPaths(Path(config.results), self._plan.study)
        for warning in [*self._plan.warnings, *self._takes_over()]:
            _warn(warning)
        self._site = Path(config.site)
        self._project = root / "site"
        self._folders = Folders(
            self._plan, self._paths, root, publisher=config.publisher, machine=self._configuration.machine
        )
        self._scheduler = choose_scheduler(self._configuration.machine.scheduler)
        self._templates = job_templates(self._plan, root, self._configuration.machines, self._configuration.machine)
        self._document = plan_document(self._plan, config)
        self._run = WorkflowRun(self._paths, self._plan.selection, workflow.config_settings.config)
        self._hook = FinishHook(config.finish)
        self._has_ended = False
        self._lock = RunLock(self._paths.lock)
        self._orphans = orphans.Orphans({})
        self._wanted: list[orphans.PendingJob] = []
        self._marked = set(self._plan.stages)
        self._probes, self._probed = probing.Probes(self._paths), list[str]()
        if self._take_lock(PATIENCE) or (config.wait and self._wait_for_lock()):
            self._reconcile()
        else:
            print_lines(f"{self._busy()}; it is left alone", file=sys.stderr)
        self.results = config.results
        self.records = [str(self._paths.record(each.machine, each.id)) for each in self._plan.selected]
        self.folder = str(self._paths.folder)
        self.published = str(self._paths.published)
        self.probes, self.marker = self._probes.records, self._probes.marker
        self.active_experiments = _alternatives(name for machine, name in self._orphans.jobs if machine)
        self.active_stages = _alternatives(name for machine, name in self._orphans.jobs if not machine)
        self._experiment = cache(clear_errors()(partial(self._target, self._folders.experiment_target)))
        self._stage = cache(clear_errors()(partial(self._target, self._folders.stage_target)))

    def _takes_over(self) -> list[str]:
        """Warn if the results of this name are another study's."""
        before = (jsonfiles.read_map(str(self._paths.plan)) or {}).get("source", "")
        if before in {"", str(self._plan.source)} or not Path(before).exists():
            return []
        study = self._plan.study
        return [f"{self._plan.source}: 'study': the results of {study} are those of {before}; choose another name"]

    def _take_lock(self, patience: float) -> bool:
        try:
            return self._lock.try_take(patience)
        except OSError as error:
            message = f"cannot write to {self._paths.folder}: {error.strerror}"
            raise self._configuration.error("results", message) from error

    def _wait_for_lock(self) -> bool:
        """Wait for the end of the other run, or of this one's patience."""
        print_lines(f"{self._busy()}; this run waits for its end", file=sys.stderr, flush=True)
        try:
            return self._take_lock(float("inf"))
        except KeyboardInterrupt:
            sys.exit(1)

    def _busy(self) -> str:
        holder = self._lock.holder()
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('since', '?')}"
        return f"study {self._plan.study} is being run by {who}"

    def _reconcile(self) -> None:
        """Bring in line what a crashed run, a person or a changed plan left."""
        internals.remove(Path(".snakemake/locks"), self._paths.folder)
        lookup.remove_half_written(self._paths, self._plan.machines)
        self._probed = probing.markers(self._paths)
        outstanding = reconcile.experiments(self._plan, self._paths)
        self._marked = reconcile.stages(self._plan, self._paths, outstanding)
        self._wanted = list(self._folders.pending_jobs(outstanding, self._marked))
        self._orphans = orphans.find(self._paths, self._wanted)
        if self._orphans.unanswered:
            _warn(self._orphans.problem)
        if not (self._site / "index.html").exists():
            self._paths.published.unlink(missing_ok=True)
        if self._configuration.config.probe:
            self._probes = probing.Probes.of(self._plan, self._paths, outstanding, self._orphans.jobs, self._run.folder)
            print_lines(self._probes.announcement(), file=sys.stderr)

    def experiment(self, wildcards: Wildcards) -> Target:
        """Return an experiment's target."""
        return self._experiment(wildcards.machine, wildcards.experiment)

    def stage(self, wildcards: Wildcards) -> Target:
        """Return a shared stage's target."""
        return self._stage(wildcards.stage)

    def _target(self, make: Callable[..., Target], *names: str) -> Target:
        self._forget_probes()  # here, because Snakemake's memory is open now, and the graph not made yet
        target = make(*names, marked=self._marked)
        machine, name = ("", *names)[-2:]
        target = self._probes.applied(target, (machine, name))
        if self._scheduler is None:
            return target
        inner_snakemake = getattr(self._workflow.executor_plugin, "name", "") == self._scheduler.plugin
        resources = self._scheduler.rule_resources(target.resources, target.exclusive, inner_snakemake)
        return replace(target, resources=resources)

    def _forget_probes(self) -> None:
        """Make Snakemake forget what probes of this run, or of one that was killed, kept waiting."""
        if self._probed:
            probing.forget(self._workflow.persistence, self._probed, self._paths)
        self._probed = []

    def resource_functions(self, find: Callable[[Wildcards], Target]) -> dict[str, ResourceFunction]:
        """Return the functions of a rule's resources."""
        names = self._folders.resource_names() | (self._scheduler.added_resources if self._scheduler else frozenset())
        usual = self._workflow.resource_settings.default_resources or {}
        return resource_functions(sorted(names - {"threads"}), find, usual)

    def threads(self, target: Target) -> int:
        """Return the number of threads; a scheduler's job with a node of its own gets all of it by other means."""
        return target.threads(exclusive=1 if self._scheduler else self._workflow.cores)

    def job(self, machine: str, name: str) -> str:
        """Return the number of an earlier run's job that is to make a result, or ``NOBODY``."""
        return self._orphans.jobs.get((machine, name)) or NOBODY

    def force(self, target: Target) -> int:
        """Return whether a person asked that a job run again: 1 or 0, as a resource carries it."""
        dag = self._workflow.dag
        return int(target.output in dag.forcefiles or any(each.name == target.rule for each in dag.forcerules))

    @property
    def publishing(self) -> dict[str, str]:
        """Where the publish rule reads and writes, as its resources."""
        return {
            "home": str(self._paths.home),
            "study": self._plan.study,
            "site": str(self._site),
            "project": str(self._project),
        }

    @property
    def digest(self) -> str:
        """What a publication is made of, besides the study's own records, as a hash."""
        return publishing.digest(self._document, self._project, self._other_records())

    def _other_records(self) -> list[str]:
        """Return the records of other machines, which are published too."""
        machines = sorted((self._paths.folder / "records").glob("*"))
        others = [each for each in machines if each.name not in self._plan.machines]
        return [str(path) for each in others for path in sorted(each.glob("*.json"))]

    def start(self) -> None:
        """Prepare the run: job folders, runner, plan.

        The process ends with 1 if another run of the study is at work.
        """
        with clear_errors():
            if not self._lock.try_take():
                raise BusyError(self._busy())
            self._wait_for_scheduler()
            self._check_scheduler()
            for doubt in self._hook.preflight_warnings():
                _warn(doubt)
            self._render()
            files.write_text(self._paths.plan, files.json_lines(self._document), flush=True)
            scheduler = self._workflow.scheduler
            self._run.begin(scheduler.exit_gracefully, getattr(scheduler._executor, "run_uuid", ""))
        atexit.register(self._end_after_error)

    def _end_after_error(self) -> None:
        """Close a run in which Snakemake itself failed, as without a place for its own files: it calls no hook then."""
        if not self._has_ended:
            self.end(1)

    def _wait_for_scheduler(self) -> None:
        """Wait until the scheduler says which jobs of a killed run it still has.

        Snakemake's graph is made: what may have been in the queue is collected, even if it is there no more.
        """
        if self._orphans.unanswered:
            minutes = self._configuration.config.scheduler_patience
            if minutes:
                text = f"asking the scheduler again for up to {minutes:g} minutes (scheduler_patience)"
                print_lines(text, file=sys.stderr, flush=True)
            self._orphans = orphans.wait_for_answer(self._paths, self._wanted, 60 * minutes)

    def _check_scheduler(self) -> None:
        """Refuse what the scheduler would refuse, and look after what it may never start."""
        executor = self._workflow.executor_plugin.name
        scheduler = scheduler_check.scheduler_of(executor, self._workflow.executor_settings)
        if scheduler is None:
            return
        is_plugin = executor == scheduler.plugin
        limit = scheduler_check.check(self._workflow.dag.needrun_jobs(), scheduler, is_plugin, self._paths.home)
        if limit and is_plugin:  # which takes a refusal for a failure; ours waits for room
            resources = self._workflow.scheduler.resources
            resources["_nodes"] = scheduler_check.wait_for_room(limit, resources["_nodes"], scheduler)
        if self._configuration.machine.impossible == "cancel":
            QueueWatcher(self._workflow.scheduler._executor.run_uuid, scheduler).start()

    def _render(self) -> None:
        machine = self._configuration.machine.model_dump()
        write_runner(self._paths.runner)
        is_any = False
        for job in self._jobs_to_run():
            render(job, self._templates, machine)
            job.paths.cancel.unlink(missing_ok=True)
            is_any = True
        for warning in self._folders.unknown_code() if is_any else ():
            _warn(warning)

    def _jobs_to_run(self) -> Iterator[JobFolder]:
        """Yield the folders of Snakemake's jobs that will start something."""
        for job in self._workflow.dag.needrun_jobs():
            if job.rule.name in {"stage", "collect_stage"}:
                target, folder = self.stage(job.wildcards), self._folders.of_stage(job.wildcards.stage)
            elif job.rule.name in {"experiment", "collect"}:
                target = self.experiment(job.wildcards)
                folder = self._folders.of_experiment(job.wildcards.machine, job.wildcards.experiment)
            else:
                continue
            if self.force(target) or lookup.folder_state(folder.paths, target.fingerprint) is FolderState.NOTHING:
                yield folder

    def end(self, exit_code: int) -> None:
        """Close the run; after a failure, publish what there is, unless somebody wanted the run to end."""
        self._has_ended = True
        with clear_errors():
            self._wait_for_folder()
            try:
                if exit_code:
                    self._settle()
                if exit_code and not self._run.interrupted:
                    self._tell_of_probes()
                    publishing.publish_what_there_is(self._paths, self._site, self._project)
                self._probed = probing.markers(self._paths)
                self._forget_probes()
            finally:
                self._hook.call(exit_code, partial(self._summary, exit_code))
                self._run.end(exit_code)  # last: who waits for the end may start the next run at once
            if not exit_code and self._paths.published.exists():
                print_lines(f"website: {self._site / 'index.html'}", file=sys.stderr)
                for line in publishing.unstated(self._paths):
                    print_lines(line, file=sys.stderr)

    def _wait_for_folder(self) -> None:
        """Wait until the end can be written; not if somebody wants the run to end."""
        outage = Outage(
            [str(self._run.folder)], lambda text: print_lines(f"warning: {text}", file=sys.stderr, flush=True)
        )
        while not self._run.interrupted and not outage.is_over():
            time.sleep(1)

    def _summary(self, exit_code: int) -> dict[str, Any]:
        from fairmesh.workflow.finish import summarise  # noqa: PLC0415  only for who wants to hear it

        return summarise(self._paths, self._run.about, exit_code, self._run.interrupted, self._site)

    def _tell_of_probes(self) -> None:
        for line in self._probes.failures():
            print_lines(line, file=sys.stderr)

    def _settle(self) -> None:
        """Mark the attempts that killed runners left as lost."""
        for name in self._folders.stages:
            lookup.mark_lost(self._folders.stage_job(name))
        for each in self._plan.selected:
            lookup.mark_lost(self._paths.job(each.machine, each.id))


def _alternatives(names: Iterable[str]) -> str:
    """Return the regular expression of a wildcard that is one of these; empty if there is none."""
    return "|".join(map(re.escape, names))


def _warn(text: str) -> None:
    print_lines(f"warning: {text}", file=sys.stderr, flush=True)

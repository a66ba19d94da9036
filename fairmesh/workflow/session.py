"""The main process of a run: it holds the plan and the lock, answers the rules, and brackets the run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.errors import BusyError
from fairmesh.jobs import lookup
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.lookup import Found
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.render import JobFolder, render, write_runner
from fairmesh.runner import jsonfiles
from fairmesh.study import Experiment
from fairmesh.workflow import configuration, publishing, reconcile, snakelocks
from fairmesh.workflow.exits import clear_errors
from fairmesh.workflow.folders import Folders
from fairmesh.workflow.plandoc import plan_document
from fairmesh.workflow.run import Run
from fairmesh.workflow.scripts import job_templates
from fairmesh.workflow.targets import Target, Wildcards

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
    """

    def __init__(self, workflow: Any, root: Path) -> None:
        self._workflow, self._root = workflow, root
        self._configuration = configuration.read(workflow.config_settings.overwrite_config, root)
        config = self._configuration.config
        self._configuration.check_site()
        self._plan = self._configuration.plan()
        self._paths = StudyPaths(Path(config.results), self._plan.study)
        for warning in [*self._plan.warnings, *self._takes_over()]:
            print(f"warning: {warning}", file=sys.stderr)
        self._site = Path(config.site)
        self._project = root / "site"
        self._folders = Folders(self._plan, self._paths, root, publisher=config.publisher)
        self._templates = job_templates(self._plan, root, self._configuration.machines, self._configuration.machine)
        self._document = plan_document(self._plan, config)
        self._run = Run(self._paths, self._plan.selection)
        self._lock = RunLock(self._paths.lock)
        self._living: list[Experiment] = []
        self._marked = set(self._plan.stages)
        if self._take_lock(PATIENCE):
            self._reconcile()
        else:
            print(f"{self._busy()}; it is left alone", file=sys.stderr)
        self.results = config.results
        self.records = [str(self._paths.record(each.machine, each.id)) for each in self._plan.selected]
        self.folder = str(self._paths.folder)
        self.published = str(self._paths.published)
        self.living = "|".join(re.escape(each.id) for each in self._living)
        self._experiment = cache(clear_errors()(partial(self._folders.experiment_target, marked=self._marked)))
        self._stage = cache(clear_errors()(partial(self._folders.stage_target, marked=self._marked)))
        self.resource_names = sorted(self._folders.resource_names() - {"threads"})

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

    def _busy(self) -> str:
        holder = self._lock.holder()
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('since', '?')}"
        return f"study {self._plan.study} is being run by {who}"

    def _reconcile(self) -> None:
        """Bring in line what a crashed run, a person or a changed plan left."""
        snakelocks.remove(Path(".snakemake/locks"), self._paths.folder)
        outstanding, self._living = reconcile.experiments(self._plan, self._paths)
        self._marked = reconcile.stages(self._plan, self._paths, outstanding)
        if not (self._site / "index.html").exists():
            self._paths.published.unlink(missing_ok=True)

    def experiment(self, wildcards: Wildcards) -> Target:
        """Give an experiment's target."""
        return self._experiment(wildcards.machine, wildcards.experiment)

    def stage(self, wildcards: Wildcards) -> Target:
        """Give a shared stage's target."""
        return self._stage(wildcards.stage)

    def force(self, target: Target) -> int:
        """Tell whether a person asked that a job run again: 1 or 0, as a resource carries it."""
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
        """Give the records of other machines, which are published too."""
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
            self._render()
            files.write_text(self._paths.plan, files.json_lines(self._document))
            self._run.begin(self._workflow.scheduler.exit_gracefully)

    def _render(self) -> None:
        machine = self._configuration.machine.model_dump()
        write_runner(self._paths.runner)
        for job in self._jobs_to_run():
            render(job, self._templates, machine)
            job.paths.cancel.unlink(missing_ok=True)

    def _jobs_to_run(self) -> Iterator[JobFolder]:
        """Give the folders of Snakemake's jobs that will start something."""
        for job in self._workflow.dag.needrun_jobs():
            if job.rule.name == "stage":
                target, folder = self.stage(job.wildcards), self._folders.of_stage(job.wildcards.stage)
            elif job.rule.name == "experiment":
                target = self.experiment(job.wildcards)
                folder = self._folders.of_experiment(job.wildcards.machine, job.wildcards.experiment)
            else:
                continue
            if self.force(target) or lookup.look(folder.paths, target.fingerprint) is not Found.COMMIT:
                yield folder

    def end(self, exit_code: int) -> None:
        """Close the run; after a failure, publish what there is, unless somebody wanted the run to end."""
        with clear_errors():
            if exit_code:
                self._settle()
            self._run.end(exit_code)
            if not exit_code and self._paths.published.exists():
                print(f"website: {self._site / 'index.html'}", file=sys.stderr)
                for line in publishing.unstated(self._paths):
                    print(line, file=sys.stderr)
            if exit_code and not self._run.interrupted:
                publishing.publish_what_there_is(self._paths, self._site, self._project)

    def _settle(self) -> None:
        """Say of what a killed runner left that it is lost."""
        for name in self._folders.stages:
            lookup.settle(self._folders.stage_job(name))
        for each in self._plan.selected:
            lookup.settle(self._paths.job(each.machine, each.id))

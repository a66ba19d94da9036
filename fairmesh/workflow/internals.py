"""All uses of undocumented names of Snakemake, for the pinned minor version.

``missing_names`` returns the names that the installed version lacks.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

NAMES = {
    "Workflow": (
        "config_settings",
        "output_settings",
        "logger_manager",
        "resource_settings",
        "executor_plugin",
        "executor_settings",
        "dag",
        "scheduler",
        "persistence",
        "cores",
        "_cores",
        "global_resources",
        "modifier",
        "_onstart",
        "_onsuccess",
        "_onerror",
    ),
    "WorkflowModifier": ("is_main_snakefile",),
    "DAG": ("needrun_jobs", "forcefiles", "forcerules", "has_unfinished_queue_input_jobs"),
    "JobScheduler": (
        "exit_gracefully",
        "resources",
        "_executor",
        "_local_executor",
        "job_rate_limiter",
        "_schedule_reevalutation",
    ),
    "JobRateLimiter": ("timespan", "get_free_jobs", "register_jobs"),
    "Executor": ("pool",),
    "ThreadPoolExecutor": ("_max_workers",),
    "PersistenceBase": ("deactivate_cache", "_read_record", "_write_record"),
}
"""The attributes that are used, by class."""


class SnakemakeWorkflow:
    """Snakemake's workflow object, as far as a session uses it.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        The object that the Snakefile sees.
    """

    def __init__(self, workflow: Any) -> None:
        self._workflow = workflow

    @property
    def config_overrides(self) -> Mapping[str, Any]:
        """The configuration of profile and command line, which overrides the file."""
        overrides: Mapping[str, Any] = self._workflow.config_settings.overwrite_config
        return overrides

    @property
    def command_line_config(self) -> Mapping[str, Any]:
        """The values of ``--config``."""
        config: Mapping[str, Any] = self._workflow.config_settings.config
        return config

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be run."""
        return bool(self._workflow.output_settings.dryrun)

    @property
    def starts_jobs(self) -> bool:
        """Whether this call starts jobs, which is known when the graph is built."""
        return self.executor not in {"", "dryrun", "touch"}

    @property
    def log(self) -> str:
        """The path of Snakemake's log; empty without one."""
        return next(iter(self._workflow.logger_manager.get_logfile()), "")

    @property
    def executor(self) -> str:
        """The name of the executor; empty until it is known."""
        return getattr(self._workflow.executor_plugin, "name", "")

    @property
    def executor_settings(self) -> Any:
        """The settings of the executor."""
        return self._workflow.executor_settings

    @property
    def executor_run(self) -> str:
        """The name that the executor gives the jobs of this run; empty if it gives none."""
        return getattr(self._workflow.scheduler._executor, "run_uuid", "")

    @property
    def default_resources(self) -> Mapping[str, Any]:
        """The default resources of profile and command line."""
        return self._workflow.resource_settings.default_resources or {}

    @property
    def cores(self) -> int:
        """The cores that local jobs share."""
        cores: int = self._workflow.cores
        return cores

    @property
    def local_cores(self) -> int:
        """The cores of this computer for jobs that the executor does not get."""
        return self._workflow._cores or os.cpu_count() or 1

    def limit_resource(self, name: str, limit: int) -> None:
        """Set how much of a resource all running jobs may use; the scheduler does not exist yet."""
        from snakemake.resources import Resource  # noqa: PLC0415  Snakemake is loaded when a workflow is read

        self._workflow.global_resources[name] = Resource(name, limit)

    def add_local_workers(self, count: int) -> None:
        """Allow more local jobs at the same time: those that wait for other machines need a worker, and no core."""
        scheduler = self._workflow.scheduler
        executor = scheduler._local_executor or scheduler._executor
        executor.pool._max_workers += count

    def select_jobs_only_on_changes(self) -> None:
        """Repeat the selection of jobs after a pause only if the limit of starts made it incomplete.

        Snakemake repeats each selection for ever, and makes a selection whenever a job ends: one more every second for
        each job that has ended, which takes a whole processor after some hundred.
        """
        scheduler, dag = self._workflow.scheduler, self._workflow.dag
        if scheduler.job_rate_limiter is None:
            return
        limit, repeat = StartLimit(scheduler.job_rate_limiter), scheduler._schedule_reevalutation

        def repeat_if_incomplete(delay: float) -> None:
            if limit.is_reached or dag.has_unfinished_queue_input_jobs():
                repeat(delay)

        scheduler.job_rate_limiter, scheduler._schedule_reevalutation = limit, repeat_if_incomplete

    def set_handlers_of_module(self, start: Callable[[], None], end: Callable[[int], None]) -> None:
        """Set what the workflow does when a run starts and ends, if it is read as a module of another Snakefile.

        Snakemake ignores ``onstart``, ``onsuccess`` and ``onerror`` of modules.
        """
        if not self._workflow.modifier.is_main_snakefile():
            self._workflow._onstart = lambda _: start()
            self._workflow._onsuccess = lambda _: end(0)
            self._workflow._onerror = lambda _: end(1)

    def jobs_to_run(self) -> Iterable[Any]:
        """Return the jobs that the run will start."""
        jobs: Iterable[Any] = self._workflow.dag.needrun_jobs()
        return jobs

    def is_forced(self, rule: str, output: str) -> bool:
        """Return whether the command line forces a rule or a file."""
        dag = self._workflow.dag
        return output in dag.forcefiles or any(forced.name == rule for forced in dag.forcerules)

    def force(self, outputs: Iterable[str]) -> None:
        """Make the jobs of these files run; Snakemake's graph is not built yet."""
        self._workflow.dag.forcefiles.update(outputs)

    def stop_scheduling(self) -> None:
        """Start no more jobs, and end after the running ones."""
        self._workflow.scheduler.exit_gracefully()

    @property
    def job_limit(self) -> int:
        """The maximum number of submitted jobs."""
        limit: int = self._workflow.scheduler.resources["_nodes"]
        return limit

    @job_limit.setter
    def job_limit(self, limit: int) -> None:
        self._workflow.scheduler.resources["_nodes"] = limit

    def forget_inputs(self, inputs: Collection[str], outputs: Iterable[Path]) -> None:
        """Remove inputs from Snakemake's metadata of outputs."""
        persistence = self._workflow.persistence
        persistence.deactivate_cache()  # it may lack the last job
        for path in outputs:
            record = persistence._read_record(str(path))
            if record and not set(inputs).isdisjoint(record.input or ()):
                record.input = [name for name in record.input if name not in inputs]
                persistence._write_record(str(path), record)
        persistence.deactivate_cache()

    def forget_outputs(self, outputs: Iterable[Path]) -> None:
        """Remove outputs from Snakemake's metadata, so that no change of their inputs counts."""
        persistence = self._workflow.persistence
        for path in outputs:
            persistence._delete_record(str(path))
        persistence.deactivate_cache()


class StartLimit:
    """Snakemake's limit of starts in a time span, which also knows whether the last selection has reached it.

    Parameters
    ----------
    limiter : snakemake.scheduling.job_scheduler.JobRateLimiter
        The limit.
    """

    def __init__(self, limiter: Any) -> None:
        self._limiter = limiter
        self.timespan: float = limiter.timespan
        self._free = 0

    @property
    def is_reached(self) -> bool:
        """Whether the last selection has left no start."""
        return self._free <= 0

    def get_free_jobs(self) -> int:
        """Return how many jobs may be selected now."""
        self._free = self._limiter.get_free_jobs()
        return self._free

    def register_jobs(self, count: int) -> None:
        """Note the selected jobs."""
        self._free -= count
        self._limiter.register_jobs(count)


def remove_locks(locks: Path, study: Path) -> None:
    """Remove Snakemake's lock files of a study's results; the caller holds the study's own lock.

    Parameters
    ----------
    locks : Path
        Snakemake's folder of lock files.
    study : Path
        The study's folder in the results, as the rules write it.
    """
    for path in locks.glob("*.lock"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(Path(line).is_relative_to(study) for line in lines):
            path.unlink(missing_ok=True)


def missing_names() -> list[str]:
    """Return the names that the installed Snakemake lacks, as ``Class.name``."""
    return [f"{name}.{attribute}" for name, attribute in _used_names() if not _has(_find_class(name), attribute)]


def _used_names() -> Iterator[tuple[str, str]]:
    return ((name, attribute) for name, attributes in NAMES.items() for attribute in attributes)


def _find_class(name: str) -> type:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  only a test needs it

    from snakemake import api  # noqa: PLC0415  heavy, and only a test needs it
    from snakemake.dag import DAG  # noqa: PLC0415
    from snakemake.executors.local import Executor  # noqa: PLC0415
    from snakemake.modules import WorkflowModifier  # noqa: PLC0415
    from snakemake.persistence import PersistenceBase  # noqa: PLC0415
    from snakemake.scheduling.job_scheduler import JobRateLimiter, JobScheduler  # noqa: PLC0415

    classes = {
        "Workflow": api.Workflow,
        "WorkflowModifier": WorkflowModifier,
        "DAG": DAG,
        "JobScheduler": JobScheduler,
        "JobRateLimiter": JobRateLimiter,
        "PersistenceBase": PersistenceBase,
        "Executor": Executor,
        "ThreadPoolExecutor": ThreadPoolExecutor,
    }
    python_class: type = classes[name]
    return python_class


def _has(python_class: type, attribute: str) -> bool:
    """Return whether a class has an attribute, a field of that name, or an assignment to it."""
    if hasattr(python_class, attribute) or attribute in getattr(python_class, "__dataclass_fields__", {}):
        return True
    source = inspect.getsource(python_class)
    return f"self.{attribute} " in source or f"self.{attribute}:" in source

"""Submit jobs to a scheduler without Snakemake on the nodes: ``--executor fairmesh``.

It submits the ``job.sh`` of each job folder; a bundle runs several of them in one job of the scheduler. The states of
all jobs are read by a single query to the scheduler.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

from fairmesh.jobs.bundles import LOG, MEMBERS, PROGRESS, bundle_comment, bundle_file, write_members
from fairmesh.jobs.outage import Outage
from fairmesh.runner import scheduler as queue
from fairmesh.runner.protocol import EXECUTOR_EVENTS, RUN_FOLDER
from fairmesh.schedulers import JobInfo, Scheduler, SchedulerError, required_scheduler
from snakemake_executor_plugin_fairmesh.bundle import (
    Member,
    bundles,
    known_resources,
    resources_of,
    script,
)
from snakemake_executor_plugin_fairmesh.progress import GONE, read_progress, verdict

BUNDLE, NUMBER = "bundle", "number"
FIRST_LOOK, LONGEST = 2.0, 30.0  # seconds between two queries of the queue; longer while no job ends
MISSING = 60.0  # seconds in which a submitted job must appear in the queue
PATIENCE = 300.0  # seconds to retry a refused job while no other job could make room


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc]
    """The settings of the executor, such as ``fairmesh-bundle`` in a profile."""

    bundle: int = field(
        default=1,
        metadata={"help": "So many jobs at most run in one job of the scheduler, one after another", "type": int},
    )
    scheduler: str = field(
        default="",
        metadata={"help": "Name of the scheduler; without, that of the machine, or what is found here", "type": str},
    )


common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=False,
    pass_default_resources_args=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


@dataclass(eq=False)
class Submitted:
    """A bundle of jobs, waiting or submitted.

    Parameters
    ----------
    number : int
        Its number in the run.
    members : list of Member
        The jobs that it runs.
    jobs : list of mapping
        The content of their events.
    job_id : str
        The scheduler's job number, once it is in the queue.
    refusal : SchedulerError or None
        Why it is not in the queue.
    """

    number: int
    members: list[Member]
    jobs: list[dict[str, str]]
    job_id: str = ""
    refusal: SchedulerError | None = None
    since: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def waits(self) -> bool:
        """Whether it will be submitted again."""
        return self.refusal is not None and self.refusal.is_transient

    @property
    def comment(self) -> str:
        """The comment of its job, by which it is found again."""
        return bundle_comment(self.number)

    def file(self, kind: str) -> Path:
        """Return the path of a file of the bundle in the folder of the run."""
        return bundle_file(Path(os.environ[RUN_FOLDER]), self.number, kind)


def _unwritable(error: OSError) -> SchedulerError:
    """Return the error of a job whose files cannot be written now."""
    place = ": ".join(filter(None, (error.filename, error.strerror)))
    return SchedulerError(f"the job cannot be prepared: {place}", is_transient=True)


class Executor(RemoteExecutor):  # type: ignore[misc]
    """Submits bundles of jobs, watches and cancels them."""

    def __post_init__(self) -> None:
        self._size = self.workflow.executor_settings.bundle
        if self._size < 1:
            raise WorkflowError(f"fairmesh-bundle must be a whole number above 0, not {self._size}")
        self._count = 0
        self.run_uuid = str(uuid.uuid4())  # the name of its jobs, as in Snakemake's executor for Slurm
        self._patience = self.workflow.execution_settings.latency_wait
        # The refusal of the last submission, if transient: the next would be refused, too.
        self._refusal: SchedulerError | None = None
        self._hoped = 0.0  # the last time that another job could make room
        self._warned: set[str] = set()
        self._outage: Outage | None = None
        self.next_seconds_between_status_checks = FIRST_LOOK

    @cached_property
    def _scheduler(self) -> Scheduler:
        try:  # when it is needed: the workflow reports a missing scheduler in one line before
            return required_scheduler(self.workflow.executor_settings.scheduler)
        except LookupError as error:
            raise WorkflowError(str(error)) from error

    def run_jobs(self, jobs: Sequence[Any]) -> None:
        """Submit all ready jobs in bundles."""
        by_folder = {}
        self._hoped = time.monotonic()
        for job in jobs:
            self.run_job_pre(job)
            by_folder[job.resources["folder"]] = job
        for members in bundles((_member(job, self._scheduler) for job in by_folder.values()), self._size):
            self._count += 1
            bundled = [by_folder[member.folder] for member in members]
            bundle = Submitted(self._count, members, [_event(job) for job in bundled])
            if self._refusal:
                bundle.refusal = self._refusal
            else:
                self._submit(bundle)
            for number, job in enumerate(bundled):
                self.report_job_submission(
                    SubmittedJobInfo(job, bundle.job_id or None, {BUNDLE: bundle, NUMBER: number})
                )

    def run_job(self, job: Any) -> None:
        """Submit one job."""
        self.run_jobs([job])

    def _submit(self, bundle: Submitted) -> None:
        names = [(job["machine"], job["id"]) for job in bundle.jobs]
        try:
            # Before the submission, so that the members are known if this process is killed.
            write_members(bundle.file(MEMBERS), names)
            job_id = self._scheduler.submit(
                self._script(bundle),
                resources_of(bundle.members),
                self.run_uuid,
                bundle.comment,
                str(bundle.file(LOG).resolve()),
            )
        except OSError as error:
            bundle.refusal = _unwritable(error)
        except SchedulerError as error:
            reason = f"{self._scheduler.title} does not take the job: {error.reason}"
            bundle.refusal = SchedulerError(reason, error.is_transient, error.is_unanswered)
        else:
            self._note(bundle, job_id)
        if bundle.waits:
            self._wait_for_room(bundle)

    def _script(self, bundle: Submitted) -> str:
        scheduler = self._scheduler
        progress = str(bundle.file(PROGRESS))
        return script(bundle.members, progress, scheduler.node_variable, scheduler.harmless_signals)

    def _note(self, bundle: Submitted, job_id: str) -> None:
        """Record that a bundle is in the queue."""
        bundle.job_id, bundle.refusal = job_id, None
        bundle.since = self._hoped = time.monotonic()
        events = [{**job, "job_id": job_id, "reason": ""} for job in bundle.jobs]
        more = f" and {len(bundle.jobs) - 1} more" if len(bundle.jobs) > 1 else ""
        text = f"{self._scheduler.title}'s job {job_id} runs {bundle.jobs[0]['id']}{more}."
        self.logger.info(text, extra={EXECUTOR_EVENTS: events})

    def _wait_for_room(self, bundle: Submitted) -> None:
        """Keep a bundle for later, and print the reason once."""
        self._refusal = bundle.refusal
        if str(bundle.refusal) not in self._warned:
            self._warned.add(str(bundle.refusal))
            text = (
                f"{bundle.refusal}; it is tried again as long as jobs of yours are in the queue, "
                f"and for {PATIENCE:.0f} s without any"
            )
            self.logger.warning(text)

    def _submit_again(self, all_bundles: Iterable[Submitted], answer: dict[str, JobInfo] | None) -> None:
        """Submit waiting bundles in order until the scheduler refuses one.

        A job that may have been accepted without an answer is searched for first, so that none is submitted twice.
        """
        waiting = [bundle for bundle in all_bundles if bundle.waits]
        comments = {job.comment: job for job in (answer or {}).values() if job.name == self.run_uuid}
        if waiting and _may_make_room(all_bundles, answer):
            self._hoped = time.monotonic()
        self._refusal = None
        for bundle in waiting:
            submitted = comments.get(bundle.comment)
            if submitted:
                self._note(bundle, submitted.id)
            elif self._refusal or (answer is None and bundle.refusal and bundle.refusal.is_unanswered):
                self._refusal = bundle.refusal = self._refusal or bundle.refusal
            else:
                self._submit(bundle)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Query the queue once, report the jobs that have ended, and yield the others."""
        if not active_jobs:
            return
        if not self._can_write():  # Snakemake writes for each job that has ended
            for info in active_jobs:
                yield info
            return
        all_bundles = dict.fromkeys(info.aux[BUNDLE] for info in active_jobs)
        answer = queue.jobs(name=None if self._refusal else self.run_uuid, scheduler=self._scheduler)
        self._submit_again(all_bundles, answer)
        verdicts = {bundle: self._look(bundle, answer) for bundle in all_bundles}
        still = 0
        for info in active_jobs:
            done, reason = verdicts[info.aux[BUNDLE]][info.aux[NUMBER]]
            info.external_jobid = info.aux[BUNDLE].job_id or None
            if done is None:
                still += 1
                yield info
            elif done:
                self.report_job_success(info)
            else:
                self.report_job_error(info, msg=f"{reason}. ")
        idle = still == len(active_jobs)
        self.next_seconds_between_status_checks = min(
            LONGEST, self.next_seconds_between_status_checks + 1 if idle else FIRST_LOOK
        )

    def _can_write(self) -> bool:
        if self._outage is None:
            folders = (os.environ[RUN_FOLDER], str(self.workflow.persistence.path))
            self._outage = Outage(folders, self.logger.warning)
        return self._outage.is_over()

    def _look(self, bundle: Submitted, answer: dict[str, JobInfo] | None) -> list[tuple[bool | None, str]]:
        """Return for each job of a bundle whether it is done, and why not."""
        if bundle.refusal:
            waits = bundle.waits and time.monotonic() - self._hoped < PATIENCE
            return [(None, "") if waits else (False, str(bundle.refusal))] * len(bundle.members)
        if not bundle.job_id:
            return [(None, "")] * len(bundle.members)
        state = self._end(bundle, answer)
        progress = read_progress(bundle.file(PROGRESS))
        if state and not progress and self._outage and self._outage.seen > bundle.since:
            # The scheduler could not open the output file, and ran nothing.
            bundle.job_id, bundle.ended = "", None
            self._submit(bundle)
            return [(None, "")] * len(bundle.members)
        verdicts = [verdict(progress.get(number), state, bool(progress)) for number in range(len(bundle.members))]
        return [(done, reason.format(f"{self._scheduler.title}'s job {bundle.job_id}")) for done, reason in verdicts]

    def _end(self, bundle: Submitted, answer: dict[str, JobInfo] | None) -> str | None:
        """Return the scheduler's state of an ended job, once files from its node have had time to appear here."""
        job = None if answer is None else answer.get(bundle.job_id)
        lives = answer is None or (not job.has_ended if job else time.monotonic() - bundle.since < MISSING)
        if lives:
            bundle.ended = None
            return None
        bundle.ended = bundle.ended or time.monotonic()
        all_began = len(read_progress(bundle.file(PROGRESS))) == len(bundle.members)
        complete = all_began or (job is not None and not job.node)  # a job that never had a node wrote nothing
        return (job.word if job else GONE) if complete or time.monotonic() - bundle.ended > self._patience else None

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel all jobs in the queue."""
        with contextlib.suppress(SchedulerError):
            self._scheduler.cancel({info.aux[BUNDLE].job_id for info in active_jobs} - {""})


def _member(job: Any, scheduler: Scheduler) -> Member:
    """Return a job as a member of a bundle; remove old output, as Snakemake does before it starts a job."""
    record, log = Path(str(job.output[0])).resolve(), Path(str(job.log[0])).resolve()
    record.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = ("--force", str(job.resources["force"]))
    return Member(
        str(job.resources["folder"]),
        str(log),
        str(record),
        arguments,
        known_resources(job.resources, job.threads, scheduler),
    )


def _may_make_room(all_bundles: Iterable[Submitted], answer: dict[str, JobInfo] | None) -> bool:
    """Return whether jobs of this user are in the queue, or may be if the scheduler does not answer."""
    if answer is None:
        return any(bundle.job_id and bundle.ended is None for bundle in all_bundles)
    return any(not job.has_ended for job in answer.values())


def _event(job: Any) -> dict[str, str]:
    wildcards = job.wildcards_dict
    identity = wildcards.get("experiment", wildcards.get("stage", ""))
    return {"event": "queued", "rule": job.rule.name, "machine": wildcards.get("machine", ""), "id": identity}

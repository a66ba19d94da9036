"""Queue: qput, qlook, qdrop, a scheduler that nobody has."""

import os
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional

from fairmesh.schedulers import CurrentJob, JobInfo, JobState, Scheduler, Site
from fairmesh.schedulers.base import EXCLUSIVE, SCRATCH, Option
from fairmesh.schedulers.transport import ANSWER

OPTIONS = {"queue_name": "--queue={}", "runtime": "--minutes={}", "mem_mb": "--memory={}", "threads": "--cores={}"}


class Queue(Scheduler):
    """Queue, which has three programs."""

    name = "queue"
    title = "Queue"
    programs = ("qput", "qlook", "qdrop")
    prefix = "#QUEUE"
    submit_hint = "qput < job.sh"
    own_resources: Mapping[str, str] = {"queue_name": "Queue that takes the job."}  # type: ignore[misc]
    variables = ("QUEUE_JOB",)
    words: Mapping[str, JobState] = {  # type: ignore[misc]
        "WAITS": JobState.PENDING,
        "RUNS": JobState.RUNNING,
        "GOOD": JobState.DONE,
        "BAD": JobState.FAILED,
        "DROPPED": JobState.CANCELLED,
    }
    shell = """\
program=qput
list_jobs() { qlook --mine | awk '{print $1, $2}'; }
submit() { qput ${1:+--after="$*"} < job.sh; }
"""

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of qput."""
        options = [(text.format(resources[name]),) for name, text in OPTIONS.items() if name in resources]
        return options + [("--alone",)] * bool(exclusive or resources.get(EXCLUSIVE))

    def naming(self, name: str) -> List[Option]:
        """Return the options that name a job and its output."""
        return [(f"--name={name}",), ("--output=queue.log",)]

    def known_resources(self) -> FrozenSet[str]:
        """Return the resources that become options."""
        return frozenset({*OPTIONS, EXCLUSIVE, SCRATCH})

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a script; qput writes the job's number."""
        words = [word for option in self.options(resources) for word in option]
        command = ["qput", f"--name={name}", f"--comment={comment}", f"--output={log}", *words]
        return self.ask(*command, text=script).strip()

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs; qlook writes a line for each: number, name, state, comment."""
        wanted = None if ids is None else set(ids)
        lines = (line.split() for line in self.ask("qlook", timeout=timeout).splitlines())
        jobs = (
            JobInfo(number, job_name, self.words[word], word, comment=comment, cluster=self.cluster())
            for number, job_name, word, comment in lines
        )
        return {job.id: job for job in jobs if (wanted is None or job.id in wanted) and name in {None, job.name}}

    def cancel(self, ids: Iterable[str], timeout: float = ANSWER) -> None:
        """Drop jobs."""
        self.ask("qdrop", *sorted(ids), timeout=timeout)

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name of the only cluster that there is."""
        return "queue"

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in."""
        return CurrentJob(os.environ["QUEUE_JOB"], self.cluster()) if self.is_in_job() else None

    def version(self, timeout: float = ANSWER) -> str:
        """Return the version."""
        return self.ask("qlook", "--version", timeout=timeout).strip()

    def site(self, timeout: float = ANSWER) -> Site:
        """Return what is offered: the names of queues."""
        return Site({"queue_name": self.ask("qlook", "--queues", timeout=timeout).split()})

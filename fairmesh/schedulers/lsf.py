"""LSF: bsub, bjobs and bkill, and bhist for jobs that bjobs no longer lists.

Based on the manual of LSF 10.1, and tested with mock programs, not with a real LSF.
"""

import json
import os
import pwd
import re
import shlex
from math import ceil
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional

from .base import EXCLUSIVE, SCRATCH, CurrentJob, JobInfo, JobState, Option, Scheduler, Site, gpus
from .transport import ANSWER, Output, SchedulerError

SUBMIT = 60.0  # seconds for the answer to a submission
_FIELDS = "jobid stat job_name job_description exec_host runtimelimit exit_code exit_reason pend_reason"
_OUTER_JOB = "LSB_|LS_(SUBCWD|JOBPID|EXECCWD)"  # variables of the job that Snakemake may run in
_OPTIONS = {
    "lsf_queue": ("-q", "{}"),
    "lsf_project": ("-P", "{}"),
    "clusters": ("-clusters", "{}"),
    "qos": ("-sla", "{}"),
    "reservation": ("-U", "{}"),
    "constraint": ("-R", "select[{}]"),
    "runtime": ("-W", "{}"),
    "slots": ("-n", "{}"),
    "span": ("-R", "span[{}]"),
    "mem_mb": ("-R", "rusage[mem={}MB]"),
    "disk_mb": ("-R", "rusage[tmp={}MB]"),
    "gpus": ("-gpu", "{}"),
}


class Lsf(Scheduler):
    """LSF, from version 10.1 on."""

    name = "lsf"
    title = "LSF"
    programs = ("bsub", "bjobs", "bkill", "lsid")
    prefix = "#BSUB"
    submit_hint = "bsub < job.sh"
    own_resources: ClassVar[Mapping[str, str]] = {
        "lsf_queue": "Queue of LSF.",
        "lsf_project": "Project that LSF charges.",
    }
    variables = ("LSB_JOBID", "LSB_JOBINDEX", "LSB_QUEUE", "LSB_MCPU_HOSTS", "LSB_DJOB_NUMPROC", "LSB_RESTART")
    words: ClassVar[Mapping[str, JobState]] = {
        "DONE": JobState.DONE,
        "EXIT": JobState.FAILED,
        "TERM_RUNLIMIT": JobState.TIMEOUT,
        "TERM_DEADLINE": JobState.TIMEOUT,
        "TERM_WINDOW": JobState.TIMEOUT,
        "TERM_CPULIMIT": JobState.TIMEOUT,
        "TERM_MEMLIMIT": JobState.FAILED,
        "TERM_SWAP": JobState.FAILED,
        "TERM_OWNER": JobState.CANCELLED,
        "TERM_FORCE_OWNER": JobState.CANCELLED,
        "TERM_ADMIN": JobState.CANCELLED,
        "TERM_FORCE_ADMIN": JobState.CANCELLED,
        "TERM_EXTERNAL_SIGNAL": JobState.CANCELLED,
        "TERM_REMOVE_HUNG_JOB": JobState.LOST,
        "TERM_PREEMPT": JobState.LOST,
        "TERM_LOAD": JobState.LOST,
        "TERM_RC_RECLAIM": JobState.LOST,
        "TERM_UNKNOWN": JobState.FAILED,
    }
    end_signals = ("SIGUSR2", "SIGINT", "SIGTERM")  # the first at the time limit, the others of bkill
    shell = """\
program=bsub

list_jobs() {
    local answer
    answer=$(bjobs -noheader -o 'jobid job_name' 2>&1) || [[ $answer == *'No unfinished job'* ]] || return
    echo "$answer"
}

submit() { # jobs to wait for
    local answer condition='' options=()
    if [ $# -gt 0 ]; then
        condition=$(printf ' && done(%s)' "$@")
        options=(-w "${condition# && }" -ti)
    fi
    answer=$(bsub ${options[@]+"${options[@]}"} < job.sh) || return
    if [[ $answer =~ \\<([0-9]+)\\> ]]; then echo "${BASH_REMATCH[1]}"; fi
}
"""

    _cluster = ""

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of bsub that request resources.

        >>> Lsf().options({"gres": "gpu:a100:2", "runtime": 5})
        [('-W', '5'), ('-n', '1'), ('-R', 'span[hosts=1]'), ('-gpu', 'num=2:gmodel=a100')]
        """
        values = _in_sum(resources)
        options = [(name, text.format(values[key])) for key, (name, text) in _OPTIONS.items() if key in values]
        return [*options, *[("-x",)] * bool(exclusive or resources.get(EXCLUSIVE))]

    def naming(self, name: str) -> List[Option]:
        """Return the options of bsub that name a job and its output, and rerun it if its host fails."""
        return [("-J", name), ("-o", "lsf-%J.log"), ("-r",)]

    def known_resources(self) -> FrozenSet[str]:
        """Return the resources of a rule that become options of bsub."""
        counted = {"threads", "tasks", "nodes", "cpus_per_task", "cpus_per_gpu", "tasks_per_gpu", "mem_mb_per_cpu"}
        asked = {*_OPTIONS, *counted, "gres", "gpu_model", EXCLUSIVE, SCRATCH}
        return frozenset(asked - {"slots", "span", "gpus", "disk_mb"})

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a batch script, and return its number.

        The script opens its log itself, since LSF replaces ``%J`` and the like in the name of an output file.
        """
        first, _, rest = script.partition("\n")
        script = f"{first}\nexec >> {shlex.quote(log)} 2>&1\n{rest}"
        naming = ["-J", name, "-Jd", comment, "-o", "/dev/null", "-r"]
        options = [word for option in self.options(resources) for word in option]
        hidden = _OUTER_JOB if self.is_in_job() else ""
        output = self.transport.run(["bsub", *naming, *options], script, SUBMIT, hidden, is_inherited=True)
        if output.status:
            raise self.error(output)
        match = re.search(r"^Job <(\d+)> is submitted", output.stdout, re.MULTILINE)
        if not match:
            words = " ".join(output.stdout.split())[:200]
            raise SchedulerError(f"bsub reports no job number: {words}", is_unanswered=True)
        return str(match.group(1))

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs by number, from one call of bjobs, and from bhist if bjobs no longer lists them."""
        numbers = sorted(set(filter(self.is_job_id, ids or ())))
        if ids is not None and not numbers:
            return {}
        command = ["bjobs", "-a", "-u", _user() if ids is None else "all"]
        command += ["-J", name] if name is not None else []
        output = self.transport.run([*command, "-o", _FIELDS, "-json", *numbers], timeout=timeout)
        if output.status and not _NO_JOB.search(output.stdout + output.stderr):
            raise self.error(output)
        cluster = self.cluster(timeout)
        jobs = {job.id: job._replace(cluster=cluster) for job in parse_jobs(output.stdout, self.words)}
        forgotten = [number for number in numbers if number not in jobs]
        if forgotten:
            history = self.transport.run(["bhist", "-l", "-n", "2", *forgotten], timeout=timeout).stdout
            jobs.update((job.id, job._replace(cluster=cluster)) for job in parse_history(history, self.words))
        return {number: job for number, job in jobs.items() if name in {None, job.name}}

    def cancel(self, ids: Iterable[str], timeout: float = SUBMIT) -> None:
        """Cancel queued and running jobs, which get SIGINT, then SIGTERM, then SIGKILL."""
        numbers = sorted(ids)
        output = self.transport.run(["bkill", *numbers], timeout=timeout) if numbers else Output(0, "", "")
        lines = (output.stdout + output.stderr).splitlines()
        complaints = [line for line in lines if line.strip() and not _GONE.search(line)]
        if output.status and complaints:
            raise self.error(Output(output.status, "", "\n".join(complaints)))

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name of the cluster, from lsid."""
        if not self._cluster:
            try:
                match = re.search(r"^My cluster name is (\S+)", self.ask("lsid", timeout=timeout), re.MULTILINE)
            except SchedulerError:
                return ""
            self._cluster = match.group(1) if match else ""
        return self._cluster

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in; LSF reports whether it was restarted, but not how often."""
        if not self.is_in_job():
            return None
        hosts = os.environ.get("LSB_MCPU_HOSTS", "").split()[::2]  # each followed by its number of slots
        return CurrentJob(
            id=os.environ["LSB_JOBID"],
            cluster=self.cluster(),
            restarts=int(os.environ.get("LSB_RESTART") == "Y"),
            node=hosts[0] if hosts else "",
            nodes=len(hosts),
        )

    def version(self, timeout: float = ANSWER) -> str:
        """Return the version, and the cluster's name."""
        answer = self.ask("lsid", timeout=timeout)
        match = re.search(r"LSF\D*([\d.]+)", answer)
        return f"{match.group(1) if match else '?'}, cluster {self.cluster(timeout) or '?'}"

    def site(self, timeout: float = ANSWER) -> Site:
        """Return the queues, and whether all hosts are up."""
        queues = self.ask("bqueues", "-o", "queue_name", "-noheader", timeout=timeout).split()
        lines = self.ask("bhosts", "-o", "host_name status", "-noheader", timeout=timeout).splitlines()
        hosts = [words for words in map(str.split, lines) if len(words) > 1]
        are_up = all(not words[1].startswith(("un", "closed_Adm")) for words in hosts)
        return Site({"lsf_queue": queues}, frozenset(words[0].partition(".")[0] for words in hosts), are_up)

    def error(self, output: Output) -> SchedulerError:
        """Return the error for the output of one of LSF's programs."""
        lines = (_SPEAKER.sub("", line).strip() for line in (output.stderr or output.stdout).splitlines())
        words = dict.fromkeys(line for line in lines if line and line != "Job not submitted.")
        reason = "; ".join(list(words)[:5]) or f"it ended with status {output.status}"
        is_full = bool(_FULL.search(reason))
        return SchedulerError(reason, is_full, is_unanswered=not is_full and bool(_SILENT.search(reason)))


_NO_JOB = re.compile(r"No (unfinished |matching )?job found|is not found", re.IGNORECASE)
_GONE = re.compile(r"No matching job found|already finished|is being (terminated|removed)|is not found", re.IGNORECASE)
_FULL = re.compile(r"pending job (threshold|limit)|job limit|max\w* number of (pending )?jobs", re.IGNORECASE)
_SILENT = re.compile(r"not responding|is down|cannot connect|communication time out|library call", re.IGNORECASE)
_SPEAKER = re.compile(r"^(?:(?:b[a-z]+|lsid): )?(?:Request aborted by esub\. )?")
_NEVER = re.compile(r"dependency condition (is )?(invalid or )?never satisfied", re.IGNORECASE)
_PENDING = ("PEND", "PSUSP", "WAIT", "PROV")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def parse_jobs(text: str, words: Mapping[str, JobState]) -> Iterator[JobInfo]:
    """Yield the jobs of ``bjobs -json``.

    Raises
    ------
    SchedulerError
        If the text is not such an answer.
    """
    begin = text.find("{")  # messages may come before
    try:
        records = json.loads(text[begin:])["RECORDS"] if begin >= 0 else []
        jobs = [{str(key): str(value or "").strip() for key, value in record.items()} for record in records]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise SchedulerError("cannot read the output of bjobs: it is not JSON") from None
    for job in jobs:
        if re.match(r"\d+$", job.get("JOBID", "")) and "ERROR" not in job:
            yield _job(job, words)


def _job(job: Mapping[str, str], words: Mapping[str, JobState]) -> JobInfo:
    values = {key: "" if value == "-" else value for key, value in job.items()}
    status, pending = values.get("STAT", ""), values.get("PEND_REASON", "")
    word, _, explained = values.get("EXIT_REASON", "").partition(":")
    word = word.strip() if status == "EXIT" and word.strip() in words else status
    state = words.get(word, JobState.PENDING if status in _PENDING else JobState.RUNNING)
    ended = explained.strip() or (f"exit status {values.get('EXIT_CODE') or '?'}" if status == "EXIT" else "")
    return JobInfo(
        id=values["JOBID"],
        name=values.get("JOB_NAME", ""),
        state=state,
        word=word,
        reason=" ".join(pending.split()).rstrip(";") if state is JobState.PENDING else ended,
        node=re.sub(r"^\d+\*", "", values.get("EXEC_HOST", "").partition(":")[0]),
        comment=values.get("JOB_DESCRIPTION", ""),
        time_limit=parse_minutes(values.get("RUNTIMELIMIT", "")),
        is_hopeless=state is JobState.PENDING and _NEVER.search(pending) is not None,
    )


def parse_minutes(text: str) -> Optional[float]:
    """Return the seconds of a run limit as bjobs writes it.

    >>> parse_minutes("5.0 min"), parse_minutes("90.0 min of host1"), parse_minutes("00:05"), parse_minutes("")
    (300.0, 5400.0, 300.0, None)
    """
    match = re.match(r"(?:(\d{1,9}):)?(\d{1,9}(?:\.\d{1,9})?)", text)
    return 60 * (60 * int(match.group(1) or 0) + float(match.group(2))) if match else None


def parse_history(text: str, words: Mapping[str, JobState]) -> Iterator[JobInfo]:
    """Yield the jobs of ``bhist -l`` that have ended; it breaks lines in the middle of words."""
    for part in re.split(r"^-{20,}$", text, flags=re.MULTILINE):
        joined = re.sub(r"\n {10,}", "", part)
        job = re.search(r"^ *Job <(\d+)>(?:, Job Name <([^>]*)>)?", joined, re.MULTILINE)
        end = re.search(r"Done successfully|Exited(?: with exit code (\d+))?(?:.*?(TERM_\w+))?", joined, re.DOTALL)
        if job and end:
            is_done = end.group().startswith("Done")
            word = "DONE" if is_done else end.group(2) if end.group(2) in words else "EXIT"
            reason = f"exit status {end.group(1) or '?'}" if word == "EXIT" else ""
            yield JobInfo(job.group(1), job.group(2) or "", words[word], word, reason)


def _in_sum(resources: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the resources with the slots, hosts, memory and GPUs of the whole job, as bsub expects."""
    values = dict(resources)
    if SCRATCH in values:
        values["disk_mb"] = values[SCRATCH]
    model, count = gpus(resources)
    if count:
        values["gpus"] = f"num={count}" + (f":gmodel={model}" if model else "")
    tasks = resources.get("tasks", count * resources.get("tasks_per_gpu", 0) or 1)
    cpus = resources.get("cpus_per_task", resources.get("threads", 0))
    cpus = cpus or ceil(count * resources.get("cpus_per_gpu", 0) / tasks)
    slots, nodes = max(1, tasks * max(1, cpus)), resources.get("nodes", 1)
    values["slots"] = max(slots, nodes)
    values["span"] = "hosts=1" if nodes == 1 else f"ptile={ceil(slots / nodes)}"
    if "mem_mb_per_cpu" in resources:
        values.setdefault("mem_mb", resources["mem_mb_per_cpu"] * ceil(values["slots"] / nodes))
    return values

"""SGE, the Grid Engine: qsub, qstat and qdel, and qacct for ended jobs.

A job's context has its comment. Names begin with ``fm-``, since SGE does not allow a digit at the beginning.
"""

import os
import pwd
import re
import resource
import shlex
import time
from math import ceil
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from ._sge_answers import COMMENT, PREFIX, parse_accounting, parse_details, parse_queue, parse_queues
from .base import ENDED, EXCLUSIVE, CurrentJob, JobInfo, JobState, Note, Option, QueueLimit, Scheduler, Site, gpus
from .transport import ANSWER, Output, SchedulerError

SUBMIT = 60.0  # seconds for the answer to a submission
REST = 600.0  # seconds until an accounting that was too slow is queried again
ACCOUNTED = 30.0  # seconds after its end by which a started job is in the accounting
MOST_ASKED = 10  # jobs that are queried one by one in the accounting
# Variables of the job that Snakemake may run in.
_OUTER_JOB = "SGE_(?!(ROOT|CELL|QMASTER_PORT|EXECD_PORT)$)|JOB_|PE$|PE_|QUEUE$|N(SLOTS|HOSTS|QUEUES)$|RE(STARTED|Q)"
_CLUSTER = """\
cd "${SGE_ROOT:-/var/lib/gridengine}/${SGE_CELL:-default}/common" 2> /dev/null || exit
cat cluster_name 2> /dev/null || cat act_qmaster
"""
_FULL = re.compile(r"only \d+ jobs are allowed|submits? (is|are) disabled", re.IGNORECASE)
_SILENT = re.compile(
    r"commlib error|reading answer list|unable to (contact|send message)|got (send|read) error|no response",
    re.IGNORECASE,
)
_NO_WORDS = re.compile(r"Exiting\.|verification: (no|found) suitable queue.*|error: commlib error.*", re.IGNORECASE)
_SPEAKER = re.compile(r"^(?:\w+: )?(?:error: )?(?:Unable to run job: )?(?:denied: )?(?:job rejected: )?(?:Job \d+ )?")
_NO_SUCH_JOB = re.compile(r'^denied: job "[^"]*" does not exist$|^.* (has deleted job|has registered) .*$')


class Sge(Scheduler):
    """SGE 8.1 (Son of Grid Engine) and what is compatible with it."""

    name = "sge"
    title = "SGE"
    programs = ("qsub", "qstat", "qdel", "qacct", "qconf")
    prefix = "#$"
    submit_hint = "qsub job.sh"
    own_resources: ClassVar[Mapping[str, str]] = {
        "sge_queue": "Queue of SGE.",
        "sge_project": "Project that SGE charges.",
        "sge_pe": "Parallel environment of SGE for jobs with more than one slot; smp if left out.",
        "sge_memory": "Resource of SGE that requests memory for each slot, or none; h_vmem if left out.",
        "sge_exclusive": "Request of SGE for a host without other jobs, or none; exclusive=true if left out.",
        "sge_extra": "Further options of qsub, such as -l gpu_type=a100 -R y.",
    }
    variables = (
        "JOB_ID",
        "SGE_TASK_ID",
        "SGE_CLUSTER_NAME",
        "SGE_CELL",
        "QUEUE",
        "PE",
        "NSLOTS",
        "NHOSTS",
        "RESTARTED",
    )
    words: ClassVar[Mapping[str, JobState]] = {state.name: state for state in ENDED}
    end_signals = ("SIGUSR2",)  # before the SIGKILL of qdel and of the time limit, because of -notify
    harmless_signals = ("SIGUSR1",)  # before the SIGSTOP of a suspension
    shell = """\
program=qsub

list_jobs() {
    local answer
    answer=$(qstat -r -u "$(id -un)") || return
    awk '/^ *[0-9]+ / {id = $1} /^ *Full jobname:/ {sub("^fm-", "", $3); print id, $3}' <<< "$answer"
}

submit() { # jobs to wait for
    local options=()
    if [ $# -gt 0 ]; then
        options=(-hold_jid "$(IFS=,; echo "$*")")
    fi
    qsub -terse ${options[@]+"${options[@]}"} job.sh
}
"""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._comments: Dict[str, str] = {}
        self._errors: Dict[str, str] = {}  # why a job is in error state
        self._seen: Dict[str, Set[str]] = {}  # by name, the jobs that have been in the queue
        self._gone: Dict[str, float] = {}  # when a job was missing in the queue for the first time
        self._ended: Dict[str, JobInfo] = {}
        self._accounting_rests = 0.0  # until when qacct is not asked
        self._clusters: Dict[Tuple[str, str], str] = {}  # by the variables that name a cell

    def is_available(self) -> bool:
        """Return whether SGE is available: its programs, and a cell with a qmaster."""
        return super().is_available() and bool(self.cluster())

    # Resources of jobs

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of qsub that request resources; memory is requested for each slot.

        >>> Sge().options({"threads": 4, "mem_mb": 8000, "runtime": 5, "gres": "gpu:a100:1", "sge_queue": "all.q"})
        ... # doctest: +NORMALIZE_WHITESPACE
        [('-q', 'all.q'), ('-l', 'h_rt=300'), ('-pe', 'smp', '4'), ('-l', 'h_vmem=2000M'), ('-l', 'gpu=1'),
         ('-l', 'gpu_type=a100')]
        """
        options = [
            (option, str(resources[name])) for name, option in _WORDS.items() if resources.get(name) not in {None, ""}
        ]
        if "runtime" in resources:
            options.append(("-l", f"h_rt={ceil(60 * resources['runtime'])}"))
        slots = _slots(resources)
        parallel: List[Option] = [("-pe", str(resources.get("sge_pe", "smp")), str(slots))] if slots > 1 else []
        requests = [*_memory(resources, slots), *_gpus(resources)]
        if exclusive or resources.get(EXCLUSIVE):
            requests.append(str(resources.get("sge_exclusive", "exclusive=true")))
        extra = _grouped(shlex.split(str(resources.get("sge_extra", ""))))
        return [*options, *parallel, *(("-l", request) for request in requests if request not in _NOTHING), *extra]

    def naming(self, name: str) -> List[Option]:
        """Return the options that name a job and its output, and those that every job has.

        Jobs inherit the environment, get a signal before their end, and are rerun if their node fails.
        """
        return [("-N", PREFIX + name), ("-o", "sge-$JOB_ID.log"), *_USUAL]

    def known_resources(self) -> FrozenSet[str]:
        """Return the resources of a rule that become options of qsub."""
        return frozenset({*self.own_resources, *_WORDS, *_AMOUNTS, "gres", "gpu_model", EXCLUSIVE})

    # Submission, status and cancellation

    def check(self, resources: Mapping[str, Any]) -> None:
        """Check that an empty queue of SGE could run such a job; nothing is submitted."""
        self._qsub(["-w", "v"], resources, "#!/bin/sh\n")

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a batch script, and return its number.

        The script opens its log itself, since SGE replaces ``$``, ``:`` and ``,`` in the name of an output file.
        """
        first, _, rest = script.partition("\n")
        script = f"{first}\nexec >> {shlex.quote(log)} 2>&1\n{rest}"
        naming = [("-N", PREFIX + name), ("-o", "/dev/null"), *_USUAL]
        answer = self._qsub(["-terse", *_flat(naming), "-ac", f"{COMMENT}={comment}"], resources, script)
        numbers = re.findall(r"^(\d+)$", answer, re.MULTILINE)
        if not numbers:
            raise SchedulerError(f"qsub reports no job number: {' '.join(_lines(answer))[:200]}", is_unanswered=True)
        self._seen.setdefault(name, set()).add(numbers[-1])
        return str(numbers[-1])

    def _qsub(self, arguments: List[str], resources: Mapping[str, Any], script: str) -> str:
        hidden = _OUTER_JOB if self.is_in_job() else ""
        command = ["qsub", *arguments, *_flat(self.options(resources))]
        output = self.transport.run(command, script, SUBMIT, hidden, is_inherited=True)
        if output.status:
            raise self.error(output)
        return output.stdout

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs by number, from qstat, and ended ones from qacct."""
        numbers = None if ids is None else {number for number in ids if re.match(r"\d+$", number)}
        if numbers is not None and not numbers:
            return {}
        jobs = self._queue(numbers, timeout)
        if name is not None:
            jobs = {number: job for number, job in jobs.items() if job.name == name}
            self._seen.setdefault(name, set()).update(jobs)
        gone = (self._seen.get(name or "", set()) if numbers is None else numbers) - jobs.keys()
        ends = self._ends(gone, [PREFIX + name] if name else sorted(gone)[:MOST_ASKED], timeout)
        return {**jobs, **{job.id: job for job in ends if name in {None, job.name}}}

    def _queue(self, numbers: Optional[Set[str]], timeout: float) -> Dict[str, JobInfo]:
        """Return the jobs in the queue: all of this user, or those with some numbers, of any user."""
        cluster = self.cluster(timeout)
        answer = self.ask("qstat", "-u", _user(), "-r", "-xml", timeout=timeout)
        jobs = {job.id: job for job in parse_queue(answer) if numbers is None or job.id in numbers}
        missing = {job.id for job in jobs.values() if job.is_hopeless and job.id not in self._errors}
        missing |= jobs.keys() - self._comments.keys() if numbers is None else numbers - jobs.keys() - self._gone.keys()
        if missing:
            answer = self.ask("qstat", "-j", ",".join(sorted(missing)), "-xml", timeout=timeout)
            for job in parse_details(answer):
                self._comments[job.id] = job.comment
                if job.is_hopeless:
                    self._errors[job.id] = job.reason
                if job.id in missing:
                    jobs.setdefault(job.id, job)
        return {job.id: self._complete(job, cluster) for job in jobs.values()}

    def _complete(self, job: JobInfo, cluster: str) -> JobInfo:
        reason = self._errors.get(job.id, "") if job.is_hopeless else ""
        comment = self._comments.get(job.id, job.comment)
        return job._replace(comment=comment, reason=reason or job.reason, cluster=cluster)

    def _ends(self, gone: Set[str], selections: List[str], timeout: float) -> List[JobInfo]:
        """Return the jobs that are no longer in the queue, as far as the accounting has them."""
        now = time.monotonic()
        for number in gone:
            self._gone.setdefault(number, now)
        unknown = gone - self._ended.keys()
        if unknown and now >= self._accounting_rests:
            try:
                self._read_accounting(unknown, selections, timeout)
            except SchedulerError:  # qacct reads a file of any size
                self._accounting_rests = now + REST
        return [self._complete(self._ended[number], self.cluster()) for number in sorted(gone & self._ended.keys())]

    def _read_accounting(self, unknown: Set[str], selections: List[str], timeout: float) -> None:
        for selection in selections:
            output = self.transport.run(["qacct", "-j", selection], timeout=timeout)
            self._ended.update((job.id, job) for job in parse_accounting(output.stdout) if job.id in unknown)
        names = {number: name for name, numbers in self._seen.items() for number in numbers}
        for number in unknown & names.keys() - self._ended.keys():
            if time.monotonic() - self._gone[number] > ACCOUNTED:  # only jobs that never started are missing there
                reason = "it was deleted before it began"
                self._ended[number] = JobInfo(number, names[number], JobState.CANCELLED, "CANCELLED", reason)

    def cancel(self, ids: Iterable[str], timeout: float = SUBMIT) -> None:
        """Cancel queued and running jobs; because of ``-notify`` they get a signal first."""
        numbers = sorted(ids)
        output = self.transport.run(["qdel", *numbers], timeout=timeout) if numbers else Output(0, "", "")
        complaints = [line for line in _lines(output.stdout + output.stderr) if not _NO_SUCH_JOB.match(line)]
        if output.status and complaints:
            raise self.error(Output(output.status, "", "\n".join(complaints)))

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name in the installation of the cell, or the host of its qmaster."""
        cell = (os.environ.get("SGE_ROOT", ""), os.environ.get("SGE_CELL", ""))
        if cell not in self._clusters:
            try:
                self._clusters[cell] = self.transport.run(["sh", "-c", _CLUSTER], timeout=timeout).stdout.strip()
            except SchedulerError:
                return ""
        return self._clusters[cell]

    # In a job

    def is_in_job(self) -> bool:
        """Return whether this process runs in a job: other programs have a variable ``JOB_ID``, too."""
        return os.environ.get("JOB_ID", "").isdigit() and "SGE_TASK_ID" in os.environ

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in; SGE reports whether it was restarted, but not how often."""
        if not self.is_in_job():
            return None
        hosts = os.environ.get("NHOSTS", "")
        return CurrentJob(
            id=os.environ["JOB_ID"],
            cluster=self.cluster(),
            restarts=int(os.environ.get("RESTARTED") == "1"),
            node=os.environ.get("HOSTNAME", ""),
            nodes=int(hosts) if hosts.isdigit() else 0,
            memory=max(0, resource.getrlimit(resource.RLIMIT_AS)[0]),  # infinity is below 0
        )

    # For checks and messages

    def version(self, timeout: float = ANSWER) -> str:
        """Return the version, and the cluster's name."""
        self.ask("qconf", "-sql", timeout=timeout)
        lines = _lines(self.transport.run(["qstat", "-help"], timeout=timeout).stdout)
        return f"{(lines or ['?'])[0]}, cluster {self.cluster(timeout) or '?'}".replace("SGE ", "", 1)

    def site(self, timeout: float = ANSWER) -> Site:
        """Return the queues, parallel environments and projects, and whether all queues are up."""
        kinds = {"sge_queue": "-sql", "sge_pe": "-spl", "sge_project": "-sprjl"}
        values = {name: self._names(option, timeout) for name, option in kinds.items()}
        states = parse_queues(self.ask("qstat", "-f", "-u", _user(), "-xml", timeout=timeout))
        hosts = {host.partition(".")[0] for host in self._names("-sel", timeout)}
        return Site(values, frozenset(hosts - {"localhost"}), not any(states.values()))

    def _names(self, option: str, timeout: float) -> List[str]:
        """Return the names that qconf lists; it reports an empty list as an error."""
        output = self.transport.run(["qconf", option], timeout=timeout)
        if output.status and not re.match(r"no .* defined", output.stdout + output.stderr):
            raise self.error(output)
        return [] if output.status else output.stdout.split()

    def queue_limit(self, resources: Iterable[Mapping[str, Any]], timeout: float = ANSWER) -> Optional[QueueLimit]:
        """Return ``max_u_jobs`` or ``max_jobs`` of the global configuration, where 0 means no limit."""
        try:
            configuration = self.ask("qconf", "-sconf", timeout=timeout)
        except SchedulerError:
            return None
        settings = re.findall(r"^(max_(?:u_)?jobs)\s+(\d+)", configuration, re.MULTILINE)
        limits = [QueueLimit(int(jobs), setting) for setting, jobs in settings if int(jobs)]
        return min(limits, default=None)

    def notes(self, timeout: float = ANSWER) -> List[Note]:
        """Return notes on settings of the site that runs depend on: resources and parallel environments."""
        requests = set(re.findall(r"^(\S+)", self.ask("qconf", "-sc", timeout=timeout), re.MULTILINE))
        environments = self._names("-spl", timeout)
        called = "say what it is called here: "
        return [
            _note(
                "exclusive" in requests,
                "sge exclusive",
                "a job can have a host for itself",
                "there is no resource `exclusive`, which jobs with measure: exclusive ask for",
                f"use measure: shared, or {called}resources: {{sge_exclusive: NAME=true}} in machines.yaml",
            ),
            _note(
                "gpu" in requests,
                "sge gpu",
                "GPUs can be asked for",
                "there is no resource `gpu`",
                f"if there are GPUs, {called}gpus: {{a100: {{sge_extra: -l NAME=1}}}} in machines.yaml",
            ),
            _note(
                "smp" in environments,
                "sge pe",
                "smp is there for jobs with several threads",
                f"there is no parallel environment `smp`, but: {', '.join(environments) or 'none'}",
                "name one that keeps a job on one host: resources: {sge_pe: NAME} in machines.yaml",
            ),
        ]

    def error(self, output: Output) -> SchedulerError:
        """Return the error for the output of one of SGE's programs."""
        reason = plain_words(output.stderr or output.stdout) or f"it ended with status {output.status}"
        is_full = bool(_FULL.search(reason))
        is_silent = not is_full and bool(_SILENT.search(output.stderr + output.stdout))
        return SchedulerError(reason, is_full, is_unanswered=is_silent)


_NOTHING = {"", "none"}  # values of resources that stand for no request
_USUAL = [("-j", "y"), ("-cwd",), ("-V",), ("-S", "/bin/bash"), ("-notify",), ("-r", "y")]
_WORDS = {"sge_queue": "-q", "sge_project": "-P", "reservation": "-ar", "constraint": "-l"}
_AMOUNTS = ("threads", "cpus_per_task", "tasks", "cpus_per_gpu", "tasks_per_gpu", "mem_mb", "mem_mb_per_cpu", "runtime")


def _slots(resources: Mapping[str, Any]) -> int:
    _, count = gpus(resources)
    tasks = resources.get("tasks", count * resources.get("tasks_per_gpu", 0) or 1)
    cpus = resources.get("cpus_per_task", resources.get("threads", 0))
    return int(max(1, tasks * max(1, cpus or ceil(count * resources.get("cpus_per_gpu", 0) / tasks))))


def _memory(resources: Mapping[str, Any], slots: int) -> List[str]:
    name = resources.get("sge_memory", "h_vmem")
    per_slot = resources.get("mem_mb_per_cpu") or ceil(resources.get("mem_mb", 0) / slots)
    return [f"{name}={per_slot}M"] if name not in _NOTHING and per_slot else []


def _gpus(resources: Mapping[str, Any]) -> List[str]:
    model, count = gpus(resources)
    return [f"gpu={count}"] * bool(count) + [f"gpu_type={model}"] * bool(model)


def _grouped(words: Iterable[str]) -> List[Option]:
    """Return words as options, each with its values.

    >>> _grouped(["-l", "gpu=1", "-now", "n", "-R", "y"])
    [('-l', 'gpu=1'), ('-now', 'n'), ('-R', 'y')]
    """
    options: List[Option] = []
    for word in words:
        if word.startswith("-") or not options:
            options.append((word,))
        else:
            options[-1] = (*options[-1], word)
    return options


def _flat(options: Iterable[Option]) -> List[str]:
    return [word for option in options for word in option]


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _note(is_good: bool, topic: str, good: str, bad: str, advice: str) -> Note:
    return Note("ok", topic, good) if is_good else Note("warn", topic, bad, advice)


def _lines(text: str) -> List[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def plain_words(text: str) -> str:
    r"""Return the message of one of SGE's programs, without the name of the program.

    >>> plain_words('Unable to run job: Job 5 cannot run in PE "smp"\nverification: no suitable queues\nExiting.')
    'cannot run in PE "smp"'
    """
    lines = (_SPEAKER.sub("", line) for line in _lines(text) if not _NO_WORDS.fullmatch(line))
    return "; ".join(list(dict.fromkeys(filter(None, lines)))[:5])

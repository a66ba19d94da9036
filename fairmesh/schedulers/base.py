"""The interface of schedulers: one base class, which the module of each scheduler implements.

To add a scheduler, write a module of its name in this package with a subclass of ``Scheduler``; nothing else names it.
Methods that query the scheduler raise only ``SchedulerError``. A missing answer proves nothing.
"""

import os
import re
import shlex
from enum import Enum
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .transport import ANSWER, LocalTransport, Output, SchedulerError

GPU = "gpu"
EXCLUSIVE = "exclusive"  # the resource of a rule whose job uses its node exclusively
SCRATCH = "scratch_mb"  # the resource of a rule for ``disk_mb``, for which Snakemake has its own default
Option = Tuple[str, ...]  # an option and its values: ("--mem=900M",) or ("-l", "h_rt=300")


class JobState(Enum):
    """The state of a job, with the same words for all schedulers."""

    PENDING = "pending"
    """It waits in the queue, is held, or waits for another job."""
    RUNNING = "running"
    """It runs, starts, ends or is suspended; also any job that is not known to have ended."""
    DONE = "done"
    """It ended with status 0."""
    FAILED = "failed"
    """It ended with another status, or was killed for its use of memory."""
    CANCELLED = "cancelled"
    """It was ended by a user, or removed from the queue."""
    TIMEOUT = "timeout"
    """It reached its time limit."""
    LOST = "lost"
    """Its node failed, or it was preempted."""


BAD_ENDS = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.TIMEOUT, JobState.LOST})
ENDED = BAD_ENDS | {JobState.DONE}


class JobInfo(NamedTuple):
    """A job as the scheduler describes it.

    Parameters
    ----------
    id, name : str
        Its number, and its name.
    state : JobState
        Its state.
    word : str
        The scheduler's word for the state, for messages; one of ``Scheduler.words`` if the job has ended.
    reason : str
        Why it waits, or why it ended; empty if there is no reason.
    restarts : int
        How often it was requeued after its start.
    node : str
        The node that it runs or ran on; empty if it was never started.
    comment : str
        Its comment, from ``submit``.
    cluster : str
        The same as the scheduler's ``cluster``.
    time_limit : float or None
        Its time limit in seconds.
    is_hopeless : bool
        Whether it can never start, so that an executor would wait forever.
    """

    id: str
    name: str
    state: JobState
    word: str
    reason: str = ""
    restarts: int = 0
    node: str = ""
    comment: str = ""
    cluster: str = ""
    time_limit: Optional[float] = None
    is_hopeless: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDED


class CurrentJob(NamedTuple):
    """The job that this process runs in, from its environment, without a query.

    Parameters
    ----------
    id : str
        Its number.
    cluster : str
        Its cluster, the same text that ``Scheduler.cluster`` returns there; empty if it is not known.
    restarts : int
        How often it was requeued before.
    node : str
        The scheduler's name of this node.
    nodes : int
        The number of its nodes; 0 if it is not known.
    memory : int
        Bytes of memory that it may use on this node; 0 if they are not known.
    """

    id: str
    cluster: str = ""
    restarts: int = 0
    node: str = ""
    nodes: int = 0
    memory: int = 0


class Site(NamedTuple):
    """The resources that a scheduler offers to this user.

    Parameters
    ----------
    values : mapping
        By name of a resource, the known values: ``{"slurm_partition": ["main", "gpu"]}``. A resource that is
        left out is not checked.
    hosts : frozenset of str
        The computers that are its nodes, by short name.
    is_all_up : bool
        Whether every node could accept a job; otherwise a refusal may only mean that a node is down.
    refused_by_plugin : mapping
        By name of a resource, why Snakemake's own executor for this scheduler refuses a job that names it.
    """

    values: Mapping[str, Sequence[str]]
    hosts: FrozenSet[str] = frozenset()
    is_all_up: bool = True
    refused_by_plugin: Mapping[str, str] = {}


class QueueLimit(NamedTuple):
    """The largest number of jobs in the queue, and the setting that defines it."""

    jobs: int
    setting: str


class Note(NamedTuple):
    """A line of ``fairmesh doctor``: level ``ok``, ``warn`` or ``fail``, topic, message, and what to do."""

    level: str
    topic: str
    message: str
    advice: str = ""


class Scheduler:
    """A scheduler of batch jobs.

    Resources have Snakemake's names: ``threads``, ``mem_mb``, ``disk_mb``, ``runtime`` (minutes), ``nodes``, ``tasks``,
    ``cpus_per_task``, ``cpus_per_gpu``, ``mem_mb_per_cpu``, ``tasks_per_gpu``, ``gres``, ``gpu_model``, ``constraint``,
    ``qos``, ``clusters``, ``reservation``, and the scheduler's own. Others are ignored.

    Parameters
    ----------
    transport : LocalTransport
        The object that runs its programs.
    """

    name: ClassVar[str] = ""
    """Its name in ``machines.yaml``, and that of its module."""
    title: ClassVar[str] = ""
    """Its name in messages."""
    programs: ClassVar[Tuple[str, ...]] = ()
    """The programs that must be in the path of the submitting user."""
    prefix: ClassVar[str] = ""
    """The beginning of its lines in a batch script: ``#SBATCH``."""
    submit_hint: ClassVar[str] = ""
    """The command that submits ``job.sh`` by hand, in its folder: ``sbatch job.sh``."""
    own_resources: ClassVar[Mapping[str, str]] = {}
    """Its own resources, each with a sentence that describes it: ``{"slurm_partition": "Partition of Slurm."}``."""
    variables: ClassVar[Tuple[str, ...]] = ()
    """The environment variables that describe a job; the first one has its number. Records contain them."""
    words: ClassVar[Mapping[str, JobState]] = {}
    """Its own words for states, in capital letters and underscores: ``{"OUT_OF_MEMORY": JobState.FAILED}``. Messages
    contain them, and the state is read from the messages."""
    end_signals: ClassVar[Tuple[str, ...]] = ("SIGTERM",)
    """The signals that announce the end of a job."""
    harmless_signals: ClassVar[Tuple[str, ...]] = ()
    """The signals that announce other events, such as a suspension; jobs ignore them."""
    plugin: ClassVar[str] = ""
    """The name of Snakemake's own executor for it, if profiles use that."""
    node_variable: ClassVar[str] = "HOSTNAME"
    """The variable in a job's environment that names its node."""
    node_down_words: ClassVar[str] = ""
    """The words in a refusal of ``check`` that may only mean that a node is down; empty if there are none."""
    shell: ClassVar[str] = ""
    """Functions of bash for ``submit.sh``: ``program=...``; ``list_jobs``, which writes a line ``id name`` for each
    unfinished job of this user, or fails; ``submit``, which submits job.sh of the working folder so that it begins when
    the jobs that are its arguments are done, and writes its number."""

    def __init__(self, transport: Optional[LocalTransport] = None) -> None:
        self.transport = transport or LocalTransport()

    def is_available(self) -> bool:
        """Return whether its programs are installed."""
        return all(self.transport.has(program) for program in self.programs)

    def is_job_id(self, text: str) -> bool:
        """Return whether a text can be the number of one of its jobs."""
        return re.match(r"\d+$", text) is not None

    # Resources of jobs

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of the submitting program that request resources.

        Parameters
        ----------
        resources : mapping
            Under Snakemake's names; unknown names are ignored.
        exclusive : bool
            Whether the job uses its node exclusively; ``resources[EXCLUSIVE]`` has the same meaning.
        """
        raise NotImplementedError

    def naming(self, name: str) -> List[Option]:
        """Return the options for the name of a job, and for its output file in the folder of submission."""
        raise NotImplementedError

    def directives(self, name: str, resources: Mapping[str, Any], exclusive: bool = False) -> List[str]:
        """Return the lines of a batch script that name the job and request its resources.

        Raises
        ------
        SchedulerError
            If a value is not allowed in such a line.
        """
        options = self.naming(name) + self.options(resources, exclusive)
        return [" ".join([self.prefix, *map(quote_word, option)]) for option in options]

    def known_resources(self) -> FrozenSet[str]:
        """Return the names of the resources of a rule that ``options`` reads, with ``EXCLUSIVE`` and ``SCRATCH``."""
        raise NotImplementedError

    def rule_resources(self, resources: Mapping[str, Any], exclusive: bool, inner_snakemake: bool) -> Dict[str, Any]:
        """Return the resources of a job's rule in the workflow, from which an executor submits it.

        Parameters
        ----------
        resources : mapping
            The resources of the job.
        exclusive : bool
            Whether it uses its node exclusively.
        inner_snakemake : bool
            Whether Snakemake's own executor starts a Snakemake in the job.
        """
        values = dict(resources)
        if "disk_mb" in values:
            values[SCRATCH] = values.pop("disk_mb")
        if exclusive:
            values[EXCLUSIVE] = 1
        return values

    added_resources: ClassVar[FrozenSet[str]] = frozenset({EXCLUSIVE, SCRATCH})
    """The names that ``rule_resources`` may add."""

    # Submission, status and cancellation

    def check(self, resources: Mapping[str, Any]) -> None:
        """Check that it would accept a job with the resources of a rule; nothing is submitted.

        A scheduler without such a check accepts everything.

        Raises
        ------
        SchedulerError
            If it would refuse the job, with its reason.
        """

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a batch script, to run in this working folder, and return the job's number.

        Parameters
        ----------
        script : str
            The text of the script.
        resources : mapping
            The resources of a rule.
        name : str
            The name, by which the jobs of a run are found: letters, digits and dashes.
        comment : str
            The comment, by which the job is found if there was no answer: letters, digits and dashes.
        log : str
            The absolute path of the file for the script's output; it is used literally.

        Raises
        ------
        SchedulerError
            If it is not in the queue; ``is_transient`` if a retry may succeed, ``is_unanswered`` if it may be in the
            queue nevertheless.
        """
        raise NotImplementedError

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs by number, including recently ended ones that the scheduler still knows.

        Parameters
        ----------
        ids : iterable of str, optional
            Only these, of any user; by default all of this user. Texts that are not job numbers are ignored. A job
            that is missing in the result is no longer known to the scheduler.
        name : str, optional
            Only jobs of this name.
        timeout : float
            Seconds for the answer.

        Raises
        ------
        SchedulerError
            If it does not answer.
        """
        raise NotImplementedError

    def cancel(self, ids: Iterable[str], timeout: float = ANSWER) -> None:
        """Cancel queued and running jobs; jobs that have already ended are ignored.

        Raises
        ------
        SchedulerError
            If it does not answer, or refuses.
        """
        raise NotImplementedError

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name of the cluster of this scheduler, unlike that of any other; empty if not known.

        It distinguishes a job from another cluster's job of the same number.
        """
        raise NotImplementedError

    # In a job

    def is_in_job(self) -> bool:
        """Return whether this process runs in one of its jobs."""
        return bool(self.variables and os.environ.get(self.variables[0]))

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in, None outside of jobs."""
        raise NotImplementedError

    def time_left(self) -> Optional[float]:
        """Return the seconds until the time limit of this process's job, None if there is none or it is not known.

        The limit is queried, and the time since the start is measured here, since clocks of hosts may differ.
        """
        current = self.current_job()
        if current is None:
            return None
        try:
            job = self.jobs([current.id]).get(current.id)
        except SchedulerError:
            return None
        variable = f"{self.variables[0]}={os.environ.get(self.variables[0], '')}"
        return job.time_limit - age_of_job(variable) if job and job.time_limit else None

    # For checks and messages

    def version(self, timeout: float = ANSWER) -> str:
        """Return its version, and the name of the cluster if there is one.

        Raises
        ------
        SchedulerError
            If its controller does not answer.
        """
        raise NotImplementedError

    def site(self, timeout: float = ANSWER) -> Site:
        """Return the resources that it offers to this user.

        Raises
        ------
        SchedulerError
            If its controller does not answer.
        """
        raise NotImplementedError

    def queue_limit(self, resources: Iterable[Mapping[str, Any]], timeout: float = ANSWER) -> Optional[QueueLimit]:
        """Return the limit on this user's jobs with these resources in the queue, None if there is none."""
        return None

    def notes(self, timeout: float = ANSWER) -> List[Note]:
        """Return notes for ``fairmesh doctor``: settings that runs depend on, and accounts."""
        return []

    # For implementations

    def ask(self, *command: str, text: str = "", timeout: float = ANSWER, hidden: str = "") -> str:
        """Return the output of one of its programs.

        Raises
        ------
        SchedulerError
            If the program ends with a status other than 0; see ``error``.
        """
        output = self.transport.run(command, text, timeout, hidden)
        if output.status:
            raise self.error(output)
        return output.stdout

    def error(self, output: Output) -> SchedulerError:
        """Return the error for the output of a failed program."""
        lines = [line.strip() for line in output.stderr.splitlines()]
        return SchedulerError("; ".join(filter(None, lines)) or f"status {output.status}")


def quote_word(text: str) -> str:
    """Quote a word for a batch script, like for a shell, but without line breaks."""
    if not text.isprintable():
        raise SchedulerError(f"{text!r} cannot be an option of a scheduler")
    return shlex.quote(text)


def gpus(resources: Mapping[str, Any]) -> Tuple[str, int]:
    """Return model and number of the GPUs that ``gres`` or ``gpu_model`` request.

    >>> gpus({"gres": "gpu:a100:2"}), gpus({"gres": "gpu:2"}), gpus({"gpu_model": "v100"}), gpus({})
    (('a100', 2), ('', 2), ('v100', 1), ('', 0))
    """
    model = str(resources.get("gpu_model", ""))
    for kind, name, count in parse_gres(str(resources.get("gres", GPU + ":" + model if model else ""))):
        if kind == GPU:
            return name or model, count
    return "", 0


def parse_gres(text: str) -> List[Tuple[str, str, int]]:
    """Return kind, type and count of each generic resource in the notation of ``gres``, which is Slurm's.

    >>> parse_gres("gpu:a100:4(S:0-1),shard:8,nic")
    [('gpu', 'a100', 4), ('shard', '', 8), ('nic', '', 1)]
    """
    resources = []
    depth, plain = 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        plain += "" if depth or character == ")" else character
    for part in filter(None, plain.replace("=", ":").split(",")):
        kind, *rest = part.split(":")
        types = [word for word in rest if not word.isdecimal()]
        counts = [int(word) for word in rest if word.isdecimal()]
        resources.append((kind, (types or [""])[0], (counts or [1])[0]))
    return resources


def age_of_job(variable: str) -> float:
    """Return the seconds since the start of the job that this process runs in, by its first process.

    Parameters
    ----------
    variable : str
        A variable in the environment of every process of the job: ``SLURM_JOB_ID=5``.
    """
    began, pid = "", os.getpid()
    while pid > 1 and variable in _read(f"/proc/{pid}/environ").split("\0"):
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if len(fields) < 20:
            break
        pid, began = int(fields[1]), fields[19]
    uptime = _read("/proc/uptime").split()
    return max(0.0, float(uptime[0]) - int(began) / os.sysconf("SC_CLK_TCK")) if began and uptime else 0.0


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""

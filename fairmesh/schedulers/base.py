"""What fairmesh needs of a scheduler: one class, of which each scheduler's module has an implementation.

To add a scheduler, write a module of its name in this package with a subclass of ``Scheduler``; nothing else names it.
Methods that talk to the scheduler raise ``SchedulerError`` and nothing else. No answer is never proof of anything.
"""

import os
import re
import shlex
from enum import Enum
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .transport import ANSWER, LocalTransport, Output, SchedulerError

GPU = "gpu"
EXCLUSIVE = "exclusive"  # the resource of a rule whose job has its node for itself
SCRATCH = "scratch_mb"  # the resource of a rule for ``disk_mb``, for which Snakemake has a default of its own
Option = Tuple[str, ...]  # an option and its values: ("--mem=900M",) or ("-l", "h_rt=300")


class JobState(Enum):
    """What a job is at, in the same words for all schedulers."""

    PENDING = "pending"
    """It waits in the queue, held jobs and such as wait for another job too."""
    RUNNING = "running"
    """It runs, begins, ends, or is suspended; also what is not known to have ended."""
    DONE = "done"
    """It ended with status 0."""
    FAILED = "failed"
    """It ended with another status, or was killed for its use of memory."""
    CANCELLED = "cancelled"
    """Somebody ended it, or took it out of the queue."""
    TIMEOUT = "timeout"
    """It reached its time limit."""
    LOST = "lost"
    """Its node failed, or it had to make room."""


BAD_ENDS = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.TIMEOUT, JobState.LOST})
ENDED = BAD_ENDS | {JobState.DONE}


class JobInfo(NamedTuple):
    """A job as the scheduler describes it.

    Parameters
    ----------
    id, name : str
        Its number, and its name.
    state : JobState
        What it is at.
    word : str
        The scheduler's own word for that, for messages: one of ``Scheduler.words`` where the job has ended.
    reason : str
        Why it waits, or why it ended like this; empty if there is nothing to say.
    restarts : int
        How often it was put back into the queue after it had begun.
    node : str
        Where it runs or ran; empty if it never began.
    comment : str
        The text that ``submit`` gave it.
    cluster : str
        The same as the scheduler's ``cluster``.
    time_limit : float or None
        Seconds that it may run.
    is_hopeless : bool
        Whether it waits for what can never come, so that an executor would wait for ever.
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
        """Whether nothing of it runs any more, and nothing will."""
        return self.state in ENDED


class CurrentJob(NamedTuple):
    """The job that this process runs in, as far as its environment tells: nobody is asked.

    Parameters
    ----------
    id : str
        Its number.
    cluster : str
        The cluster that gave it; the same text as ``Scheduler.cluster`` returns there, empty if that is not known.
    restarts : int
        How often it was put back into the queue before.
    node : str
        The scheduler's name of this node.
    nodes : int
        How many nodes it has; 0 if that is not known.
    memory : int
        Bytes of memory that it may use on this node; 0 if that is not known.
    """

    id: str
    cluster: str = ""
    restarts: int = 0
    node: str = ""
    nodes: int = 0
    memory: int = 0


class Site(NamedTuple):
    """What a scheduler offers to this user.

    Parameters
    ----------
    values : mapping
        By name of a resource, the values that it knows: ``{"slurm_partition": ["main", "gpu"]}``. A resource that is
        left out is not checked.
    hosts : frozenset of str
        The computers that are its nodes, by short name.
    is_all_up : bool
        Whether every node could take a job; otherwise a refusal may only mean that a node is down.
    refused_by_plugin : mapping
        By name of a resource, why Snakemake's own executor for this scheduler refuses a job that names it.
    """

    values: Mapping[str, Sequence[str]]
    hosts: FrozenSet[str] = frozenset()
    is_all_up: bool = True
    refused_by_plugin: Mapping[str, str] = {}


class QueueLimit(NamedTuple):
    """A number of jobs that may be in the queue, and the setting that says so."""

    jobs: int
    setting: str


class Note(NamedTuple):
    """A line of ``fairmesh doctor``: level ``ok``, ``warn`` or ``fail``, topic, what is found, what to do."""

    level: str
    topic: str
    found: str
    advice: str = ""


class Scheduler:
    """A scheduler of batch jobs.

    Resources have Snakemake's names: ``threads``, ``mem_mb``, ``disk_mb``, ``runtime`` (minutes), ``nodes``, ``tasks``,
    ``cpus_per_task``, ``cpus_per_gpu``, ``mem_mb_per_cpu``, ``tasks_per_gpu``, ``gres``, ``gpu_model``, ``constraint``,
    ``qos``, ``clusters``, ``reservation``, and the scheduler's own. What has no meaning for a scheduler is left out.

    Parameters
    ----------
    transport : LocalTransport
        What runs its programs.
    """

    name: ClassVar[str] = ""
    """Its name in ``machines.yaml``, and that of its module."""
    title: ClassVar[str] = ""
    """Its name in messages."""
    programs: ClassVar[Tuple[str, ...]] = ()
    """The programs that must be in the path of who submits."""
    prefix: ClassVar[str] = ""
    """What begins its lines in a batch script: ``#SBATCH``."""
    submit_hint: ClassVar[str] = ""
    """How a person submits ``job.sh`` by hand, in its folder: ``sbatch job.sh``."""
    own_resources: ClassVar[Mapping[str, str]] = {}
    """Its own resources, each with a sentence that describes it: ``{"slurm_partition": "Partition of Slurm."}``."""
    variables: ClassVar[Tuple[str, ...]] = ()
    """The variables that describe a job, in its environment; the first has its number. They go into records."""
    words: ClassVar[Mapping[str, JobState]] = {}
    """Its own words for states, in capital letters and underscores: ``{"OUT_OF_MEMORY": JobState.FAILED}``. They stand
    in messages, from which the state is read again."""
    end_signals: ClassVar[Tuple[str, ...]] = ("SIGTERM",)
    """The signals by which it announces the end of a job."""
    harmless_signals: ClassVar[Tuple[str, ...]] = ()
    """The signals by which it announces something else, such as a suspension; jobs ignore them."""
    plugin: ClassVar[str] = ""
    """The name of Snakemake's own executor for it, where a profile uses that."""
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
        """Return whether its programs are here."""
        return all(self.transport.has(program) for program in self.programs)

    def is_job_id(self, text: str) -> bool:
        """Return whether a text can be the number of one of its jobs."""
        return re.match(r"\d+$", text) is not None

    # What a job asks for

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of the submitting program that ask for resources.

        Parameters
        ----------
        resources : mapping
            Under Snakemake's names; names that are not known are passed over.
        exclusive : bool
            Whether the job has its node for itself; ``resources[EXCLUSIVE]`` says the same.
        """
        raise NotImplementedError

    def naming(self, name: str) -> List[Option]:
        """Return the options that name a job, and the file of its output in the folder of submission."""
        raise NotImplementedError

    def directives(self, name: str, resources: Mapping[str, Any], exclusive: bool = False) -> List[str]:
        """Return the lines of a batch script that name the job and ask for its resources.

        Raises
        ------
        SchedulerError
            If a value cannot stand in such a line.
        """
        options = self.naming(name) + self.options(resources, exclusive)
        return [" ".join([self.prefix, *map(quote_word, option)]) for option in options]

    def known_resources(self) -> FrozenSet[str]:
        """Return the names of the resources of a rule that ``options`` reads, ``EXCLUSIVE`` and ``SCRATCH`` too."""
        raise NotImplementedError

    def rule_resources(self, resources: Mapping[str, Any], exclusive: bool, inner_snakemake: bool) -> Dict[str, Any]:
        """Return the resources of a job's rule in the workflow, from which an executor submits it.

        Parameters
        ----------
        resources : mapping
            What the job asks for.
        exclusive : bool
            Whether it has its node for itself.
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

    # What a scheduler does

    def check(self, resources: Mapping[str, Any]) -> None:
        """Ask whether it would take a job with the resources of a rule; nothing is submitted.

        A scheduler that cannot say so beforehand accepts everything here.

        Raises
        ------
        SchedulerError
            If it would not, with its reason.
        """

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a batch script, to run in this working folder, and return the job's number.

        Parameters
        ----------
        script : str
            Its text.
        resources : mapping
            Those of a rule.
        name : str
            By which the jobs of a run are found: letters, digits and dashes.
        comment : str
            What the job carries, so that it is found if there was no answer: letters, digits and dashes.
        log : str
            The absolute path of the file for the script's output; no character in it has another meaning.

        Raises
        ------
        SchedulerError
            If it is not in the queue; ``is_transient`` if it can be tried again, ``is_unanswered`` if it may be in the
            queue all the same.
        """
        raise NotImplementedError

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs by number, also those that ended lately as far as the scheduler knows them.

        Parameters
        ----------
        ids : iterable of str, optional
            Only these, whoever's they are; without, all of this user. What is not a job's number is passed over. A job
            that the scheduler answers for and is missing in the result is one that it does not know any more.
        name : str, optional
            Only those of this name.
        timeout : float
            Seconds for the answer.

        Raises
        ------
        SchedulerError
            If it does not answer.
        """
        raise NotImplementedError

    def cancel(self, ids: Iterable[str], timeout: float = ANSWER) -> None:
        """Take jobs out of the queue, or end them; jobs that are gone already are no error.

        Raises
        ------
        SchedulerError
            If it does not answer, or refuses.
        """
        raise NotImplementedError

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name of the cluster whose scheduler answers here, no other scheduler's; empty if not known.

        It distinguishes a job from another cluster's job of the same number.
        """
        raise NotImplementedError

    # What a job knows of itself

    def is_in_job(self) -> bool:
        """Return whether this process runs in one of its jobs."""
        return bool(self.variables and os.environ.get(self.variables[0]))

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in, None outside of any."""
        raise NotImplementedError

    def time_left(self) -> Optional[float]:
        """Return the seconds until the time limit of this process's job, None if there is none or it is not known.

        The limit is asked for, the time since the beginning is measured here: clocks of two hosts may differ.
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

    # What a person asks about it

    def version(self, timeout: float = ANSWER) -> str:
        """Return its version, and the name of the cluster if there is one, when its controller answers.

        Raises
        ------
        SchedulerError
            If it does not.
        """
        raise NotImplementedError

    def site(self, timeout: float = ANSWER) -> Site:
        """Return what it offers to this user.

        Raises
        ------
        SchedulerError
            If its controller does not answer.
        """
        raise NotImplementedError

    def queue_limit(self, resources: Iterable[Mapping[str, Any]], timeout: float = ANSWER) -> Optional[QueueLimit]:
        """Return how many jobs with these resources this user may have in the queue, None if that is not limited."""
        return None

    def notes(self, timeout: float = ANSWER) -> List[Note]:
        """Return what else ``fairmesh doctor`` shows of it: settings that runs depend on, accounts."""
        return []

    # For implementations

    def ask(self, *command: str, text: str = "", timeout: float = ANSWER, hidden: str = "") -> str:
        """Return what one of its programs writes.

        Raises
        ------
        SchedulerError
            As ``error`` reads it, if the program ends with a status other than 0.
        """
        output = self.transport.run(command, text, timeout, hidden)
        if output.status:
            raise self.error(output)
        return output.stdout

    def error(self, output: Output) -> SchedulerError:
        """Return the error that a program means which did not end well."""
        lines = [line.strip() for line in output.stderr.splitlines()]
        return SchedulerError("; ".join(filter(None, lines)) or f"status {output.status}")


def quote_word(text: str) -> str:
    """Quote a word as schedulers read it in a batch script: like a shell, but a line is a line."""
    if not text.isprintable():
        raise SchedulerError(f"{text!r} cannot be an option of a scheduler")
    return shlex.quote(text)


def gpus(resources: Mapping[str, Any]) -> Tuple[str, int]:
    """Return model and number of the GPUs that ``gres`` or ``gpu_model`` ask for.

    >>> gpus({"gres": "gpu:a100:2"}), gpus({"gres": "gpu:2"}), gpus({"gpu_model": "v100"}), gpus({})
    (('a100', 2), ('', 2), ('v100', 1), ('', 0))
    """
    model = str(resources.get("gpu_model", ""))
    for kind, name, count in parse_gres(str(resources.get("gres", GPU + ":" + model if model else ""))):
        if kind == GPU:
            return name or model, count
    return "", 0


def parse_gres(text: str) -> List[Tuple[str, str, int]]:
    """Return kind, type and count of each generic resource in Slurm's notation, in which ``gres`` is written.

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
    """Return the seconds since the first process began of the job that this process runs in.

    Parameters
    ----------
    variable : str
        What every process of the job has in its environment: ``SLURM_JOB_ID=5``.
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

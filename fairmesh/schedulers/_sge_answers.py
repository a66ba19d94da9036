"""Parse the output of SGE's programs: the XML of qstat, and the accounting of qacct."""

import re
from typing import TYPE_CHECKING, Dict, Iterator, Mapping, Optional, Tuple

from .base import JobInfo, JobState
from .transport import SchedulerError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

COMMENT = "fairmesh"  # the variable of a job's context
PREFIX = "fm-"  # of the names of jobs, which cannot begin with a digit in SGE
LARGEST = 64 << 20  # characters of an answer that are read
# Codes of qacct's `failed`, and statuses that a signal leaves: SIGKILL, the two warnings, SIGTERM.
_HOST_FAILED = (19, 20, 21, 22)  # its daemon found leftovers of the job after a restart
_RESCHEDULED, _LIMIT, _SIGNAL = 25, 37, 100
_ANNOUNCED, _KILLED = (138, 140, 143), 137


def _xml(text: str) -> "Element":
    """Return the document of an answer; refuse entities, which could expand or refer to other files."""
    from xml.etree import ElementTree  # noqa: PLC0415  takes 10 ms, and every command imports this module

    if len(text) > LARGEST or re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise SchedulerError("cannot read the output of qstat: it is too large, or not plain XML")
    try:
        return ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError) as error:
        raise SchedulerError(f"cannot read the output of qstat: {error}") from None


def _text(element: "Element", path: str) -> str:
    return (element.findtext(path) or "").strip()


def parse_queue(text: str) -> Iterator[JobInfo]:
    """Yield the jobs of ``qstat -r -xml``.

    Raises
    ------
    SchedulerError
        If the text is not such an answer.
    """
    for job in _xml(text).iter("job_list"):
        number, letters = _text(job, "JB_job_number"), _text(job, "state")
        is_pending = bool(set(letters) & set("qw"))
        limits = [request.text or "" for request in job.iter("hard_request") if request.get("name") == "h_rt"]
        if number.isdigit():
            yield JobInfo(
                id=number,
                name=_own_name(_text(job, "full_job_name") or _text(job, "JB_name")),
                state=JobState.PENDING if is_pending else JobState.RUNNING,
                word=letters,
                reason=next((reason for letter, reason in _REASONS.items() if letter in letters), ""),
                restarts=int("R" in letters),
                node=_text(job, "queue_name").rpartition("@")[2],
                time_limit=parse_time(limits[0]) if limits else None,
                is_hopeless=is_pending and "E" in letters,
            )


_REASONS = {"E": "it is in error state", "d": "it is being deleted", "h": "it is held", "s": "it is suspended"}


def parse_details(text: str) -> Iterator[JobInfo]:
    """Yield the jobs of ``qstat -j NUMBERS -xml``, which has neither letters of states nor restarts.

    Raises
    ------
    SchedulerError
        If the text is not such an answer.
    """
    for job in _xml(text).iterfind("djob_info/element"):
        status, errors = _text(job, "JB_ja_tasks/ulong_sublist/JAT_status"), job.iter("QIM_message")
        context = {_text(pair, "VA_variable"): _text(pair, "VA_value") for pair in job.iter("context_list")}
        error = "; ".join(_TIMESTAMP.sub("", message.text or "").strip() for message in errors)
        is_running = status.isdigit() and bool(int(status) & _ACTIVE) and not error
        limits = [
            _text(request, "CE_stringval")
            for request in job.iter("qstat_l_requests")
            if _text(request, "CE_name") == "h_rt"
        ]
        if _text(job, "JB_job_number").isdigit():
            yield JobInfo(
                id=_text(job, "JB_job_number"),
                name=_own_name(_text(job, "JB_job_name")),
                state=JobState.RUNNING if is_running else JobState.PENDING,
                word="r" if is_running else "qw",
                reason=error,
                comment=context.get(COMMENT, ""),
                time_limit=parse_time(limits[0]) if limits else None,
                is_hopeless=bool(error),
            )


def parse_queues(text: str) -> Dict[str, str]:
    """Return the state of each queue instance of ``qstat -f -xml`` in SGE's letters, empty if it is up."""
    return {_text(queue, "name"): _text(queue, "state") for queue in _xml(text).iter("Queue-List")}


_ACTIVE = 0x80 | 0x100 | 0x200  # running, suspended, in transfer to its host
_TIMESTAMP = re.compile(r"^[\d/]+ [\d:]+ (?:\[\d+:\d+\]: )?(?:error: )?")


def parse_accounting(text: str) -> Iterator[JobInfo]:
    """Yield the jobs of ``qacct -j``, from the last record of each."""
    jobs = {}
    for record in re.split(r"^=+$", text, flags=re.MULTILINE):
        fields = dict(re.findall(r"^(\w+) +(\S.*?) *$", record, re.MULTILINE))
        if fields.get("jobnumber", "").isdigit():
            jobs[fields["jobnumber"]] = fields
    for number, fields in jobs.items():
        state, reason = _end(fields)
        has_host = state is JobState.LOST or not fields.get("start_time", "-/-").startswith("-/-")
        yield JobInfo(
            id=number,
            name=_own_name(fields.get("jobname", "")),
            state=state,
            word=state.name,
            reason=reason,
            node=fields.get("hostname", "") if has_host else "",
            time_limit=_limit(fields),
        )


def _end(fields: Mapping[str, str]) -> Tuple[JobState, str]:
    """Return the state for a record of the accounting, and SGE's message."""
    code, words = _number(fields.get("failed", "")), fields.get("failed", "").partition(":")[2].strip()
    status, limit = _number(fields.get("exit_status", "")), _limit(fields)
    if code == 0:
        return (JobState.FAILED, f"exit status {status}") if status else (JobState.DONE, "")
    if code == _RESCHEDULED:  # and it was not restarted
        return JobState.CANCELLED, "it was deleted before it began again"
    if code == _LIMIT:
        is_time = limit is not None and float(_number(fields.get("ru_wallclock", ""))) >= limit
        return (JobState.TIMEOUT if is_time else JobState.FAILED), words
    if code == _SIGNAL and status in _ANNOUNCED:
        return JobState.CANCELLED, "it was deleted, or killed"
    if code in _HOST_FAILED or (code == _SIGNAL and status == _KILLED):  # a deletion is announced first
        return JobState.LOST, f"its host failed, or it was killed without notice: {words}"
    return JobState.FAILED, f"SGE could not run it: {words}" if code < _SIGNAL else words


def _number(text: str) -> int:
    match = re.match(r"\d{1,9}", text)
    return int(match.group()) if match else 0


def _limit(fields: Mapping[str, str]) -> Optional[float]:
    match = re.search(r"\bh_rt=([\d:]+)", fields.get("category", ""))
    return parse_time(match.group(1)) if match else None


def _own_name(name: str) -> str:
    return name[len(PREFIX) :] if name.startswith(PREFIX) else name


def parse_time(text: str) -> Optional[float]:
    """Return the seconds of a time as SGE writes it.

    >>> parse_time("300"), parse_time("1:02:03"), parse_time("300.000000"), parse_time("INFINITY")
    (300.0, 3723.0, 300.0, None)
    """
    match = re.match(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,9})(?:\.\d*)?$", text.strip())
    if not match:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float((hours * 60 + minutes) * 60 + seconds)

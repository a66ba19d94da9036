"""Check what a machine answers: it may be wrong, also on purpose."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairmesh.jobs.reading import Shape, ShapeError, check
from fairmesh.machines.transport import RequestError
from fairmesh.printing import one_line
from fairmesh.runner import protocol

ABSENT = "absent"
_STATES = {ABSENT, *protocol.STATES}
_MOST_ATTEMPTS = 1_000_000
_LONGEST = 1000  # characters of a text
_LARGEST_NUMBER = 1e12
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_JOB_ID = re.compile(r"[\w.\[\]-]{0,60}", re.ASCII)
_TEXTS = ("reason", "message", "host", "node", "run", "fingerprint", "memory", "started", "updated", "ended")
_NUMBERS = ("progress", "heartbeat", "exit_code")
_STATUS: Shape = {"state": str, **dict.fromkeys(_TEXTS, str), **dict.fromkeys(_NUMBERS, (int, float))}


@dataclass(frozen=True)
class RemoteState:
    """The state of a job on a machine.

    Parameters
    ----------
    number : int
        The number of its last attempt or start; 0 if there is none.
    state, reason : str
        ``absent`` or a state of the runner, and the reason.
    job_id : str
        The scheduler's job.
    is_over : bool
        Whether the attempt has ended; it has if there is none.
    is_committed : bool
        Whether there is a result with the planned fingerprint.
    is_silent : bool
        Whether the attempt gives no sign of life, without proof that it has ended.
    status : mapping
        The last status of the attempt, with known keys alone; empty if there is none.
    has_begun : bool
        Whether the runner has claimed the attempt.
    needs_start : bool
        Whether a start was interrupted on the machine; its repetition completes it.
    problem : str
        Why a request to start it was not carried out.
    is_refused : bool
        Whether a person must act before that request can succeed.
    """

    number: int = 0
    state: str = ABSENT
    reason: str = ""
    job_id: str = ""
    is_over: bool = True
    is_committed: bool = False
    is_silent: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    has_begun: bool = False
    needs_start: bool = False
    problem: str = ""
    is_refused: bool = False


def read_states(answer: Mapping[str, Any], folders: Collection[str], host: str) -> dict[str, RemoteState]:
    """Return the states of jobs by folder.

    Parameters
    ----------
    answer : mapping
        The answer of a machine.
    folders : collection of str
        The folders of which it must know the state.
    host : str
        Its name in messages.

    Raises
    ------
    RequestError
        If a state is missing or malformed.
    """
    jobs = answer.get("jobs")
    if not isinstance(jobs, dict) or not all(isinstance(jobs.get(folder), dict) for folder in folders):
        raise RequestError(f"{host}: its answer does not have the states of all jobs")
    try:
        return {folder: _state(jobs[folder]) for folder in folders}
    except ShapeError as error:
        raise RequestError(f"{host}: the state of a job is malformed: {error}") from None


_STATE: Shape = {
    "number": int,
    **dict.fromkeys(("state", "reason", "job_id", "problem", "kind"), str),
    **dict.fromkeys(("is_over", "is_committed", "is_silent", "needs_start"), bool),
    "status": dict,
    "claim": dict,
}


def _state(values: Mapping[str, Any]) -> RemoteState:
    check(values, _STATE)
    number, state = values.get("number") or 0, values.get("state")
    if not 0 <= number < _MOST_ATTEMPTS or state not in _STATES:
        raise ShapeError(f"attempt {number} is {state!r:.40}")
    job_id = values.get("job_id") or ""
    return RemoteState(
        number=number,
        state=state,
        reason=_text(values.get("reason")),
        job_id=job_id if _JOB_ID.fullmatch(job_id) else "",
        is_over=bool(values.get("is_over")) or state == ABSENT,
        is_committed=bool(values.get("is_committed")),
        is_silent=bool(values.get("is_silent")),
        status=_status(values.get("status") or {}),
        has_begun=bool(values.get("status") or values.get("claim")),
        needs_start=bool(values.get("needs_start")),
        problem=_text(values.get("problem")),
        is_refused=bool(values.get("problem")) and values.get("kind") != "retry",
    )


def _status(values: Mapping[str, Any]) -> dict[str, Any]:
    check(values, _STATUS)
    texts = {key: _text(values[key]) for key in _TEXTS if values.get(key) is not None}
    numbers = {key: values[key] for key in _NUMBERS if values.get(key) is not None}
    for key, number in numbers.items():
        if not abs(number) < _LARGEST_NUMBER:
            raise ShapeError(f"{key} is too large")
    state = {"state": values["state"]} if values.get("state") in protocol.STATES else {}
    return {**state, **texts, **numbers}


def _text(value: Any) -> str:
    return one_line(str(value or "")[:_LONGEST])


def read_manifest(answer: Mapping[str, Any], host: str) -> dict[str, str]:
    """Return the SHA-256 of the files that a machine sends, by path.

    Raises
    ------
    RequestError
        If they are malformed.
    """
    files = answer.get("manifest")
    if not isinstance(files, dict) or not all(_is_hash(text) for text in files.values()):
        raise RequestError(f"{host}: its list of files is malformed")
    return files


def _is_hash(text: object) -> bool:
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))


def read_names(answer: Mapping[str, Any], key: str, host: str) -> set[str]:
    """Return a list of texts as a set.

    Raises
    ------
    RequestError
        If it is something else.
    """
    names = answer.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestError(f"{host}: {key} in its answer is no list of names")
    return set(names)

"""Several jobs of a study in one job of a scheduler: which go together, their script, and the files of a bundle."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.files import canonical_json, write_json
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import FORMAT
from fairmesh.schedulers import Scheduler

RUNTIME = "runtime"
LARGEST = ("mem_mb", "mem_mb_per_cpu", "threads", "cpus_per_task")
MEMBERS, PROGRESS, LOG = "json", "progress", "log"
_COMMENT = "fairmesh-bundle-"


def known_resources(resources: Mapping[str, Any], threads: int, scheduler: Scheduler) -> dict[str, Any]:
    """Return what of a rule's resources is for the scheduler."""
    names = scheduler.known_resources()
    return {"threads": threads, **{name: value for name, value in resources.items() if name in names}}


@dataclass(frozen=True)
class Member:
    """A job of the study that can share one of the scheduler's with others.

    Parameters
    ----------
    folder : str
        The job folder.
    log : str
        What gets the output of job.sh.
    record : str
        What it is to make.
    arguments : tuple of str
        Further ones of job.sh.
    resources : mapping
        What it asks for, under Snakemake's names.
    """

    folder: str
    log: str
    record: str
    arguments: tuple[str, ...]
    resources: Mapping[str, Any]


def bundles(members: Iterable[Member], size: int) -> list[list[Member]]:
    """Put jobs together that ask for the same kind of place, in their order, so many at most.

    >>> jobs = [Member(name, "log", "record", (), {"gres": gpu}) for name, gpu in (("a", "x"), ("b", "y"), ("c", "x"))]
    >>> [[job.folder for job in bundle] for bundle in bundles(jobs, 5)]
    [['a', 'c'], ['b']]
    """
    alike: dict[str, list[Member]] = {}
    for member in members:
        alike.setdefault(_shared_key(member.resources), []).append(member)
    return [group[first : first + size] for group in alike.values() for first in range(0, len(group), size)]


def _shared_key(resources: Mapping[str, Any]) -> str:
    """Return what jobs must share: all resources except amounts, of which the largest counts."""
    amounts = {RUNTIME, *LARGEST}
    return canonical_json({name: None if name in amounts else value for name, value in resources.items()})


def resources_of(bundle: Sequence[Member]) -> dict[str, Any]:
    """Return what jobs ask for that run one after another: their times in sum, of other amounts the largest.

    >>> one, other = {"runtime": 5, "mem_mb": 9}, {"runtime": 2, "mem_mb": 7}
    >>> resources_of([Member("a", "log", "record", (), one), Member("b", "log", "record", (), other)])
    {'runtime': 7, 'mem_mb': 9}
    """
    asked = dict(bundle[0].resources)
    for name in asked:
        values = [member.resources[name] for member in bundle]
        if name == RUNTIME:
            asked[name] = sum(values)
        elif name in LARGEST:
            asked[name] = max(values)
    return asked


def script(
    members: Sequence[Member], progress: str, node_variable: str = "HOSTNAME", ignored: Sequence[str] = ()
) -> str:
    """Return the text of a batch script.

    Parameters
    ----------
    members : sequence of Member
        What it runs.
    progress : str
        The file that says how far it is.
    node_variable : str
        The variable that names the node.
    ignored : sequence of str
        Signals that mean nothing to the jobs.
    """
    lines = [
        " ".join(["run", *map(shlex.quote, (str(number), job.log, job.folder, job.record, *job.arguments))])
        for number, job in enumerate(members)
    ]
    traps = "\n".join(f"trap {shlex.quote(_trap(name, ignored))} {name}" for name in _PASSED_ON)
    return _SCRIPT.format(progress=shlex.quote(progress), node=node_variable, traps=traps, lines="\n".join(lines))


def _trap(name: str, ignored: Sequence[str]) -> str:
    return "" if f"SIG{name}" in ignored else f"pass_on {name}"


_PASSED_ON = ("TERM", "INT", "HUP", "USR1", "USR2")


_SCRIPT = """\
#!/usr/bin/env bash
# Jobs of a study, one after another; what becomes of one is nothing to the others.
progress={progress}
stopped='' signalled='' job='' worst=0

pass_on() {{ # signal
    stopped=yes signalled=yes
    [ -z "$job" ] || kill -s "$1" "$job" 2> /dev/null
}}
{traps}

note() {{ # line; a folder that cannot be written for a while is waited for
    for _ in {{1..300}}; do
        ! echo "$1" >> "$progress" || return 0
        sleep 2
    done
}} 2> /dev/null

run() {{ # number, log, folder, record, arguments of job.sh
    local number=$1 log=$2 folder=$3 record=$4 status=0
    shift 4
    [ -z "$stopped" ] || return
    ! grep -q "^$number ended" "$progress" 2> /dev/null || return # before this job was put back into the queue
    note "$number begun ${{{node}:-$HOSTNAME}}"
    [ -z "$stopped" ] || return
    bash "$folder/job.sh" --record "$record" "$@" > "$log" 2>&1 < /dev/null &
    job=$!
    [ -z "$stopped" ] || kill -s TERM "$job" 2> /dev/null
    while :; do # a signal ends the waiting, not the job
        signalled='' status=0
        wait "$job" || status=$?
        [ -n "$signalled" ] || break
    done
    job=''
    [ "$status" -ne 0 ] || [ -e "$record" ] || status=1 # a setup may put another program in the place of the shell
    [ "$status" -eq 0 ] || worst=1
    # What a signal ended, the scheduler may start again: only the scheduler knows.
    if [ "$status" -eq 0 ] || [ -z "$stopped" ]; then note "$number ended $status"; fi
}}

{lines}
[ -z "$stopped" ] || worst=1
exit "$worst"
"""


def bundle_file(run: Path, number: int, kind: str) -> Path:
    """Return the path of one of a bundle's files.

    >>> str(bundle_file(Path("runs/1"), 2, MEMBERS))
    'runs/1/bundles/2.json'
    """
    return run / "bundles" / f"{number}.{kind}"


def bundle_comment(number: int) -> str:
    """Return the comment that a bundle's job carries."""
    return f"{_COMMENT}{number}"


def write_members(path: Path, names: Sequence[tuple[str, str]]) -> None:
    """Write a bundle's members: machine and id, or no machine and the name of a stage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, "members": [{"machine": machine, "id": name} for machine, name in names]})


def read_members(run: Path, comment: str) -> list[tuple[str, str]]:
    """Return the members of the bundle whose job carries a comment; none if it is not one of a bundle's."""
    match = re.fullmatch(re.escape(_COMMENT) + r"(\d+)", comment)
    return _members(bundle_file(run, int(match[1]), MEMBERS)) if match else []


def all_members(run: Path) -> set[tuple[str, str]]:
    """Return the members of all bundles of a run."""
    return {name for path in bundle_file(run, 0, MEMBERS).parent.glob(f"*.{MEMBERS}") for name in _members(path)}


def _members(path: Path) -> list[tuple[str, str]]:
    content = jsonfiles.read_map(str(path))
    return [(str(member["machine"]), str(member["id"])) for member in (content or {}).get("members", [])]

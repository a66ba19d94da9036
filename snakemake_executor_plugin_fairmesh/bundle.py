"""Bundle several jobs of a study in one job of a scheduler: their grouping, script and files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.schedulers import Scheduler

RUNTIME = "runtime"
LARGEST = ("mem_mb", "mem_mb_per_cpu", "threads", "cpus_per_task")


def known_resources(resources: Mapping[str, Any], threads: int, scheduler: Scheduler) -> dict[str, Any]:
    """Return the resources of a rule that the scheduler knows."""
    names = scheduler.known_resources()
    return {"threads": threads, **{name: value for name, value in resources.items() if name in names}}


@dataclass(frozen=True)
class Member:
    """A job of the study that can be bundled with others in one job of the scheduler.

    Parameters
    ----------
    folder : str
        The job folder.
    log : str
        The file for the output of job.sh.
    record : str
        The record that it writes.
    arguments : tuple of str
        Further arguments of job.sh.
    resources : mapping
        The requested resources, under Snakemake's names.
    """

    folder: str
    log: str
    record: str
    arguments: tuple[str, ...]
    resources: Mapping[str, Any]


def bundles(members: Iterable[Member], size: int) -> list[list[Member]]:
    """Group jobs that request the same kind of resources, in order, with at most ``size`` jobs in a group.

    >>> jobs = [Member(name, "log", "record", (), {"gres": gpu}) for name, gpu in (("a", "x"), ("b", "y"), ("c", "x"))]
    >>> [[job.folder for job in bundle] for bundle in bundles(jobs, 5)]
    [['a', 'c'], ['b']]
    """
    alike: dict[str, list[Member]] = {}
    for member in members:
        alike.setdefault(_shared_key(member.resources), []).append(member)
    return [group[first : first + size] for group in alike.values() for first in range(0, len(group), size)]


def _shared_key(resources: Mapping[str, Any]) -> str:
    """Return the key that bundled jobs share: all resources except amounts, of which the largest is used."""
    amounts = {RUNTIME, *LARGEST}
    return canonical_json({name: None if name in amounts else value for name, value in resources.items()})


def resources_of(bundle: Sequence[Member]) -> dict[str, Any]:
    """Return the resources of jobs that run one after another: the sum of their times, the largest of other amounts.

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
        The jobs that it runs.
    progress : str
        The file that it writes its progress to.
    node_variable : str
        The environment variable with the name of the node.
    ignored : sequence of str
        Signals that are not passed on to the jobs.
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

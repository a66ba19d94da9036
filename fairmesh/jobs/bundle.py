"""Several jobs in one job of Slurm's: which go together, what that asks for, and the script that runs them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.jobs.directives import RESOURCE_OPTIONS, sbatch_options

EXTRA = "slurm_extra"
RUNTIME = "runtime"
LARGEST = ("mem_mb", "mem_mb_per_cpu", "threads", "cpus_per_task")
# For these a rule names the option itself: the executor plugin has none, and Snakemake a default of its own.
IN_EXTRA = {"reservation": "--reservation={}", "disk_mb": "--tmp={}M"}


def asked(resources: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """Return what of a rule's resources is for Slurm."""
    names = {EXTRA, *RESOURCE_OPTIONS} - IN_EXTRA.keys()
    return {"threads": threads, **{name: value for name, value in resources.items() if name in names}}


@dataclass(frozen=True)
class Member:
    """A job that can share one of Slurm's.

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
    for each in members:
        alike.setdefault(_place(each.resources), []).append(each)
    return [found[first : first + size] for found in alike.values() for first in range(0, len(found), size)]


def _place(resources: Mapping[str, Any]) -> str:
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
        values = [each.resources[name] for each in bundle]
        if name == RUNTIME:
            asked[name] = sum(values)
        elif name in LARGEST:
            asked[name] = max(values)
    return asked


def options(resources: Mapping[str, Any]) -> list[str]:
    """Return the options of sbatch for what a rule asks for.

    >>> options({"mem_mb": 100, "mem_mb_per_cpu": 50, "slurm_extra": "--exclusive", "cpus_per_task": -1})
    ['--mem-per-cpu=50M', '--exclusive']
    """
    asked = dict(resources)
    if "mem_mb_per_cpu" in asked:  # Slurm takes one of the two; the other is the profile's
        asked.pop("mem_mb", None)
    if asked.get("cpus_per_task", 1) < 1:  # all that there are
        asked.pop("cpus_per_task")
        asked.pop("threads", None)
    return sbatch_options(asked, exclusive=False) + shlex.split(str(asked.get(EXTRA, "")))


def script(members: Sequence[Member], progress: str) -> str:
    """Return the text of a batch script.

    Parameters
    ----------
    members : sequence of Member
        What it runs.
    progress : str
        The file that says how far it is.
    """
    lines = [
        " ".join(["run", *map(shlex.quote, (str(number), each.log, each.folder, each.record, *each.arguments))])
        for number, each in enumerate(members)
    ]
    return _SCRIPT.format(progress=shlex.quote(progress), lines="\n".join(lines))


_SCRIPT = """\
#!/usr/bin/env bash
# Jobs of a study, one after another; what becomes of one is nothing to the others.
progress={progress}
stopped='' signalled='' job='' worst=0

pass_on() {{ # signal
    stopped=yes signalled=yes
    [ -z "$job" ] || kill -s "$1" "$job" 2> /dev/null
}}
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT
trap 'pass_on HUP' HUP
trap 'pass_on USR1' USR1

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
    ! grep -q "^$number ended" "$progress" 2> /dev/null || return # before Slurm put this job back into its queue
    note "$number begun ${{SLURMD_NODENAME:-$HOSTNAME}}"
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
    # What a signal ended, Slurm may start again: only Slurm knows.
    if [ "$status" -eq 0 ] || [ -z "$stopped" ]; then note "$number ended $status"; fi
}}

{lines}
[ -z "$stopped" ] || worst=1
exit "$worst"
"""

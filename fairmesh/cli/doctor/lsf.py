"""Whether LSF is there and answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

from fairmesh.cli.doctor.base import Answer, Finding, Here, ask, fail, ok

LSF = "lsf"
CLIENT = ("bsub", "bjobs", "bkill", "lsid")


def checks(here: Here) -> Iterator[Finding]:
    """Look at LSF, if the profile runs there."""
    machine = here.entry()
    if here.executor != LSF and (machine is None or machine.scheduler != LSF):
        return
    found = client(shutil.which)
    yield found
    if found.level == "ok":
        yield master(ask("lsid"))


def client(which: Callable[[str], object]) -> Finding:
    """Check that LSF's programs are there."""
    missing = [name for name in CLIENT if not which(name)]
    if missing:
        advice = "work on a login node of the cluster, source LSF's profile.lsf, or use profiles/local"
        return fail("lsf client", f"not in the path: {', '.join(missing)}", advice)
    return ok("lsf client", ", ".join(CLIENT))


def master(answer: Answer) -> Finding:
    """Check that LSF answers."""
    if not answer.good:
        return fail("lsf", answer.output, "ask who runs the cluster")
    lines = [line.strip() for line in answer.output.splitlines() if "cluster name" in line]
    return ok("lsf", lines[0] if lines else "answers")

"""What the rules ask of Slurm's executors: an experiment's resources, in the words that these know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairmesh.jobs.bundle import EXTRA, IN_EXTRA

CPUS = "cpus_per_task"
ADDED = frozenset({EXTRA, CPUS})
# A job of the executor plugin starts two Snakemakes, one in the other, of up to 220 MB each.
INNER_MB = 600


def rule_resources(asked: Mapping[str, Any], exclusive: bool, inner_snakemake: bool) -> dict[str, Any]:
    """Return the resources of a job's rule.

    Parameters
    ----------
    asked : mapping
        Under Snakemake's names.
    exclusive : bool
        Whether the job has its node for itself.
    inner_snakemake : bool
        Whether Snakemake runs in the job: then it needs memory, too.

    Examples
    --------
    >>> rule_resources({"mem_mb": 100, "reservation": "today"}, exclusive=True, inner_snakemake=True)
    {'mem_mb': 600, 'reservation': 'today', 'cpus_per_task': -1, 'slurm_extra': '--reservation=today --exclusive'}
    """
    resources = dict(asked)
    if inner_snakemake and "mem_mb" in resources:
        resources["mem_mb"] = max(resources["mem_mb"], INNER_MB)
    extra = [text.format(asked[name]) for name, text in IN_EXTRA.items() if name in asked]
    if exclusive:
        extra.append("--exclusive")
        resources.setdefault(CPUS, asked.get("threads", _ALL_THERE_ARE))
    if extra:
        resources[EXTRA] = " ".join(extra)
    return resources


_ALL_THERE_ARE = -1  # in the words of the plugin; a number would bind the job's step to so many cores

"""The text of a dry run: which experiments would run, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairmesh.printing import count_text
from snakemake_logger_plugin_fairmesh.events import EXPERIMENT_RULES, STAGE_RULES, Event
from snakemake_logger_plugin_fairmesh.progress import Name

LISTED = 100  # experiments


def dry_run_lines(
    would_run: list[Event], names: Mapping[Name, str], why: Mapping[Name, str], total: int
) -> Iterator[str]:
    """Yield the lines.

    Parameters
    ----------
    would_run : list of dict
        The events of the jobs that would be submitted, with Snakemake's reasons.
    names, why : mapping
        The names of the plan's experiments in its order, and the reasons that the plan has.
    total : int
        The number of selected experiments.
    """
    reasons = {
        (event["machine"], event["id"]): event["reason"] for event in would_run if event["rule"] in EXPERIMENT_RULES
    }
    shown = [name for name in names if name in reasons][:LISTED]
    width = max((len(names[name]) for name in shown), default=0)
    for name in shown:
        yield f"{names[name].ljust(width)}   {why.get(name) or reasons[name]}".rstrip()
    if len(reasons) > LISTED:
        yield f"... and {len(reasons) - LISTED} more; `fairmesh plan` lists all"
    stages = sum(event["rule"] in STAGE_RULES for event in would_run)
    shared = f" and {stages} shared stage{'s' if stages > 1 else ''}" if stages else ""
    yield f"{len(reasons)} of {count_text(total, 'experiment')}{shared} would run (dry run)"

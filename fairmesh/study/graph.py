"""The stages of a study as a graph, in Mermaid's notation."""

from __future__ import annotations

from collections import Counter

from fairmesh.study.plan import Plan


def mermaid(plan: Plan) -> str:
    """Draw the stages, each with how often it runs, and the experiments that need them.

    Parameters
    ----------
    plan : Plan
        Of its experiments, those that are selected count.
    """
    stages = plan.application.all_stages
    counts = _counts(plan)
    ids = {name: f"s{at}" for at, name in enumerate(stages)}
    nodes = [
        f'  {ids[name]}["{_quoted(stage.title or name)}<br/>runs {counts[name]}x"]' for name, stage in stages.items()
    ]
    arrows = [f"  {ids[need]} --> {ids[name]}" for name, stage in stages.items() for need in stage.needs]
    return "\n".join(["flowchart LR", *nodes, *arrows])


def _counts(plan: Plan) -> Counter[str]:
    """Count the distinct instances of each stage."""
    counts = Counter(stage.name for stage in plan.needed_stages(plan.selected))
    counts[list(plan.application.all_stages)[-1]] = len(plan.selected)
    return counts


def _quoted(text: str) -> str:
    """Write a text so that Mermaid takes it for nothing else."""
    return "".join(sign if sign.isalnum() or sign in " .,:-_" else f"#{ord(sign)};" for sign in text)

"""The workflow as a graph in Graphviz's notation: stages, experiments and publishing, each with its counts by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fairmesh.api.html import STATE_COLORS
from fairmesh.runner.protocol import DONE, STATES, WAITING
from fairmesh.status import JobStatus, StudyStatus
from fairmesh.status.model import ORDER

PUBLISH = "(publish)"  # no stage can be called this
_STYLE = (
    'bgcolor="transparent"; rankdir="LR"; ranksep="0.5"; '
    'node [shape="box", style="filled,rounded", fillcolor="#ffffff", fontcolor="#000000", fontname="sans-serif", '
    'fontsize="12", penwidth="3", margin="0.2,0.12"]; edge [color="#808080", arrowsize="0.7"];'
)


@dataclass(frozen=True)
class Step:
    """A box of the graph.

    Parameters
    ----------
    title : str
        What people call it.
    counts : mapping of str to int
        How many of its jobs are in each state, every state named.
    needs : tuple of str
        The names of the steps before it.
    """

    title: str
    counts: Mapping[str, int]
    needs: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The state to look at first."""
        return next((state for state in ORDER if self.counts[state]), WAITING)


def steps(status: StudyStatus, titles: Mapping[str, str], is_published: bool) -> dict[str, Step]:
    """Return the steps of a study by name, each after those that it needs.

    Parameters
    ----------
    status : StudyStatus
        How the study stands.
    titles : mapping of str to str
        The title of each stage of the application, of which the last is the experiment itself.
    is_published : bool
        Whether its results are published as they are.
    """
    by_stage: dict[str, list[JobStatus]] = {name: [] for name in list(titles)[:-1]}
    for each in status.stages:
        by_stage.setdefault(each.id.removesuffix(f"-{each.key}"), []).append(each)
    found = {name: Step(titles.get(name) or name, _counts(jobs), _needs(jobs)) for name, jobs in by_stage.items()}
    experiment = list(titles)[-1] if titles else "experiment"
    title = titles.get(experiment) or experiment
    found[experiment] = Step(title, status.counts, _needs(status.experiments))
    publish = dict.fromkeys(STATES, 0) | {DONE if is_published else WAITING: 1}
    return found | {PUBLISH: Step("Publishing", publish, (experiment,))}


def _counts(jobs: Iterable[JobStatus]) -> dict[str, int]:
    found = Counter(each.state for each in jobs)
    return {state: found[state] for state in STATES}


def _needs(jobs: Iterable[JobStatus]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in jobs for name in each.point.get("stages") or ()))


def dot(found: Mapping[str, Step]) -> str:
    """Write the graph; a name is a text in it, and nothing else."""
    ids = {name: f"step{at}" for at, name in enumerate(found)}
    boxes = [
        f'{ids[name]} [label={_quoted((step.title, *_lines(step.counts)))}, color="{STATE_COLORS[step.state]}", '
        f"tooltip={_quoted((step.title,))}];"
        for name, step in found.items()
    ]
    arrows = [f"{ids[need]} -> {ids[name]};" for name, step in found.items() for need in step.needs if need in ids]
    return "\n".join(["digraph {", _STYLE, *boxes, *arrows, "}"])


def in_words(found: Mapping[str, Step]) -> str:
    """Say what the graph shows."""
    return "; ".join(
        f"{step.title}: {', '.join(_lines(step.counts))}"
        + (f", after {_titles(step.needs, found)}" if step.needs else "")
        for step in found.values()
    )


def _titles(names: Iterable[str], found: Mapping[str, Step]) -> str:
    return " and ".join(found[name].title for name in names if name in found)


def _lines(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[state]:,} {state}" for state in ORDER if counts[state]] or ["nothing yet"]


def _quoted(lines: Sequence[str]) -> str:
    r"""Write lines as a text of Graphviz's, in which backslashes and entities would mean something.

    >>> print(_quoted(['say "\\N" &amp;', "2 done"]))
    "say \"\\N\" &amp;amp;\n2 done"
    """
    texts = (" ".join("".join(sign if sign.isprintable() else " " for sign in line).split()) for line in lines)
    safe = (text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '"' + "\\n".join(safe) + '"'

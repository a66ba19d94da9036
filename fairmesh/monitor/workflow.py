"""The page Workflow: stages, experiments and publishing as a graph, and a grid with the state of each experiment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api import html
from fairmesh.api.status_cache import StatusCache
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor.context import show_live
from fairmesh.monitor.display import LETTER, LETTER_COLOR, escape_text, state_color, tooltips
from fairmesh.printing import count_text
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import DONE, STATES, WAITING
from fairmesh.status import JobStatus, StudyStatus
from fairmesh.status.model import ORDER, seconds_between
from fairmesh.status.states import STATE_COLORS, STATE_LABELS, state_label

PUBLISH = "(publish)"  # no stage can have this name
_STYLE = (
    'bgcolor="transparent"; rankdir="LR"; ranksep="0.5"; '
    'node [shape="box", style="filled,rounded", fillcolor="#ffffff", fontcolor="#000000", fontname="sans-serif", '
    'fontsize="12", penwidth="3", margin="0.2,0.12"]; edge [color="#808080", arrowsize="0.7"];'
)
MAX_LETTERS = 400  # cells; in a larger grid a letter has no room
CELL = 0.92  # share of a cell that is filled; drawing lines between ten thousand would take longer
GAP_COLOR = "#c8c8c8"  # between cells; black must be visible on it
WIDTH_TO_HEIGHT = 3  # of the grid, about


def show() -> None:
    """Show the page."""
    show_live(_show_workflow)


def _show_workflow(cache: StatusCache) -> None:
    status = cache.status()
    steps = build_steps(status, _stage_titles(cache.paths), _is_published(cache.paths, status))
    text = describe_graph(steps)
    st.graphviz_chart(draw_graph(steps), width="content", alt=text)
    with st.expander("The graph as text"):
        st.markdown(escape_text(text))
    _show_grid(status)


def _show_grid(status: StudyStatus) -> None:
    st.header("Experiments")
    st.html(html.state_legend(status.counts))
    states = [state for state in ORDER if status.counts[state]]
    if len(states) > 1:
        st.pills("Show only", states, key="only", bind="query-params", format_func=state_label)
    selected = st.session_state.get("only")
    chart = grid_chart(len(status.experiments), selected if selected in states else "")
    count = len(status.experiments)
    text = f"{count_text(count, 'experiment', ',')} in the order of the plan: {html.counts_text(status.counts)}"
    st.vega_lite_chart(grid_cells(status.experiments), chart, width="stretch", alt=text)
    st.caption(f"{count_text(count, 'cell', ',')} in the order of the plan; the page Experiments lists them")


def _stage_titles(paths: StudyPaths) -> dict[str, str]:
    """Return the title of each stage of the study's application, in their order."""
    return _read_titles(str(paths.plan), paths.plan.stat().st_mtime_ns)


@st.cache_data(show_spinner=False, max_entries=20)
def _read_titles(plan: str, changed: int) -> dict[str, str]:
    application = (jsonfiles.read_map(plan) or {}).get("application")
    stages = application.get("stages") if isinstance(application, dict) else None
    return {str(name): str(title) for name, title in stages.items()} if isinstance(stages, dict) else {}


def _is_published(paths: StudyPaths, status: StudyStatus) -> bool:
    """Return whether the results were published since the last run began; without a run, whether they ever were."""
    when = str((jsonfiles.read_map(str(paths.published)) or {}).get("published") or "")
    return bool(when) and (status.run is None or seconds_between(status.run.started, when) > 0)


# ---- The graph, in Graphviz's language -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A box of the graph.

    Parameters
    ----------
    title : str
        Its title.
    counts : mapping of str to int
        The number of its jobs in each state.
    needs : tuple of str
        The names of the steps before it.
    """

    title: str
    counts: Mapping[str, int]
    needs: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The most important state of its jobs."""
        return next((state for state in ORDER if self.counts[state]), WAITING)


def build_steps(status: StudyStatus, titles: Mapping[str, str], is_published: bool) -> dict[str, Step]:
    """Return the steps of a study by name, each after those that it needs.

    Parameters
    ----------
    status : StudyStatus
        The status of the study.
    titles : mapping of str to str
        The title of each stage of the application, of which the last one is the experiment.
    is_published : bool
        Whether the current results are published.
    """
    by_stage: dict[str, list[JobStatus]] = {name: [] for name in list(titles)[:-1]}
    for job in status.stages:
        by_stage.setdefault(job.id.removesuffix(f"-{job.key}"), []).append(job)
    steps = {name: Step(titles.get(name) or name, _counts(jobs), _needs(jobs)) for name, jobs in by_stage.items()}
    experiment = list(titles)[-1] if titles else "experiment"
    title = titles.get(experiment) or experiment
    steps[experiment] = Step(title, status.counts, _needs(status.experiments))
    publish = dict.fromkeys(STATES, 0) | {DONE if is_published else WAITING: 1}
    return steps | {PUBLISH: Step("Publishing", publish, (experiment,))}


def _counts(jobs: Iterable[JobStatus]) -> dict[str, int]:
    counts = Counter(job.state for job in jobs)
    return {state: counts[state] for state in STATES}


def _needs(jobs: Iterable[JobStatus]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for job in jobs for name in job.point.get("stages") or ()))


def draw_graph(steps: Mapping[str, Step]) -> str:
    """Return the graph in Graphviz's language; names are quoted texts in it."""
    ids = {name: f"step{index}" for index, name in enumerate(steps)}
    boxes = [
        f'{ids[name]} [label={_quoted((step.title, *_count_lines(step.counts)))}, color="{STATE_COLORS[step.state]}", '
        f"tooltip={_quoted((step.title,))}];"
        for name, step in steps.items()
    ]
    arrows = [f"{ids[need]} -> {ids[name]};" for name, step in steps.items() for need in step.needs if need in ids]
    return "\n".join(["digraph {", _STYLE, *boxes, *arrows, "}"])


def describe_graph(steps: Mapping[str, Step]) -> str:
    """Return the content of the graph in words."""
    return "; ".join(
        f"{step.title}: {', '.join(_count_lines(step.counts))}"
        + (f", after {_join_titles(step.needs, steps)}" if step.needs else "")
        for step in steps.values()
    )


def _join_titles(names: Iterable[str], steps: Mapping[str, Step]) -> str:
    return " and ".join(steps[name].title for name in names if name in steps)


def _count_lines(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[state]:,} {state_label(state)}" for state in ORDER if counts[state]] or ["nothing yet"]


def _quoted(lines: Sequence[str]) -> str:
    r"""Return lines as a quoted text of Graphviz, with backslashes and entities escaped.

    >>> print(_quoted(['say "\\N" &amp;', "2 done"]))
    "say \"\\N\" &amp;amp;\n2 done"
    """
    texts = (" ".join("".join(sign if sign.isprintable() else " " for sign in line).split()) for line in lines)
    safe = (text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '"' + "\\n".join(safe) + '"'


# ---- The grid, in Vega-Lite ------------------------------------------------------------------------------------------


def grid_cells(experiments: Sequence[JobStatus]) -> pd.DataFrame:
    """Return a row for each experiment, in the order of the plan."""
    labels = [STATE_LABELS[state] for state in ORDER]
    return pd.DataFrame(
        {
            "at": range(len(experiments)),
            "experiment": [job.name for job in experiments],
            "machine": pd.Categorical([job.machine for job in experiments]),
            "state": pd.Categorical([state_label(job.state) for job in experiments], categories=labels),
            "progress": [job.progress for job in experiments],
        }
    )


def grid_chart(count: int, only: str = "") -> dict[str, Any]:
    """Return the chart of so many cells; with ``only``, cells in other states are faint."""
    columns = max(10, math.ceil(math.sqrt(count * WIDTH_TO_HEIGHT)))
    rows = math.ceil(count / columns)
    layers = [_cell_layer(only)]
    if count <= MAX_LETTERS:
        layers.append(_letter_layer(only))
    return {
        "transform": [
            {"calculate": f"datum.at % {columns}", "as": "column"},
            {"calculate": f"floor(datum.at / {columns})", "as": "row"},
            {"calculate": f"datum.column + {CELL}", "as": "right"},
            {"calculate": f"datum.row + {CELL}", "as": "below"},
        ],
        "encoding": {
            "x": _position("column", columns),
            "y": {**_position("row", rows), "sort": "descending"},
        },
        "layer": layers,
        "view": {"fill": GAP_COLOR, "stroke": None},
        "usermeta": {"embedOptions": {"renderer": "canvas"}},  # ten thousand SVG elements would take seconds
        "height": max(4, min(28, 560 // rows)) * rows,
    }


def _position(field: str, end: int) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "axis": None, "scale": {"domain": [0, end], "nice": False}}


def _cell_layer(only: str) -> dict[str, Any]:
    return {
        "mark": {"type": "rect"},
        "encoding": {
            "x2": {"field": "right"},
            "y2": {"field": "below"},
            "color": state_color(ORDER),
            "opacity": _opacity(only),
            "tooltip": tooltips("experiment", "state", "progress", "machine"),
        },
    }


def _letter_layer(only: str) -> dict[str, Any]:
    return {
        "transform": [
            LETTER,
            {"calculate": f"datum.column + {CELL / 2}", "as": "middle"},
            {"calculate": f"datum.row + {CELL / 2}", "as": "centre"},
        ],
        "mark": {"type": "text", "baseline": "middle", "fontSize": 11, "tooltip": False},
        "encoding": {
            "x": {"field": "middle", "type": "quantitative"},
            "y": {"field": "centre", "type": "quantitative"},
            "text": {"field": "letter"},
            "opacity": _opacity(only),
            "color": LETTER_COLOR,
        },
    }


def _opacity(only: str) -> dict[str, Any]:
    if not only:
        return {"value": 1}
    return {"condition": {"test": f"datum.state == '{state_label(only)}'", "value": 1}, "value": 0.12}

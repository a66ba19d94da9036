"""The pages of a study: what it found, and the list of its experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.jobs.attempts import read_map
from fairmesh.results import Outcome
from fairmesh.site import charts, fairness, study_charts
from fairmesh.site.artefacts import Download
from fairmesh.site.citing import Citation, linked_data
from fairmesh.site.downloads import offer
from fairmesh.site.experiment_table import ExperimentTable, page_of
from fairmesh.site.figures import Figure, Figures
from fairmesh.site.leaderboard import Leaderboard
from fairmesh.site.renderer import Renderer, RendererError
from fairmesh.site.sentences import headline, remarks
from fairmesh.site.tabular import write_script
from fairmesh.site.view import StudyView

ROWS = 50  # of the leaderboard in the page itself; its script has all
_LOG_LINES = 15
_FAILURES = 50
_FIGURES = 6  # of one experiment


def write_study_pages(
    view: StudyView,
    figures: Mapping[str, Figures],
    docs: Path,
    templates: jinja2.Environment,
    renderer: Renderer,
    archives: Path | None = None,
) -> list[str]:
    """Write the pages of a study with their data, downloads and pictures into ``docs/studies/<name>``.

    Parameters
    ----------
    figures : mapping of str to Figures
        The figures of each experiment that has a page, by its key.
    renderer : Renderer
        Draws the pictures.
    archives : Path or None
        Where the archives of crates are, if they are to be offered.

    Returns
    -------
    list of str
        Why pictures are missing, each reason once.
    """
    folder = docs / "studies" / view.study.name
    board, table = Leaderboard.of(view), ExperimentTable.of(view)
    pages = {key: page_of(key) for key in figures}
    folder.mkdir(parents=True, exist_ok=True)
    downloads = offer(board, folder, archives)
    explorers, fixed = list(study_charts.explorers(board)), list(study_charts.static(view))
    drawn = list(study_charts.lines_and_tables(view))
    pictures, reasons = _draw([*fixed, *drawn], folder / "charts", renderer)
    downloads["Figures as SVG"] = list(filter(None, pictures))
    write_script(folder / "leaderboard.js", f"{view.study.name}/leaderboard", board.to_json(pages))
    write_script(folder / "experiments.js", f"{view.study.name}/experiments", table.to_json(figures, board))
    citation, summary = Citation.of(view), " ".join([headline(view), *remarks(view)])
    given: dict[str, Any] = {
        "view": view,
        "board": board,
        "table": table,
        "rows": board.rows[:ROWS],
        "pages": pages,
        "explorers": explorers,
        "fixed": list(zip(fixed, pictures[: len(fixed)], strict=True)),
        "drawn": list(zip(drawn, pictures[len(fixed) :], strict=True)),
        "undrawn": reasons,
        "pictured": list(_pictured(view, figures)),
        "lines": list(dict.fromkeys(name for chart in drawn for name in chart.lines)),
        "downloads": {title: files for title, files in downloads.items() if files},
        "runs": _runs(view),
        "environments": _environments(view),
        "fair": fairness.score(view),
        "citation": citation,
        "linked_data": linked_data(view, citation, summary, downloads["Results"]),
        "failures": view.failures[:_FAILURES],
        "log_lines": _LOG_LINES,
        "root": "../../",
    }
    for name in ("study", "experiments"):
        target = folder / ("index.md" if name == "study" else f"{name}.md")
        write_text(target, templates.get_template(f"{name}.md.jinja").render(given))
    return reasons


def _pictured(view: StudyView, figures: Mapping[str, Figures]) -> Iterator[tuple[str, Outcome, Sequence[Figure]]]:
    """Yield the experiments whose figures the page shows, with the figures: the best, the first and a failed one."""
    best = view.best.done[:1] if view.best else []
    chosen = {"The best": best, "The first": view.study.done[:1], "Failed": view.failures}
    seen = set()
    for label, outcomes in chosen.items():
        outcome = next((each for each in outcomes if each.key in figures and figures[each.key].shown), None)
        if outcome and outcome.key not in seen:
            seen.add(outcome.key)
            yield label, outcome, figures[outcome.key].shown[:_FIGURES]


def _draw(drawn: list[charts.Chart], folder: Path, renderer: Renderer) -> tuple[list[Download | None], list[str]]:
    """Draw charts; return the picture of each, None in place of one that cannot be drawn, and the different reasons."""
    made: list[Download | None] = []
    reasons: dict[str, None] = {}
    for number, chart in enumerate(drawn, 1):
        path = folder / f"{number}.svg"
        try:
            write_text(path, renderer.svg(chart.static))
        except RendererError as error:
            reasons[str(error)] = None
            made.append(None)
        else:
            made.append(Download(f"charts/{path.name}", chart.title, path.stat().st_size))
    return made, list(reasons)


def _environments(view: StudyView) -> list[tuple[dict[str, Any], int]]:
    """Return the different environments, each with the number of experiments that ran in it."""
    found: dict[str, tuple[dict[str, Any], int]] = {}
    for outcome in view.study.done:
        digest = str((outcome.record or {}).get("environment") or "")
        environment, count = found.get(digest) or (view.study.environment(outcome), 0)
        found[digest] = (environment, count + 1)
    return [each for each in found.values() if each[0]]


def _runs(view: StudyView) -> list[dict[str, Any]]:
    """Return the invocations of the workflow that results came from, in the order of their start."""
    names = dict.fromkeys(str((outcome.record or {}).get("run") or "") for outcome in view.study.done)
    found = [
        read_map(view.study.folder / "runs" / name / "run.json") for name in names if name.replace("-", "").isalnum()
    ]
    return sorted(filter(None, found), key=lambda run: str(run.get("started") or ""))

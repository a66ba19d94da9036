"""The pages of a study: its results, and the list of its experiments."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.jobs.reading import read_map
from fairmesh.results import Outcome, write_csv
from fairmesh.results.load import PLAN
from fairmesh.site import page_charts
from fairmesh.site.cells import write_script
from fairmesh.site.downloads import Download, copy_files
from fairmesh.site.estimates_page import write_estimates_page
from fairmesh.site.figures import Figure, Figures
from fairmesh.site.machines_page import write_machines_page
from fairmesh.site.metadata import DATACITE, FAIR, Citation, fair_score, linked_data
from fairmesh.site.pictures import draw_pictures
from fairmesh.site.renderer import Renderer
from fairmesh.site.sentences import headline, remarks
from fairmesh.site.tables import ExperimentTable, Leaderboard, page_of
from fairmesh.site.view import StudyView

STUDY_PAGES = {"study": "index.md", "experiments": "experiments.md"}
"""The pages of each study: the template ``<name>.md.jinja`` and the file of each."""

ROWS = 50  # of the leaderboard in the page itself; its script has all
_LOG_LINES = 15
_FAILURES = 50
_FIGURES = 6  # of one experiment
_LARGEST_DOCUMENT = 1 << 20  # bytes of a document beside the page; the archive has it whatever its size
_METADATA = ("ro-crate-metadata.json", "datapackage.json", "croissant.json", DATACITE, "CITATION.cff", FAIR, PLAN)


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
        The folder with the archives of crates, if the page offers them.

    Returns
    -------
    list of str
        Why pictures are missing, each reason once.
    """
    folder = docs / "studies" / view.study.name
    folder.mkdir(parents=True, exist_ok=True)
    board, table = Leaderboard.of(view), ExperimentTable.of(view)
    pages = {key: page_of(key) for key in figures}
    downloads = write_downloads(board, folder, archives)
    explorers, fixed = list(page_charts.explorers(board)), list(page_charts.static_charts(view))
    drawn = list(page_charts.lines_and_tables(view))
    pictures, reasons = draw_pictures(
        {str(number): chart for number, chart in enumerate([*fixed, *drawn], 1)}, folder, renderer
    )
    downloads["Figures as SVG"] = list(filter(None, pictures))
    write_script(folder / "leaderboard.js", f"{view.study.name}/leaderboard", board.to_json(pages))
    write_script(folder / "experiments.js", f"{view.study.name}/experiments", table.to_json(figures, board))
    citation, summary = Citation.of(view), " ".join([headline(view), *remarks(view)])
    variables: dict[str, Any] = {
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
        "fair": fair_score(view),
        "citation": citation,
        "linked_data": linked_data(view, citation, summary, downloads["Results"]),
        "failures": view.failures[:_FAILURES],
        "log_lines": _LOG_LINES,
        "root": "../../",
    }
    for name, file in STUDY_PAGES.items():
        write_text(folder / file, templates.get_template(f"{name}.md.jinja").render(variables))
    if view.back_tests:
        reasons += write_estimates_page(view, folder, templates, renderer)
    if view.has_machines:
        reasons += write_machines_page(view, folder, templates, renderer)
    return list(dict.fromkeys(reasons))


def write_downloads(board: Leaderboard, folder: Path, archives: Path | None) -> dict[str, list[Download]]:
    """Write the files that a study's page offers into its folder.

    Parameters
    ----------
    board : Leaderboard
        The study's results.
    folder : Path
        The folder of the page.
    archives : Path or None
        The folder with the archives of crates, if the page offers them.

    Returns
    -------
    dict
        The downloads by their heading.
    """
    study = board.view.study
    documents = (study.folder / name for name in _METADATA)
    return {
        "Results": list(_tables(board, folder)),
        "Metadata": list(copy_files(study.folder, documents, folder, largest=_LARGEST_DOCUMENT)),
        "Everything": [_archived(archives / name, folder) for name in archive_names(board.view, archives) if archives],
    }


def archive_names(view: StudyView, archives: Path | None) -> list[str]:
    """Return the names of the archives of a study."""
    return sorted(path.name for path in archives.glob(f"{view.study.name}-*.zip")) if archives else []


def _tables(board: Leaderboard, folder: Path) -> Iterator[Download]:
    frame = board.view.frame
    write_csv(frame, folder / "results.csv")
    frame.to_parquet(folder / "results.parquet", index=False, compression="zstd")
    write_text(folder / "leaderboard.tex", board.to_latex())
    for name in ("results.csv", "results.parquet", "leaderboard.tex"):
        yield Download(name, name, (folder / name).stat().st_size)


def _archived(path: Path, folder: Path) -> Download:
    shutil.copyfile(path, folder / path.name)
    return Download(path.name, path.name, path.stat().st_size)


def _pictured(view: StudyView, figures: Mapping[str, Figures]) -> Iterator[tuple[str, Outcome, Sequence[Figure]]]:
    """Yield the experiments whose figures the page shows, with the figures: the best, the first and a failed one."""
    best = view.best.done[:1] if view.best else []
    candidates = {"The best": best, "The first": view.study.done[:1], "Failed": view.failures}
    seen = set()
    for label, outcomes in candidates.items():
        outcome = next(
            (candidate for candidate in outcomes if candidate.key in figures and figures[candidate.key].shown), None
        )
        if outcome and outcome.key not in seen:
            seen.add(outcome.key)
            yield label, outcome, figures[outcome.key].shown[:_FIGURES]


def _environments(view: StudyView) -> list[tuple[dict[str, Any], int]]:
    """Return the different environments, each with the number of experiments that ran in it."""
    counted: dict[str, tuple[dict[str, Any], int]] = {}
    for outcome in view.study.done:
        digest = str((outcome.record or {}).get("environment") or "")
        environment, count = counted.get(digest) or (view.study.environment(outcome), 0)
        counted[digest] = (environment, count + 1)
    return [(environment, count) for environment, count in counted.values() if environment]


def _runs(view: StudyView) -> list[dict[str, Any]]:
    """Return the invocations of the workflow that produced results, in the order of their start."""
    names = dict.fromkeys(str((outcome.record or {}).get("run") or "") for outcome in view.study.done)
    runs = [
        read_map(view.study.folder / "runs" / name / "run.json") for name in names if name.replace("-", "").isalnum()
    ]
    return sorted(filter(None, runs), key=lambda run: str(run.get("started") or ""))

"""Publish a study at the end of the workflow, also after failures: ``python -m fairmesh.workflow.publishing``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.extras import missing_note
from fairmesh.files import canonical_json, text_sha256, write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import count_text, print_lines
from fairmesh.results import Outcome, StudyResults
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import FORMAT
from fairmesh.site.project import SiteProject
from fairmesh.status.states import state_label
from fairmesh.workflow.targets import clear_errors

SHOWN = 20  # lines in a list; the website shows all


def digest(plan: dict[str, Any], project: Path, records: Sequence[str]) -> str:
    """Return a hash of the inputs of a publication, except the study's own records."""
    return text_sha256(canonical_json([plan, SiteProject.read(project).digest(), list(records)]))


def publish_what_there_is(paths: StudyPaths, site: Path, project: Path) -> dict[str, Any]:
    """Publish in a separate process, which has heavy imports; the study's published.json is not written.

    Returns
    -------
    dict
        What published.json would contain.

    Raises
    ------
    FairmeshError
        If it failed, with the reason.
    """
    command = [sys.executable, "-m", __name__, str(paths.home), paths.study]
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published.json"
        places = ["--site", str(site), "--project", str(project), "--published", str(published)]
        done = subprocess.run([*command, *places], check=False, capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise FairmeshError(f"the results of {paths.study} could not be published\n{done.stderr.strip()}")
        return jsonfiles.read_map(str(published)) or {}


def unstated(study: str, published: Mapping[str, Any]) -> list[str]:
    """Return lines about what a publication lacks on the website and in its metadata."""
    gaps = [f"missing on the website: {line}" for line in (published.get("not_shown") or [])[:SHOWN]]
    missing = published.get("missing")
    if not missing:
        return gaps
    count = f"{len(missing)} things are" if len(missing) > 1 else "one thing is"
    return [*gaps, f"metadata: {count} not stated yet; `fairmesh crate {study}` says which"]


def publish(results: Path, study: str, site: Path, project: Path) -> dict[str, Any]:
    """Write results.csv, the metadata and the website.

    Returns
    -------
    dict
        The content of published.json.

    Raises
    ------
    FairmeshError
        If the study cannot be described, or is missing on the website; other studies are published anyway.
    """
    from fairmesh.fair.scorecard import write_score  # noqa: PLC0415  pandas is not for the main process
    from fairmesh.workflow.packing import package  # noqa: PLC0415

    study_results, _, described = package(results, study, project)
    scorecard = write_score(study_results.folder) if described else None
    problems, not_shown = _build_site(results, study, site, project)
    problems += described.package.inventory.problems if described else []
    return {
        "format": FORMAT,
        "study": study,
        "published": jsonfiles.now(),
        "experiments": len(study_results.experiments),
        "done": len(study_results.done),
        "unfinished": [
            _unfinished(study_results, experiment) for experiment in study_results.experiments if not experiment.record
        ],
        "missing": described.missing if described else [],
        "problems": list(dict.fromkeys(problems)),
        "not_shown": not_shown,
        "fair": scorecard.counts if scorecard else {},
        "site": str(site),
    }


def _build_site(results: Path, study: str, site: Path, project: Path) -> tuple[list[str], list[str]]:
    """Build the website, if its packages are installed; return what cannot be read, and what it does not show."""
    if note := missing_note("site", "the website"):
        return [], [f"everything: {note}; then `fairmesh site`"]
    from fairmesh.site.build import build_site  # noqa: PLC0415  in an extra of the package

    omissions = build_site(results, site, project)
    if study in omissions.studies:
        raise FairmeshError("\n".join(f"missing on the website: {line}" for line in omissions.lines))
    return omissions.unreadable, omissions.lines


def _unfinished(study: StudyResults, experiment: Outcome) -> str:
    state = f"{study.names.of(experiment.axes)} {state_label(experiment.state)}"
    return ": ".join(filter(None, (state, experiment.reason)))


def main(argv: Sequence[str] | None = None) -> int:
    """Publish from the command line."""
    parser = argparse.ArgumentParser(description="Publish a study: results.csv, metadata and website.")
    parser.add_argument("results", type=Path, help="the results folder")
    parser.add_argument("study", help="the study's folder in it")
    parser.add_argument("--site", type=Path, required=True, help="the folder of the website")
    parser.add_argument("--project", type=Path, required=True, help="the project's folder")
    parser.add_argument("--published", type=Path, metavar="FILE", help="what to write when all is published")
    options = parser.parse_args(argv)
    with clear_errors():
        made = publish(options.results, options.study, options.site, options.project)
    if options.published:
        write_json(options.published, made, flush=True)
    for line in [*made["unfinished"][:SHOWN], *made["problems"][:SHOWN]]:
        print_lines(line)
    for line in made["not_shown"][:SHOWN]:
        print_lines(f"missing on the website: {line}")
    for line in made["missing"]:
        print_lines(f"missing: {line}")
    where = options.site / "index.html" if (options.site / "index.html").exists() else options.results / options.study
    print_lines(f"{made['done']} of {count_text(made['experiments'], 'experiment')} published: {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

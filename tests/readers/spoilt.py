"""Every reader of a results folder, and everything that may be wrong with a JSON file in it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from fairmesh.cli import main
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.results import load_study
from fairmesh.results.merge import prepare
from fairmesh.results.past_results import load_past_results, stage_seconds
from fairmesh.site.experiment_page import write_experiment_page
from fairmesh.site.figures import StudyFigures, Thumbnails
from fairmesh.site.pages import build_environment
from fairmesh.site.renderer import Renderer
from fairmesh.site.study_page import write_study_pages
from fairmesh.site.view import StudyView
from fairmesh.status import read_status
from fairmesh.workflow.packing import package
from fairmesh.workflow.summary import summarize

RUN = {"uuid": "this-run", "profile": "", "owner": {"host": "laptop"}, "started": "2026-11-20T10:00:00.000Z"}
DEEP = "[" * 100_000
WRONG: list[Any] = [None, 5, -1, "x", "", [], [1], {}, {"a": [1]}, True, 0.5]
RAW = ["1e999", "NaN", "1" * 400, DEEP, '"\\ud800"']
WHOLE = ["", "{", "[]", "5", "null", DEEP, '{"a": NaN}', "\0", "\xff"]


def verb(*words: str) -> Callable[[Path, Path], None]:
    """Return a reader that calls a verb, whose exit code must be a true one."""

    def read(results: Path, _: Path) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            code = main([words[0], *(word.format(results=results) for word in words[1:])])
        assert code in {0, 1, 2}

    return read


def pages(results: Path, out: Path) -> None:
    """Write the pages of the website, but for what MkDocs makes of them."""
    templates, thumbnails = build_environment(), Thumbnails(out / "thumbnails")
    for plan in sorted(results.glob("*/plan.json")):
        view = StudyView(load_study(results, plan.parent.name))
        figures = StudyFigures(view.study.folder, out / view.study.name, thumbnails)
        found = {
            experiment.key: write_experiment_page(view, experiment, figures, templates)
            for experiment in view.study.experiments
        }
        with Renderer() as renderer:
            write_study_pages(view, found, out, templates, renderer)


READERS: dict[str, Callable[[Path, Path], object]] = {
    "status": lambda results, _: json.dumps(read_status(StudyPaths(results, "quick")).to_json()),
    "fairmesh status": verb("status", "{results}"),
    "fairmesh results": verb("results", "{results}"),
    "fairmesh results --all": verb("results", "{results}", "--all", "--wide"),
    "fairmesh results --csv": verb("results", "{results}/quick", "--all", "--csv"),
    "fairmesh results --json": verb("results", "{results}", "--json"),
    "fairmesh compare": verb("compare", "{results}/quick", "{results}/other"),
    "crate": lambda results, out: package(results, "quick", out),
    "summary": lambda results, out: summarize(StudyPaths(results, "quick"), RUN, 1, False, out),
    "estimate": lambda results, _: (load_past_results(results, "cloudmask"), stage_seconds(results, "cloudmask")),
    "merge": lambda results, out: prepare([results], out / "into").to_json(),
    "merge into": lambda results, out: prepare([results / "other"], results).to_json(),
    "pages": pages,
}


def failure(name: str, results: Path, out: Path) -> str:
    """Return what a reader raises that is no clear error of ours; empty if nothing."""
    try:
        READERS[name](results, out)
    except (FairmeshError, FileNotFoundError):
        return ""
    except Exception as error:  # noqa: BLE001  whatever it is, a person would see a traceback
        return f"{type(error).__name__}: {error}"
    return ""


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the places in a JSON value, down to a depth."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    if len(path) < 5:
        for key, child in children:
            yield from places(child, (*path, key))


MARK = "\ue000put"
DELETE = object()


def put(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a value with another one at a place; without the key if the new one is `DELETE`."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if new is DELETE and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def spoil(path: Path, place: tuple[str | int, ...], new: Any, raw: str = "") -> None:
    """Write a JSON file with something wrong at a place."""
    changed = put(json.loads(path.read_text()), place, MARK if raw else new)
    path.write_text(json.dumps(changed).replace(json.dumps(MARK), raw) if raw else json.dumps(changed))


def make_pipe(path: Path) -> None:
    """Put a pipe that nobody writes to in the place of a file."""
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    """Put a folder in the place of a file."""
    path.unlink()
    path.mkdir()

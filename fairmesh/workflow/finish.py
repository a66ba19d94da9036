"""The finish hook: a command that is called once at the end of a run. Its failure does not fail the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.names import number_text
from fairmesh.printing import one_line, print_lines
from fairmesh.results import StudyResults, best_point, load_study
from fairmesh.results.compare import value_json
from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, FORMAT
from fairmesh.runner.text import last_lines
from fairmesh.status import JobStatus, StudyStatus, log_path, read_status
from fairmesh.status.model import seconds_between
from fairmesh.status.states import state_label
from fairmesh.study.settings import Finish

TIMEOUT = 60.0  # seconds


class FinishHook:
    """The command that is called at the end of a run.

    Parameters
    ----------
    finish : Finish
        The configuration of the hook.
    """

    def __init__(self, finish: Finish) -> None:
        self._finish = finish

    def preflight_warnings(self) -> Iterator[str]:
        """Yield warnings about problems at the end of the run."""
        command = self._finish.command
        if command and not shutil.which(command[0]):
            yield f"finish: program {command[0]!r}, to be called at the end of the run, is not found"

    def call(self, exit_code: int, summary: Callable[[], Mapping[str, Any]]) -> None:
        """Call the command if it is configured, and print a warning if that fails.

        Parameters
        ----------
        exit_code : int
            The exit code of the run.
        summary : callable
            Returns the JSON input of the command; not called if there is no command.
        """
        if not self._finish.command or (self._finish.when == "failure" and not exit_code):
            return
        try:
            body = json.dumps(summary(), ensure_ascii=False).encode()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  invalid results must not fail the ended run
            _warn(f"no summary to send: {type(error).__name__}: {error}")
            return
        try:
            problem = self._run(body)
        except KeyboardInterrupt:
            problem = "interrupted"
        if problem:
            _warn(problem)

    def _run(self, body: bytes) -> str:
        """Run the command; return an error message, or an empty text."""
        program = self._finish.command[0]
        try:
            # In a new session, so that another Ctrl-C does not end it.
            done = subprocess.run(
                self._finish.command, check=False, input=body, timeout=TIMEOUT, start_new_session=True
            )
        except OSError as error:
            return f"{program}: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"{program} did not end within {TIMEOUT:.0f} s"
        return f"{program} ended with status {done.returncode}" if done.returncode else ""


def _warn(text: str) -> None:
    print_lines(f"warning: finish: {text}", file=sys.stderr, flush=True)


SHOWN = 20  # failures that are listed


def summarize(paths: StudyPaths, run: dict[str, Any], exit_code: int, interrupted: bool, site: Path) -> dict[str, Any]:
    """Return the summary of a run at its end.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    run : dict
        The content of run.json.
    exit_code, interrupted : int, bool
        The exit status, and whether the run was interrupted.
    site : Path
        The website's folder.

    Returns
    -------
    dict
        ``text``, a readable sentence; ``study``, ``title``, ``run``, ``state``, ``exit_code``, ``profile``,
        ``started``, ``ended``, ``seconds``, ``counts`` by state, ``best``, ``failures``, ``failed``, ``results``,
        ``site``.
    """
    status = read_status(paths)
    state = DONE if not exit_code else CANCELLED if interrupted else FAILED
    best = _best(load_study(paths.home, paths.study))
    failed = [job for job in status.jobs if job.is_selected and job.state in BAD_ENDS]
    page = site / "index.html"
    return {
        "format": FORMAT,
        "text": one_line(_text(status, state, best)),
        "study": paths.study,
        "title": status.title,
        "run": run["uuid"],
        "state": state,
        "exit_code": exit_code,
        "profile": run["profile"],
        "host": run["owner"]["host"],
        "started": run["started"],
        "ended": status.now,
        "seconds": seconds_between(str(run["started"]), status.now),
        "counts": status.counts,
        "best": best,
        "failed": len(failed),
        "failures": [_failure(job) for job in failed[:SHOWN]],
        "results": str(paths.folder.resolve()),
        "site": str(page.resolve()) if page.exists() else "",
    }


def _text(status: StudyStatus, state: str, best: dict[str, Any] | None) -> str:
    counts = ", ".join(f"{count} {state_label(state)}" for state, count in status.counts.items() if count)
    text = f"{status.study}: {state}: {counts}"
    if not best:
        return text
    mean = f", the mean of {best['n']} repeats" if best["n"] > 1 else ""
    value = f"{best['title']} {number_text(best['value'])} {best['unit']}".rstrip()
    return f"{text}; best {value} with {best['name']}{mean}"


def _best(study: StudyResults) -> dict[str, Any] | None:
    """Return the best point of all results, including those of earlier runs, by its first repeat."""
    best = best_point(study)
    if not best:
        return None
    metric, summary = best.metric, value_json(best.value)
    return {
        "machine": best.machine,
        "name": best.name,
        "point": best.id,
        "id": best.run.id,
        "key": best.run.key,
        "metric": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "better": metric.better,
        "value": summary["mean"],
        **{name: summary[name] for name in ("n", "low", "high")},
    }


def _failure(job: JobStatus) -> dict[str, str]:
    last = last_lines(log_path(job), 1)
    about = {name: str(getattr(job, name)) for name in ("kind", "machine", "id", "key", "name", "state", "reason")}
    return about | {"last_line": last[0] if last else ""}

"""The summary of a run at its end: JSON for the finish hook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.names import number_text
from fairmesh.printing import one_line
from fairmesh.results import StudyResults, best_point, load_study
from fairmesh.results.compare import value_json
from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, FORMAT
from fairmesh.runner.text import last_lines
from fairmesh.status import JobStatus, StudyStatus, log_path, read_status
from fairmesh.status.model import seconds_between
from fairmesh.status.states import state_label

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

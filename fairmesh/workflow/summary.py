"""What came of a run, in one small map: what a finish hook is told."""

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

SHOWN = 20  # failures that are told one by one


def summarise(paths: StudyPaths, run: dict[str, Any], exit_code: int, interrupted: bool, site: Path) -> dict[str, Any]:
    """Sum up a run at its end.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    run : dict
        The content of run.json.
    exit_code, interrupted : int, bool
        How it ended, and whether somebody wanted it to.
    site : Path
        The website's folder.

    Returns
    -------
    dict
        ``text``, a sentence for people; ``study``, ``title``, ``run``, ``state``, ``exit_code``, ``profile``,
        ``started``, ``ended``, ``seconds``, ``counts`` by state, ``best``, ``failures``, ``failed``, ``results``,
        ``site``.
    """
    status = read_status(paths)
    state = DONE if not exit_code else CANCELLED if interrupted else FAILED
    best = _best(load_study(paths.home, paths.study))
    failed = [each for each in status.jobs if each.is_selected and each.state in BAD_ENDS]
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
        "failures": [_failure(each) for each in failed[:SHOWN]],
        "results": str(paths.folder.resolve()),
        "site": str(page.resolve()) if page.exists() else "",
    }


def _text(status: StudyStatus, state: str, best: dict[str, Any] | None) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in status.counts.items() if count)
    text = f"{status.study}: {state}: {counts}"
    if not best:
        return text
    mean = f", the mean of {best['n']} repeats" if best["n"] > 1 else ""
    value = f"{best['title']} {number_text(best['value'])} {best['unit']}".rstrip()
    return f"{text}; best {value} with {best['point']}{mean}"


def _best(study: StudyResults) -> dict[str, Any] | None:
    """Return the best point of all that there are, those of earlier runs too, by its first repeat."""
    best = best_point(study)
    if not best:
        return None
    metric, found = best.metric, value_json(best.value)
    return {
        "machine": best.machine,
        "point": best.name,
        "id": best.run.id,
        "key": best.run.key,
        "metric": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "better": metric.better,
        "value": found["mean"],
        **{name: found[name] for name in ("n", "low", "high")},
    }


def _failure(job: JobStatus) -> dict[str, str]:
    last = last_lines(log_path(job), 1)
    about = {name: str(getattr(job, name)) for name in ("kind", "machine", "id", "key", "state", "reason")}
    return about | {"last_line": last[0] if last else ""}

"""The last lines of a run on the terminal: what came of it, the best points, failures, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import format_duration, one_line
from fairmesh.results import StudyResults, load_study
from fairmesh.results.other_code import measured_with_other_code
from fairmesh.runner.protocol import DONE
from fairmesh.status import JobStatus, StudyStatus, log_path, read_status
from fairmesh.status.model import interruption, seconds_between
from fairmesh.status.states import state_label
from fairmesh.workflow.code_hash import other_code_hint
from fairmesh.workflow.publishing import unstated

BEST, FAILURES = 3, 10  # lines


def ending(paths: StudyPaths, site: Path, published: Mapping[str, Any]) -> str:
    """Return the last lines of a run that came to its end.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    site : Path
        The website's folder.
    published : mapping
        The content of published.json.
    """
    status = read_status(paths)
    failed = [job for job in status.jobs if job.is_selected and job.state in BAD_ENDS]
    study = load_study(paths.home, paths.study)
    lines = [_outcome(status), *_best(study), *_failures(failed), *_blocked(status)]
    lines += unstated(status.study, published)
    environments = [study.environment(outcome) for outcome in measured_with_other_code(study)]
    lines += filter(None, [other_code_hint(environments)])
    if (site / "index.html").is_file():
        lines.append(f"website: {site / 'index.html'}")
    return "\n".join([*lines, _next_step(status, bool(failed))])


def interrupted(paths: StudyPaths) -> str:
    """Return the last line of a run that was interrupted; empty if it has all results."""
    return interruption(read_status(paths).experiments)


def _outcome(status: StudyStatus) -> str:
    selected = [experiment for experiment in status.experiments if experiment.is_selected]
    done = sum(experiment.state == DONE for experiment in selected)
    failed = sum(experiment.state in BAD_ENDS for experiment in selected)
    duration = format_duration(seconds_between(status.run.started, status.now)) if status.run else ""
    others = len(selected) - done - failed
    parts = [
        f"{done} of {len(selected)} done",
        f"{failed} failed" if failed else "",
        f"{others} not run" if others else "",
        f"in {duration}",
    ]
    return f"{status.study}: {', '.join(filter(None, parts))}"


def _best(study: StudyResults) -> Iterator[str]:
    """Yield the headline of the website, and the first lines of its leaderboard if there are several points."""
    from fairmesh.site import sentences  # noqa: PLC0415  not at the start of a run
    from fairmesh.site.view import StudyView  # noqa: PLC0415  as above

    view = StudyView(study)
    headline = sentences.headline(view)
    if headline:
        yield headline
    rows = [row for row in view.points if view.best and view.headline(row)][:BEST]
    if len(rows) > 1:
        width = max(len(row.name) for row in rows)
        for rank, row in enumerate(rows, 1):
            yield one_line(f"{rank:3}  {row.name.ljust(width)}  {view.headline(row)}")


def _failures(failed: Sequence[JobStatus]) -> Iterator[str]:
    for job in failed[:FAILURES]:
        yield one_line(f"{state_label(job.state)}: {job.name}: {job.reason}")
        yield one_line(f"    log: {log_path(job)}")
    if len(failed) > FAILURES:
        yield f"... and {len(failed) - FAILURES} more; `fairmesh status --limit {len(failed)}` lists all"


def _blocked(status: StudyStatus) -> Iterator[str]:
    """Yield why experiments were not run, with their number."""
    blocked = (job for job in status.experiments if job.is_selected and job.is_blocked)
    for reason, count in Counter(job.reason for job in blocked).items():
        yield one_line(f"{count} not run: {reason}")


def _next_step(status: StudyStatus, has_failed: bool) -> str:
    if has_failed:
        logs = f"`fairmesh logs --study {status.study}`"
        return f"next: see {logs}, mend the cause, and give the same command; it runs only what has no result"
    return f"next: `fairmesh results {status.study}`"

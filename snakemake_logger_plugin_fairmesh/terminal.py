"""Print the progress of a run: a line for each experiment as it ends, problems, and the end of the run.

Snakemake's own output is in its log; only its errors and warnings are printed.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from logging import LogRecord
from typing import Any, NamedTuple

from snakemake_interface_logger_plugins.common import LogEvent

from fairmesh.printing import format_duration
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import ANNOUNCEMENT, CANCELLED, RUN
from fairmesh.runner.text import last_lines
from snakemake_logger_plugin_fairmesh.dry_run import dry_run_lines
from snakemake_logger_plugin_fairmesh.events import EXPERIMENT_RULES, STAGE_RULES, Event
from snakemake_logger_plugin_fairmesh.failure import Failure, is_waiting
from snakemake_logger_plugin_fairmesh.progress import Name, Progress
from snakemake_logger_plugin_fairmesh.screen import Screen, make_screen

MANY = 1000  # experiments; of more, at most one line a second is printed
DETAILED = 20  # failures that are printed with the end of their logs
BESIDE = 55  # characters of a line beside the name of an experiment
FAILED, WARNING, TITLE = "red", "yellow", "bold"  # styles on a terminal
NOTHING = "Nothing to be done (all requested files are present and up to date)."
# Messages that repeat the lines of the experiments.
REPEATED = (
    "Exiting because a job execution failed.",
    "WorkflowError: At least one job did not complete successfully.",
    "RuleException: CalledProcessError in file ",
)
MISSING = "completed successfully, but some output files are missing"


class JobFiles(NamedTuple):
    """The output, the log and the folder of a job."""

    output: str = ""
    log: str = ""
    folder: str = ""


class Terminal:
    """The terminal of a run.

    Parameters
    ----------
    settings : OutputSettingsLoggerInterface
        Snakemake's settings of output.
    is_quiet : bool
        Whether only problems and the end are printed.
    is_verbose : bool
        Whether Snakemake prints its own output, with errors and the workflow's announcements.
    """

    def __init__(self, settings: Any, *, is_quiet: bool, is_verbose: bool) -> None:
        self._settings, self._is_quiet, self._is_verbose = settings, is_quiet, is_verbose
        self._made: Screen | None = None
        self._progress = Progress()
        self._plan: Mapping[str, Any] = {}
        self._names: Mapping[Name, str] = {}
        self._files: dict[int, JobFiles] = {}
        self._failures = 0
        self._printed = 0.0
        self._early: list[str] = []
        self._shown: set[str] = set()
        self._would_run: list[Event] = []
        self._has_started = self._has_stats = self._is_stopping = self._has_error = False

    def show(self, record: LogRecord, events: Iterable[Event]) -> None:
        """Print what a log record means."""
        announcement = getattr(record, ANNOUNCEMENT, None)
        if announcement is not None:
            self._announce(record.getMessage(), **announcement)
            return
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self._remember(record)
        for item in events:
            self._show_event(item)
        if event == LogEvent.WORKFLOW_STARTED:
            self._has_started = True
        elif event == LogEvent.RUN_INFO:
            self._has_stats = True
            self._note_stats(vars(record).get("stats") or {})
        elif record.levelno >= logging.WARNING:
            self._show_problem(record)
        elif event is None:
            self._show_message(record.getMessage())

    def close(self) -> None:
        """Print what remains to be said, and remove the progress bar."""
        if not self._has_started and self._early and not self._is_verbose:
            self._print("\n".join(self._early))
        if self._settings.dryrun and self._has_stats and not self._has_error:
            lines = [*dry_run_lines(self._would_run, self._names, self._plan.get("why") or {}, self._progress.total)]
            self._print("\n".join(lines[-1:] if self._is_quiet else lines))
        self._early, self._has_stats = [], False
        if self._made:
            self._made.close()

    @property
    def _screen(self) -> Screen:
        if self._made is None:
            stream = sys.stdout if self._settings.stdout else sys.stderr
            has_bar = not (self._is_quiet or self._is_verbose or self._settings.dryrun)
            has_color = not self._settings.nocolor
            self._made = make_screen(stream, lambda: self._beside_bar, has_color=has_color, has_bar=has_bar)
        return self._made

    @property
    def _beside_bar(self) -> str:
        return "stopping; Ctrl-C again stops at once" if self._is_stopping else self._progress.rest

    def _print(self, text: str, style: str = "", *, is_cut: bool = False) -> None:
        self._printed = time.monotonic()
        self._screen.print(text, style, is_cut=is_cut)

    def _announce(self, text: str, kind: str, **fields: Any) -> None:
        """Act on an announcement: ``plan``, ``start``, ``waiting``, ``machine``, ``stopping`` or ``end``."""
        if kind == "plan":
            self._plan, self._names = fields, fields["names"]
            self._progress.total = fields["count"]
        elif kind == "stopping":
            self._is_stopping = True
        elif kind == "start":
            self._progress.before = self._progress.total - fields["to_run"]
            self._progress.are_submitted = fields["are_submitted"]
        elif kind == "end" and self._made:
            self._made.close()
        is_wanted = kind == "end" or not self._is_quiet
        if text and is_wanted and not self._is_verbose:
            first, _, rest = text.partition("\n")
            self._print(first, WARNING if kind in {"waiting", "machine"} else TITLE)
            if rest:
                self._print(rest)
        if kind == "start":
            self._show_bar()

    def _show_bar(self) -> None:
        if not self._is_quiet:
            self._screen.show_bar(self._progress.ended, self._progress.total)

    def _remember(self, record: LogRecord) -> None:
        fields = vars(record)
        output, log = (str(next(iter(fields.get(name) or ()), "")) for name in ("output", "log"))
        self._files[fields["jobid"]] = JobFiles(output, log, str((fields.get("resources") or {}).get("folder", "")))

    def _note_stats(self, stats: Mapping[str, int]) -> None:
        to_run = sum(int(stats.get(rule, 0)) for rule in EXPERIMENT_RULES)
        self._progress.before = max(0, self._progress.total - to_run)

    def _show_event(self, event: Event) -> None:
        kind, rule = event["event"], event.get("rule", "")
        if self._settings.dryrun:
            if kind == "submitted":
                self._would_run.append(event)
        elif rule in EXPERIMENT_RULES:
            self._show_experiment(kind, event)
        elif kind == "failed":
            self._show_failure(event, self._title(event))
        elif kind == "finished":
            self._show_other(rule, event)

    def _title(self, event: Event) -> str:
        """Return what a person calls a job."""
        name = event.get("machine", ""), event.get("id", "")
        return self._names.get(name) or event.get("id") or event.get("rule") or f"job {event.get('job')}"

    def _show_experiment(self, kind: str, event: Event) -> None:
        name = (event["machine"], event["id"])
        if kind == "submitted":
            self._progress.begin(name, partial(is_waiting, self._files.get(event["job"], JobFiles()).folder))
        elif kind == "finished":
            record = jsonfiles.read_map(self._files.pop(event["job"], JobFiles()).output) or {}
            self._progress.finish(name, _seconds(record), is_done=True)
            self._show_bar()
            if self._is_due():
                self._print(self._result(self._title(event), record), is_cut=True)
        elif kind == "failed":
            self._progress.finish(name, is_done=False)
            self._show_bar()
            self._show_failure(event, f"{self._progress.label} {self._title(event)}")

    def _is_due(self) -> bool:
        is_due = self._progress.total <= MANY or time.monotonic() - self._printed >= 1
        return is_due and not self._is_quiet

    def _result(self, title: str, record: Mapping[str, Any]) -> str:
        """Return the line of an experiment that has a result."""
        is_new = record.get("run") in {None, os.environ.get(RUN)}
        parts = [
            self._padded(title),
            f"{_duration(record):>8}",
            self._value(record),
            "" if is_new else "from an earlier run",
            "" if self._screen.has_bar else self._progress.rest,
        ]
        return f"{self._progress.label} {'   '.join(filter(None, parts))}".rstrip()

    def _padded(self, title: str) -> str:
        return title.ljust(min(self._plan.get("width", 0), self._screen.width - BESIDE))

    def _value(self, record: Mapping[str, Any]) -> str:
        """Return the value of the primary metric."""
        metric = self._plan.get("metric") or {}
        value = (record.get("metrics") or {}).get(metric.get("name"))
        number = value.get("value") if isinstance(value, dict) else value
        return f"{metric['name']} {number:.4g} {metric['unit']}".rstrip() if isinstance(number, int | float) else ""

    def _show_failure(self, event: Event, title: str) -> None:
        files = self._files.get(event["job"], JobFiles())
        failure = Failure.of(files.folder, files.log, str(event.get("reason") or ""))
        if self._is_stopping and failure.state in {CANCELLED, ""}:
            return
        self._failures += 1
        self._print(f"{title}   {failure.state or 'failed'}: {failure.reason}", FAILED)
        if self._failures <= DETAILED:
            tail = last_lines(failure.log, 3)
            self._print("\n".join(f"    {line}" for line in [*tail, f"log: {failure.log}"]))

    def _show_other(self, rule: str, event: Event) -> None:
        """Print that a shared stage, or all probes, have a result."""
        output = self._files.pop(event["job"], JobFiles()).output
        if self._is_quiet:
            return
        if rule in STAGE_RULES:
            self._print(f"{self._title(event)}   {_duration(jsonfiles.read_map(output) or {})}".rstrip(), is_cut=True)
        elif rule == "probe":
            self._print("all probes have a result; the other experiments follow")

    def _show_problem(self, record: LogRecord) -> None:
        """Print an error or warning of Snakemake once."""
        text = record.getMessage().strip().replace(":\n", ": ", 1)
        is_error = record.levelno >= logging.ERROR
        if self._is_verbose or getattr(record, "event", None) in {LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR}:
            return
        if not text or text in self._shown or text.startswith(REPEATED) or MISSING in text:
            return
        self._has_error |= is_error
        self._shown.add(text)
        first, *rest = text.splitlines()
        label, style = ("error", FAILED) if is_error else ("warning", WARNING)
        self._print(f"{label}: {first}", style)
        if rest:
            self._print("\n".join(rest))

    def _show_message(self, text: str) -> None:
        if text == NOTHING:
            if not self._is_verbose:
                self._print(self._plan.get("nothing") or NOTHING, TITLE)
        elif not self._has_started:  # of a command that runs nothing, such as --unlock
            self._early.append(text)


def _seconds(record: Mapping[str, Any]) -> float:
    """Return how long a job of this run took; 0 if it was another run's."""
    seconds = record.get("seconds")
    return seconds if isinstance(seconds, int | float) and record.get("run") == os.environ.get(RUN) else 0.0


def _duration(record: Mapping[str, Any]) -> str:
    seconds = record.get("seconds")
    return format_duration(seconds, precise=True) if isinstance(seconds, int | float) else ""

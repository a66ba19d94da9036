"""The logger of a run, ``--logger fairmesh``: it writes events beside the results, and prints to the terminal.

Snakemake's own output is in its log, and on the terminal with ``--verbose``. No error of this plugin may end the run.
"""

from __future__ import annotations

import contextlib
import os
import sys
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase

from fairmesh.runner.protocol import EXECUTOR_RUN, RUN_FOLDER
from snakemake_logger_plugin_fairmesh.event_file import EventFile
from snakemake_logger_plugin_fairmesh.events import EventReader
from snakemake_logger_plugin_fairmesh.terminal import Terminal


class LogHandler(LogHandlerBase):  # type: ignore[misc]
    """Hands Snakemake's log records to the file of events and to the terminal."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        self._is_verbose = bool(settings.verbose or settings.debug_dag or settings.printshellcmds)
        self._terminal = Terminal(settings, is_quiet=bool(settings.quiet), is_verbose=self._is_verbose)
        settings.quiet = None  # of the terminal; Snakemake's log is complete
        self._reader = EventReader()
        self._warned: set[str] = set()
        self._file = EventFile(self.lock, lambda text: self._warn_once("file", text))
        for name in (RUN_FOLDER, EXECUTOR_RUN):  # of an outer run
            os.environ.pop(name, None)

    @property
    def writes_to_stream(self) -> bool:
        """Whether the handler prints in place of Snakemake."""
        return not self._is_verbose

    @property
    def writes_to_file(self) -> bool:
        """Whether Snakemake should show its log file; the events are for programs."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether the handler filters records itself, independently of --quiet."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether the handler formats records itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether the handler needs the graph of rules."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Write and show the events of a log record of Snakemake."""
        try:
            events = list(self._reader.events(record))
            for event in events:
                self._file.add(event)
            self._file.write()
        except Exception as error:  # noqa: BLE001  an observer must not end the run
            events = []
            self._warn_once("event", f"events of this run are missing: {error!r}")
        try:
            self._terminal.show(record, events)
        except Exception as error:  # noqa: BLE001  as above
            self._warn_once("terminal", f"lines of this run are missing: {error!r}")

    def close(self) -> None:
        """Write the remaining events, and give the terminal back."""
        with self.lock:
            self._file.close()
            with contextlib.suppress(Exception):
                self._terminal.close()
        super().close()

    def _warn_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            with contextlib.suppress(OSError, ValueError):  # standard error may be closed
                print(f"warning: {text}", file=sys.stderr, flush=True)

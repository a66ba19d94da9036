"""Events of a training in MLCommons' log, which whoever runs this program may have begun with its own.

The keys and their metadata are those of mlperf-logging's constants; where that package is missing, nothing is logged.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from cloudmask.errors import CloudmaskError

FILE = "events.mllog"
_MARK = ":::MLLOG "


class Events:
    """The log of one training.

    Parameters
    ----------
    path : Path or None
        The file; None for processes that must not write it, as all but the first of several are.

    Examples
    --------
    >>> events = Events(None)
    >>> with events.interval("epoch", 1):
    ...     events.accuracy(1, 0.9)
    """

    def __init__(self, path: Path | None) -> None:
        self._logger = _logger(path) if path else None

    def data(self, training: int, validation: int, batch: int) -> None:
        """Say how many patches there are for training and validation, and how many make a step on all devices."""
        for key, value in (
            ("global_batch_size", batch),
            ("train_samples", training),
            ("eval_samples", validation),
        ):
            self._event(key, value)

    def adam(self, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> None:
        """Say what the optimiser is; the defaults are those of Keras."""
        self._event("opt_name", "adam")
        self._event("opt_base_learning_rate", learning_rate)
        self._event("opt_adam_beta_1", beta_1)
        self._event("opt_adam_beta_2", beta_2)
        self._event("opt_adam_epsilon", epsilon)

    @contextmanager
    def interval(self, name: Literal["epoch", "eval"], epoch: int) -> Iterator[None]:
        """Say when an epoch, or the evaluation at its end, begins and ends; the end only if there is no error."""
        metadata = {"epoch_num": epoch}
        if self._logger:
            self._logger.start(key=f"{name}_start", metadata=metadata)
        yield
        if self._logger:
            self._logger.end(key=f"{name}_stop", metadata=metadata)

    def accuracy(self, epoch: int, value: float) -> None:
        """Say how many of the pixels for validation agree with their label after an epoch, as a share."""
        self._event("eval_accuracy", value, {"epoch_num": epoch})

    def again(self, epoch: int, value: float) -> None:
        """Say of an epoch of an earlier attempt that it is behind: its log is another, and this one must be whole."""
        for name in ("epoch", "eval"):
            with self.interval(name, epoch):
                pass
        self.accuracy(epoch, value)

    def _event(self, key: str, value: Any, metadata: dict[str, Any] | None = None) -> None:
        if self._logger:
            self._logger.event(key=key, value=value, metadata=metadata)


class _Lines(logging.FileHandler):
    """Writes the log's lines; one that cannot be written ends the training, as a log with a gap is worth nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        error = sys.exc_info()[1]
        raise CloudmaskError(f"{self.baseFilename}: cannot be written: {error}") from None


def _logger(path: Path) -> Any:
    """Make a logger that writes into this file alone; the package's own would also print every line."""
    try:
        from mlperf_logging.mllog import mllog  # noqa: PLC0415  scores of milliseconds
    except ImportError:
        return None
    # Of its own, not one of the registered ones, which a second training in this process would share.
    logger = logging.Logger("cloudmask.mllog", logging.INFO)  # noqa: LOG001
    logger.addHandler(_Lines(path, "a" if _is_begun(path) else "w", encoding="utf-8"))
    return mllog.MLLogger(logger, root_dir=re.escape(str(Path(__file__).parents[1])))


def _is_begun(path: Path) -> bool:
    """Return whether somebody has just begun a log for this run; any other file is an old one, of a run by hand."""
    try:
        last = path.read_text(encoding="utf-8").splitlines()[-1]
        return bool(json.loads(last.removeprefix(_MARK))["key"] == "run_start")
    except (OSError, ValueError, LookupError, TypeError):
        return False

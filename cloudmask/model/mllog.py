"""Events of a training in MLCommons' log, which the program that runs this one may have begun.

The keys and their metadata are those of mlperf-logging's constants; where that package is missing, nothing is logged.
"""

from __future__ import annotations

import json
import logging
import re
import sys
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
    >>> events.start("epoch", 1)
    >>> events.stop("epoch", 1)
    """

    def __init__(self, path: Path | None) -> None:
        self._logger = _logger(path) if path else None

    def data(self, training: int, validation: int, batch: int) -> None:
        """Log how many patches there are for training and validation, and how many make a step on all devices."""
        for key, value in (
            ("global_batch_size", batch),
            ("train_samples", training),
            ("eval_samples", validation),
        ):
            self._event(key, value)

    def adam(self, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> None:
        """Log the optimizer; the defaults are those of Keras."""
        self._event("opt_name", "adam")
        self._event("opt_base_learning_rate", learning_rate)
        self._event("opt_adam_beta_1", beta_1)
        self._event("opt_adam_beta_2", beta_2)
        self._event("opt_adam_epsilon", epsilon)

    def start(self, name: Literal["epoch", "eval"], epoch: int) -> None:
        """Log that an epoch, or the evaluation at its end, begins."""
        if self._logger:
            self._logger.start(key=f"{name}_start", metadata={"epoch_num": epoch})

    def stop(self, name: Literal["epoch", "eval"], epoch: int) -> None:
        """Log that it has ended."""
        if self._logger:
            self._logger.end(key=f"{name}_stop", metadata={"epoch_num": epoch})

    def accuracy(self, epoch: int, value: float) -> None:
        """Log the share of the validation's pixels that agree with their label after an epoch."""
        self._event("eval_accuracy", value, {"epoch_num": epoch})

    def repeat(self, epoch: int, value: float) -> None:
        """Log an epoch of an earlier attempt, whose log is another one, so that this log is complete."""
        for name in ("epoch", "eval"):
            self.start(name, epoch)
            self.stop(name, epoch)
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
    logger = logging.Logger("cloudmask.model.mllog", logging.INFO)  # noqa: LOG001
    logger.addHandler(_Lines(path, "a" if _is_begun(path) else "w", encoding="utf-8"))
    return mllog.MLLogger(logger, root_dir=re.escape(str(Path(__file__).parents[2])))


def _is_begun(path: Path) -> bool:
    """Return whether another program has just begun a log for this run; any other file is one of an older run."""
    try:
        last = path.read_text(encoding="utf-8").splitlines()[-1]
        return bool(json.loads(last.removeprefix(_MARK))["key"] == "run_start")
    except (OSError, ValueError, LookupError, TypeError):
        return False

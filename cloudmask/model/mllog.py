"""Events of a training in the MLCommons log, which the calling program may have started.

Keys and metadata are those of mlperf-logging's constants; without that package, nothing is logged.
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
        The file; None in processes that do not write it.

    Examples
    --------
    >>> events = Events(None)
    >>> events.start("epoch", 1)
    >>> events.stop("epoch", 1)
    """

    def __init__(self, path: Path | None) -> None:
        self._logger = _logger(path) if path else None

    def data(self, training: int, validation: int, batch: int) -> None:
        """Log the numbers of patches for training, for validation, and in a step on all devices."""
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
        """Log the start of an epoch or of its evaluation."""
        if self._logger:
            self._logger.start(key=f"{name}_start", metadata={"epoch_num": epoch})

    def stop(self, name: Literal["epoch", "eval"], epoch: int) -> None:
        """Log the end of an epoch or of its evaluation."""
        if self._logger:
            self._logger.end(key=f"{name}_stop", metadata={"epoch_num": epoch})

    def accuracy(self, epoch: int, value: float) -> None:
        """Log the validation accuracy after an epoch."""
        self._event("eval_accuracy", value, {"epoch_num": epoch})

    def repeat(self, epoch: int, value: float) -> None:
        """Log an epoch of an earlier attempt, so that this log is complete."""
        for name in ("epoch", "eval"):
            self.start(name, epoch)
            self.stop(name, epoch)
        self.accuracy(epoch, value)

    def _event(self, key: str, value: Any, metadata: dict[str, Any] | None = None) -> None:
        if self._logger:
            self._logger.event(key=key, value=value, metadata=metadata)


class _Lines(logging.FileHandler):
    """Writes the lines of the log; a failed write stops the training, since an incomplete log is useless."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        error = sys.exc_info()[1]
        raise CloudmaskError(f"{self.baseFilename}: cannot be written: {error}") from None


def _logger(path: Path) -> Any:
    """Return a logger that writes to this file only; the package's own also prints every line."""
    try:
        from mlperf_logging.mllog import mllog  # noqa: PLC0415  slow to import
    except ImportError:
        return None
    # Not registered, since a second training in this process would share a registered logger.
    logger = logging.Logger("cloudmask.model.mllog", logging.INFO)  # noqa: LOG001
    logger.addHandler(_Lines(path, "a" if _is_begun(path) else "w", encoding="utf-8"))
    return mllog.MLLogger(logger, root_dir=re.escape(str(Path(__file__).parents[2])))


def _is_begun(path: Path) -> bool:
    """Return whether another program started a log for this run; any other file belongs to an older run."""
    try:
        last = path.read_text(encoding="utf-8").splitlines()[-1]
        return bool(json.loads(last.removeprefix(_MARK))["key"] == "run_start")
    except (OSError, ValueError, LookupError, TypeError):
        return False

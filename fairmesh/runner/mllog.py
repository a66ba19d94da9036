"""Write an attempt's events in MLCommons' logging format around those of the program.

The lines are those that mlperf-logging 4.1 writes and its parser and compliance checker read: a mark, and a map whose
keys come in this order: namespace, time_ms, event_type, key, value, metadata; the metadata begin with file and line.
"""

import inspect
import json
import os
import time
from collections import OrderedDict
from typing import Any, Dict, Optional, Tuple

from ..schedulers import current_job
from .gpu import Gpus
from .protocol import MLLOG
from .safefiles import append, open_log

MARK = ":::MLLOG "
START, END, POINT = "INTERVAL_START", "INTERVAL_END", "POINT_IN_TIME"
SUBMISSION = "submission_"
# Written by the runner, once per log: the keys of the checker's common rules, and the policy's `result`.
OURS = (
    "cache_clear",
    "init_start",
    "init_stop",
    "run_start",
    "run_stop",
    "number_of_nodes",
    "accelerators_per_node",
    "seed",
    "result",
)


def milliseconds() -> int:
    """Return the time in whole milliseconds since 1970; it never goes back, even if the clock is set."""
    return int((_BEGIN + _steady()) * 1e3)


def _steady() -> float:
    """Return the seconds since this computer was started, including suspension."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_BEGIN = time.time() - _steady()


def line(kind: str, key: str, value: Any, metadata: Dict[str, Any], time_ms: Optional[int] = None) -> str:
    """Return one line of a log.

    Parameters
    ----------
    kind : str
        `START`, `END` or `POINT`.
    value : anything of JSON
        The value; None for the ends of an interval.
    metadata : dict
        ``file`` and ``lineno`` first.
    """
    stamp = milliseconds() if time_ms is None else time_ms
    event = [("namespace", ""), ("time_ms", stamp), ("event_type", kind), ("key", key), ("value", value)]
    return MARK + json.dumps(OrderedDict([*event, ("metadata", metadata)])) + "\n"


def of_program(text: str) -> str:
    """Return the event in a line of the program's output, for the log; its place and time are kept.

    The text is empty if there is no complete event, or if the runner writes it itself. The event may follow other text,
    such as a progress bar: like mlperf-logging, this function reads a line from its last mark on.
    """
    _, mark, rest = text.rpartition(MARK)
    key = _key(rest) if mark else None
    return "" if key is None or _is_ours(key) else mark + rest.strip() + "\n"


def _key(text: str) -> Optional[str]:
    """Return the key of an event, or None if the text is not a whole event."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not event.keys() >= {"time_ms", "key", "value", "metadata"}:
        return None
    is_good = isinstance(event["key"], str) and isinstance(event["time_ms"], (int, float))
    return event["key"] if is_good else None


def _is_ours(key: str) -> bool:
    return key in OURS or key.startswith(SUBMISSION)


class Events:
    """The log of an attempt's events: opened before the program starts, closed when it has ended.

    Parameters
    ----------
    folder : str
        The attempt's folder.
    experiment : dict
        The content of experiment.json; its ``submission`` may name the submitter.
    """

    def __init__(self, folder: str, experiment: Dict[str, Any]) -> None:
        self.path = os.path.join(folder, MLLOG)
        self.is_open = False
        self._experiment = experiment

    def open(self, init_ms: int) -> None:
        """Write the events about submission, initialization (from ``init_ms``) and the start of the run."""
        lines = [line(POINT, *event, time_ms=init_ms) for event in self._facts()]
        lines.append(line(START, "init_start", None, _here(), init_ms))
        lines += [line(POINT, *event) for event in self._values()]
        lines.append(line(END, "init_stop", None, _here()))
        lines.append(line(START, "run_start", None, _here()))
        append(self.path, "".join(lines).encode())
        self.is_open = True

    def close(self, end_ms: int, metrics: Optional[Dict[str, Any]] = None) -> None:
        """Write the end of the run: success with the metrics as the result, or aborted without metrics."""
        if not self.is_open:
            return
        status = "aborted" if metrics is None else "success"
        text = line(END, "run_stop", None, dict(_here(), status=status), end_ms)
        if metrics is not None:
            values = {name: metric["value"] for name, metric in metrics.items()}
            text += line(POINT, "result", values, _here())
        self._append(text)
        self.is_open = False

    def _facts(self) -> Tuple[Tuple[str, Any, Dict[str, Any]], ...]:
        """Return the events about the submission; caches are never cleared."""
        named = dict({"benchmark": self._experiment["application"]["name"]}, **self._experiment.get("submission", {}))
        given = [(SUBMISSION + name, value, _here()) for name, value in named.items()]
        return (*given, ("cache_clear", False, _here()))

    def _values(self) -> Tuple[Tuple[str, Any, Dict[str, Any]], ...]:
        """Return the size of the machine and all parameters, the seed under MLCommons' name."""
        resources, parameters = self._experiment["resources"], self._experiment["parameters"]
        seed = self._experiment["application"].get("seed", "")
        events = [
            ("number_of_nodes", _nodes(resources), _here()),
            ("accelerators_per_node", len(Gpus().all), _here()),
        ]
        if seed in parameters:
            events.append(("seed", parameters[seed], _here()))
        others = [name for name in parameters if name != seed and not _is_ours(name)]
        return (*events, *((name, parameters[name], _here()) for name in others))

    def _append(self, text: str) -> None:
        """Append lines; first end the line that a killed program may have left unfinished."""
        descriptor = open_log(self.path)
        try:
            size = os.fstat(descriptor).st_size
            is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        finally:
            os.close(descriptor)
        append(self.path, (b"\n" if is_torn else b"") + text.encode())


def _nodes(resources: Dict[str, Any]) -> int:
    """Return the number of nodes, from the scheduler or from the experiment's resources."""
    job = current_job()
    for count in (job.nodes if job and job.nodes else "", resources.get("nodes")):
        if str(count).isdigit():
            return int(str(count))
    return 1


def _here() -> Dict[str, Any]:
    """Return the place in this module that writes an event, without a path of this machine."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    return OrderedDict([("file", "fairmesh/runner/mllog.py"), ("lineno", caller.f_lineno if caller else 0)])

"""Check and hash the result of an attempt, write it as commit.json, and copy it to the workflow's record."""

import fnmatch
import hashlib
import json
import math
import os
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from . import jsonfiles, manifest, protocol
from .safefiles import NotRegularError, TooLargeError, open_regular, read_regular

LARGEST = 1 << 24  # bytes of a file of metrics
LONGEST_SHOWN = 200  # characters of what a program wrote, in a message
_MOST_DIGITS = 400  # of a whole number; no finite one of double precision has as many

MOST = 1000  # metrics of an experiment, and of its baselines together: each becomes a column of every table
LONGEST = 200  # characters of the name of a metric or a baseline


class Refused(Exception):
    """Raised when the output of a program is not a valid result; the text says why."""


def read(folder: str, fingerprint: str) -> Optional[Dict[str, Any]]:
    """Return a job folder's commit if it is complete and has this fingerprint."""
    commit = jsonfiles.read_map(os.path.join(folder, protocol.COMMIT))
    return commit if commit and commit.get("fingerprint") == fingerprint and _is_whole(commit) else None


def _is_whole(commit: Dict[str, Any]) -> bool:
    """Return whether a commit has the parts that its readers need; it may have been edited."""
    maps = ("application", "parameters", "axes", "metrics", "usage")
    return isinstance(commit.get("attempt", 1), int) and all(isinstance(commit.get(name, {}), dict) for name in maps)


def copy_record(folder: str, record: str) -> None:
    """Copy the bytes of the commit to the record."""
    os.makedirs(os.path.dirname(record) or ".", exist_ok=True)
    jsonfiles.write_bytes(record, read_regular(os.path.join(folder, protocol.COMMIT)))


def set_aside(folder: str) -> None:
    """Move the commit of a job folder to its history, so that it no longer counts."""
    add_to_history(folder, os.path.join(folder, protocol.COMMIT))


def add_to_history(folder: str, path: str) -> str:
    """Move a file with a result of a job folder to its history, under the next number; return its new path."""
    history = history_of(folder)
    os.makedirs(history, exist_ok=True)
    number = 1
    while os.path.lexists(os.path.join(history, f"{number}.json")):
        number += 1
    target = os.path.join(history, f"{number}.json")
    os.replace(path, target)
    return target


def history_of(folder: str) -> str:
    """Return the folder of a job's earlier results: beside the records of its study, else in the job folder."""
    place = beside(folder, protocol.HISTORY_FOLDER)
    return place if place else os.path.join(folder, protocol.HISTORY_FOLDER)


def beside(folder: str, name: str) -> Optional[str]:
    """Return the place of an experiment in another folder of its study; None for a job folder outside of results."""
    rest, identity = os.path.split(folder)
    rest, machine = os.path.split(rest)
    study, experiments = os.path.split(rest)
    return os.path.join(study, name, machine, identity) if experiments == protocol.EXPERIMENTS else None


def read_metrics(attempt: str, required: Sequence[str] = ()) -> Dict[str, Dict[str, Optional[float]]]:
    """Read an attempt's metrics.json: name to a finite number, or to value, low, high and samples.

    Parameters
    ----------
    attempt : str
        Its folder.
    required : sequence of str
        The metrics that it must have: those that the application declares and that are not optional.

    Raises
    ------
    Refused
        If there is none, anything in it is not a finite number, or a required metric is missing.
    """
    metrics = _read_map(attempt, protocol.METRICS)
    if not metrics:
        raise Refused("metrics.json holds no metric")
    _check_names("metrics.json", metrics, len(metrics))
    missing = [name for name in required if name not in metrics]
    if missing:
        raise Refused(_missing(missing, list(metrics)))
    return {_name(name): _metric(name, value) for name, value in metrics.items()}


def _missing(missing: List[str], names: List[str]) -> str:
    """Return the message about missing metrics, with the existing names and suggestions."""
    import difflib  # noqa: PLC0415  takes milliseconds, only for mistakes

    near = [close for name in missing for close in difflib.get_close_matches(name, names, 1)]
    shown = ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    meant = f"; {' and '.join(map(repr, near))} may be meant" if near and len(names) > 1 else ""
    return f"metrics.json has no {' and no '.join(map(repr, missing[:_SHOWN]))}; it has {shown}{meant}"


_SHOWN = 10  # names in a message


def read_baselines(attempt: str) -> Dict[str, Dict[str, Optional[float]]]:
    """Read an attempt's baselines.json, if there is one: name to metric to value.

    Raises
    ------
    Refused
        If it holds anything but finite numbers.
    """
    if not os.path.exists(os.path.join(attempt, protocol.BASELINES)):
        return {}
    baselines = _read_map(attempt, protocol.BASELINES)
    for name, metrics in baselines.items():
        if not isinstance(metrics, dict):
            raise Refused(f"baselines.json: {_shown(name)} is not a map of metrics")
    names = [name for metrics in baselines.values() for name in metrics]
    _check_names("baselines.json", [*baselines, *names], len(names))
    return {
        _name(name): {_name(metric): _number(f"{name}.{metric}", value) for metric, value in metrics.items()}
        for name, metrics in baselines.items()
    }


def _check_names(file: str, names: Iterable[str], count: int) -> None:
    if count > MOST:
        raise Refused(f"{file} holds {count} metrics, more than {MOST}; a table takes what is measured many times")
    for name in names:
        if len(name) > LONGEST:
            raise Refused(f"{file} has a name of {len(name)} characters, more than {LONGEST}: {name[:40]!r}...")


def _read_map(attempt: str, name: str) -> Dict[str, Any]:
    try:
        data = read_regular(os.path.join(attempt, name), LARGEST)
        content = json.loads(data.decode("utf-8"), parse_int=_integer)
    except FileNotFoundError:
        place = "/".join(attempt.split(os.sep)[-3:])  # its beginning is private
        raise Refused(f"the program wrote no {name} in the folder that it was started in, .../{place}") from None
    except (NotRegularError, TooLargeError) as error:
        raise Refused(f"{name} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise Refused(f"{name} is not JSON that can be read: it nests too deeply") from None
    except ValueError as error:
        raise Refused(f"{name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refused(name + " is not a map")
    return content


def _integer(digits: str) -> float:
    """Return an exact integer, or infinity for one beyond the range of double precision."""
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def _name(name: str) -> str:
    if not manifest.is_text(name):
        raise Refused(f"{_shown(name)} is not the name of a metric: it is not text in Unicode")
    return name


def _shown(value: Any) -> str:
    """Return a value from a program for a message, shortened if it is long."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def _metric(name: str, value: Any) -> Dict[str, Optional[float]]:
    if not isinstance(value, dict):
        value = {"value": value}
    if "value" not in value or set(value) - {"value", "low", "high", "samples"}:
        shown = _shown(", ".join(value))
        raise Refused(f"metric {_shown(name)} has the keys {shown}, not value, low, high and samples")
    keys = ("value", "low", "high") + (("samples",) if value.get("samples") is not None else ())
    return {key: None if value.get(key) is None and key != "value" else _number(name, value[key]) for key in keys}


def _number(name: str, value: Any) -> float:
    if isinstance(value, str):
        raise Refused(f"metric {_shown(name)} is a text, {_shown(value)}; write a number, without quotes")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        shown = "infinite or beyond 1.8e308" if value in (math.inf, -math.inf) else _shown(value)
        raise Refused(f"metric {_shown(name)} is {shown}, not a finite number of double precision")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of double precision
        return False


def keep_only(attempt: str, patterns: List[str]) -> None:
    """Delete outputs that match no pattern; files of the runner are kept."""
    for path in _files(attempt):
        name = os.path.relpath(path, attempt)
        if name not in _RUNNERS_OWN and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            os.unlink(path)


_RUNNERS_OWN = (
    protocol.STATUS,
    protocol.EXPERIMENT,
    protocol.CONFIG,
    protocol.METRICS,
    protocol.BASELINES,
    protocol.HISTORY,
    protocol.TELEMETRY,
    protocol.LOG,
    protocol.MLLOG,
    "process.json",
)


def list_files(folder: str, attempt: str, pause: Callable[[], None]) -> List[Dict[str, Any]]:
    """Return an attempt's files with SHA-256 and size, except status.json, which still changes.

    ``pause`` is called for each block and can raise an exception to stop, since a file may be endless.
    """
    status = os.path.join(attempt, protocol.STATUS)
    return [
        dict(
            manifest.entry(manifest.name_text(os.path.relpath(path, folder))),
            sha256=_sha256(path, pause),
            bytes=os.path.getsize(path),
        )
        for path in _files(attempt)
        if path != status
    ]


def _files(attempt: str) -> List[str]:
    files = []
    for parent, _, names in os.walk(attempt):
        paths = (os.path.join(parent, name) for name in names)
        files += [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
    return sorted(files)


def _sha256(path: str, pause: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with open_regular(path, follow_links=False) as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            pause()
    return digest.hexdigest()


def write(folder: str, commit: Dict[str, Any]) -> None:
    """Write the commit, which completes the experiment."""
    jsonfiles.write(os.path.join(folder, protocol.COMMIT), commit)

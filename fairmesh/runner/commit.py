"""The result of an attempt: checked, hashed, written last, and copied to where the workflow waits for it."""

import fnmatch
import hashlib
import json
import math
import os
from typing import Any, Dict, List, Optional

from . import jsonfiles, protocol


class Refused(Exception):
    """What a program left is not a result; the text says why."""


def read(folder: str, fingerprint: str) -> Optional[Dict[str, Any]]:
    """Give a job folder's commit if it is one of this fingerprint."""
    commit = jsonfiles.read_map(os.path.join(folder, protocol.COMMIT))
    return commit if commit and commit.get("fingerprint") == fingerprint else None


def copy_record(folder: str, record: str) -> None:
    """Copy the bytes of the commit to the record."""
    os.makedirs(os.path.dirname(record) or ".", exist_ok=True)
    with open(os.path.join(folder, protocol.COMMIT), "rb") as file:
        jsonfiles.write_bytes(record, file.read())


def set_aside(folder: str) -> None:
    """Move the commit into the folder of its attempt, so that it no longer counts."""
    path = os.path.join(folder, protocol.COMMIT)
    commit = jsonfiles.read_map(path) or {}
    attempt = os.path.join(folder, protocol.ATTEMPTS, str(int(commit.get("attempt", 0))))
    os.replace(path, os.path.join(attempt if os.path.isdir(attempt) else folder, "forced-" + protocol.COMMIT))


def read_metrics(attempt: str, primary: str = "") -> Dict[str, Dict[str, Optional[float]]]:
    """Read an attempt's metrics.json: name to a finite number, or to value, low, high and samples.

    Parameters
    ----------
    attempt : str
        Its folder.
    primary : str
        The metric that ranks; empty if the application declares none.

    Raises
    ------
    Refused
        If there is none, anything in it is not a finite number, or the metric that ranks is missing.
    """
    found = _read_map(attempt, protocol.METRICS)
    if not found:
        raise Refused("metrics.json holds no metric")
    if primary and primary not in found:
        raise Refused(_lacking(primary, list(found)))
    return {name: _metric(name, value) for name, value in found.items()}


def _lacking(primary: str, names: List[str]) -> str:
    """Return what to say of a missing primary metric: the names that are there, and which was probably meant."""
    import difflib  # noqa: PLC0415  milliseconds that only a mistake costs

    near = difflib.get_close_matches(primary, names, 1)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    meant = f"; is {near[0]!r} meant?" if near else ""
    return f"metrics.json lacks {primary!r}, by which experiments are ranked; it has {shown}{meant}"


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
    found = _read_map(attempt, protocol.BASELINES)
    for name, metrics in found.items():
        if not isinstance(metrics, dict):
            raise Refused(f"baselines.json: {name!r} is not a map of metrics")
    return {
        name: {metric: _number(f"{name}.{metric}", value) for metric, value in metrics.items()}
        for name, metrics in found.items()
    }


def _read_map(attempt: str, name: str) -> Dict[str, Any]:
    try:
        with open(os.path.join(attempt, name), encoding="utf-8") as file:
            found = json.load(file)
    except OSError:
        raise Refused("the program wrote no " + name) from None
    except ValueError as error:
        raise Refused(f"{name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refused(name + " is not a map")
    return found


def _metric(name: str, value: Any) -> Dict[str, Optional[float]]:
    if not isinstance(value, dict):
        value = {"value": value}
    if "value" not in value or set(value) - {"value", "low", "high", "samples"}:
        raise Refused("metric {!r} has the keys {}, not value, low, high and samples".format(name, ", ".join(value)))
    keys = ("value", "low", "high") + (("samples",) if value.get("samples") is not None else ())
    return {key: None if value.get(key) is None and key != "value" else _number(name, value[key]) for key in keys}


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"metric {name!r} is {value}, not a finite number")
    return value


def keep_only(attempt: str, patterns: List[str]) -> None:
    """Delete the outputs that the application does not want to keep; what the runner wrote stays."""
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


def list_files(folder: str, attempt: str) -> List[Dict[str, Any]]:
    """List an attempt's files with SHA-256 and size; status.json is not among them, for it still changes."""
    paths = [path for path in _files(attempt) if os.path.basename(path) != protocol.STATUS]
    return [
        {"path": os.path.relpath(path, folder), "sha256": _sha256(path), "bytes": os.path.getsize(path)}
        for path in paths
    ]


def _files(attempt: str) -> List[str]:
    found = []
    for parent, _, names in os.walk(attempt):
        paths = (os.path.join(parent, name) for name in names)
        found += [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
    return sorted(found)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def write(folder: str, commit: Dict[str, Any]) -> None:
    """Write the commit: from here on the experiment is done."""
    jsonfiles.write(os.path.join(folder, protocol.COMMIT), commit)

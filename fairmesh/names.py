"""Names that are safe in paths, shells, Snakemake's wildcards and URLs, and that differ where the values differ.

The id of an experiment says its axes, ``epochs=1+gpu=a100+repeat=3``: letters, digits and ``. _ -`` stand for
themselves, any other byte of the UTF-8 text is ``~`` and two hex digits. There is never a comma: Snakemake's
``--target-jobs`` splits there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fairmesh.files import canonical_json, text_sha256
from fairmesh.schema.nodes import resolve_scalar

REPEAT = "repeat"
NO_AXES = "defaults"
KEY_LENGTH = 12

_LONGEST = 120
_HEAD = 100
_SAFE = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)


def escape(text: str) -> str:
    """Write a text with safe bytes alone.

    >>> escape("a/b, 50 %")
    'a~2fb~2c~2050~20~25'
    """
    if _SAFE.fullmatch(text):
        return text
    return "".join(chr(byte) if byte < 128 and _SAFE.fullmatch(chr(byte)) else f"~{byte:02x}" for byte in text.encode())


def find_primary_metric(metrics: Mapping[str, Any]) -> str:
    """Return the name of the metric that ranks: the primary one, else the first with a direction, else the first.

    Parameters
    ----------
    metrics : mapping
        By name; each has ``primary`` and ``better``. An empty text is returned if there is none.
    """
    wanted = (lambda metric: metric.primary, lambda metric: metric.better, lambda _: True)
    return next((name for fits in wanted for name, metric in metrics.items() if fits(metric)), "")


def number_text(number: float) -> str:
    """Return the shortest text that reads back as the same number.

    >>> [number_text(number) for number in (100, 0.001, 1e-05, 2.0, 1e22)]
    ['100', '0.001', '1e-5', '2', '1e22']
    """
    text = repr(number + 0).removesuffix(".0")  # -0.0 + 0 is 0.0
    return re.sub(r"e([-+])0*", lambda found: "e" + found[1].strip("+"), text)


def value_text(value: Any) -> str:
    """Return the text of a parameter's value, one text a value.

    A text that YAML would read as another type is quoted as in JSON; lists and maps are canonical JSON.

    >>> [value_text(value) for value in ("a100", "1", 1, True, None, [1, 2])]
    ['a100', '"1"', '1', 'true', 'null', '[1,2]']
    """
    if isinstance(value, str):
        return canonical_json(value) if _needs_quotes(value) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return canonical_json(value)
    return number_text(value)


def plain_text(value: Any) -> str:
    """Return the text of a value for people: a text stays as it is, without quotes.

    >>> [plain_text(value) for value in ("1", 1, True)]
    ['1', '1', 'true']
    """
    return value if isinstance(value, str) else value_text(value)


def axis_text(name: str, value: Any) -> str:
    """Return an axis and its value as they stand in an id.

    >>> axis_text("learning_rate", 1e-05)
    'learning_rate=1e-5'
    """
    return f"{escape(name)}={escape(value_text(value))}"


def join_axes(texts: Iterable[str]) -> str:
    """Join the texts of axes to an id, which is cut past 120 characters."""
    whole = "+".join(texts) or NO_AXES
    if len(whole) <= _LONGEST:
        return whole
    head = re.sub(r"~.?$", "", whole[:_HEAD])
    return f"{head}~~{text_sha256(whole)[:16]}"


def axis_sort_key(name: str) -> tuple[bool, str]:
    """Sort axes by name, with the repeat last.

    >>> sorted(["repeat", "seed", "gpu"], key=axis_sort_key)
    ['gpu', 'seed', 'repeat']
    """
    return name == REPEAT, name


def experiment_id(axes: Mapping[str, Any]) -> str:
    """Return the id of an experiment: the name of its folder and Snakemake's wildcard.

    Parameters
    ----------
    axes : mapping of str to value
        Value by axis, in any order.

    Examples
    --------
    >>> experiment_id({"repeat": 3, "gpu": "a100", "epochs": 1})
    'epochs=1+gpu=a100+repeat=3'
    """
    return join_axes(axis_text(name, axes[name]) for name in sorted(axes, key=axis_sort_key))


def experiment_key(study: str, machine: str, experiment: str) -> str:
    """Return the 12 hex digits that stand for an experiment where names must be plain.

    >>> experiment_key("quick", "local", "epochs=1")
    'abcebd7deff6'
    """
    return text_sha256(f"{study}/{machine}/{experiment}")[:KEY_LENGTH]


def _needs_quotes(text: str) -> bool:
    if text.startswith(('"', "[", "{")):
        return True
    try:
        return not isinstance(resolve_scalar(text), str)
    except ValueError:  # a number too large to read
        return True

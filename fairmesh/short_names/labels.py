"""Short names of experiments from their axes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairmesh.files import canonical_json, text_sha256
from fairmesh.names import NO_AXES, REPEAT, axis_sort_key, plain_text, value_text

_LONGEST_VALUE = 48
_HEAD = 24  # characters that are left of a longer value
_PLAIN = re.compile(r'[^\s,+#="~…\[\]{}]+')


def value_label(value: Any) -> str:
    """Return the text of a value in a short name.

    A text is quoted as in JSON where it could be read in another way. A long value is cut, and ends with a hash.

    >>> [value_label(value) for value in ("slices", "1", 0.001, True, "a b", "", [1, 2])]
    ['slices', '"1"', '0.001', 'true', '"a b"', '""', '[1,2]']
    """
    text = value_text(value)
    if len(text) > _LONGEST_VALUE:
        head, digits = plain_text(value)[:_HEAD], text_sha256(text)[:8]
        return f"{head}…{digits}" if _PLAIN.fullmatch(head) and head.isprintable() else _quoted(f"{head}…{digits}")
    is_plain = text.isprintable() and (_PLAIN.fullmatch(text) or not isinstance(value, str))
    return text if is_plain else _quoted(value)


def _quoted(value: Any) -> str:
    text = canonical_json(value)
    return text if text.isprintable() else json.dumps(value, sort_keys=True, separators=(",", ":"))


class ShortNames:
    """The short names of a study's experiments.

    Parameters
    ----------
    points : sequence of mapping
        The axes of each experiment of the study.
    order : iterable of str
        Axes in the order in which they are shown; others follow by name.

    Examples
    --------
    >>> points = [{"size": size, "method": "slices", "repeat": repeat} for size in (128, 512) for repeat in (1, 2)]
    >>> ShortNames(points).of(points[3])
    'size=512 #2'
    """

    def __init__(self, points: Sequence[Mapping[str, Any]], order: Iterable[str] = ()) -> None:
        varying = _varying(points)
        names = dict.fromkeys([*order, *sorted(varying, key=axis_sort_key)])
        self.axes = tuple(name for name in names if name in varying and name != REPEAT)
        self._has_repeats = REPEAT in varying
        self._parts: dict[tuple[str, str], str] = {}

    @classmethod
    def of_plan(cls, plan: Mapping[str, Any]) -> ShortNames:
        """Return the short names of the experiments in the content of plan.json."""
        points = [point["axes"] for point in plan["experiments"]]
        return cls(points, plan.get("axes") or ())

    def of(self, axes: Mapping[str, Any]) -> str:
        """Return the short name of the experiment with these axes."""
        point = self.of_point(axes)
        return f"{point} #{value_text(axes[REPEAT])}" if self._has_repeats and REPEAT in axes else point

    def of_point(self, axes: Mapping[str, Any]) -> str:
        """Return the short name without the repeat; it has all axes if none of them varies."""
        own = [name for name in self.axes if name in axes] or [name for name in axes if name != REPEAT]
        return " ".join([self._part(name, axes[name]) for name in own]) or NO_AXES

    def _part(self, name: str, value: Any) -> str:
        key = (name, repr(value))
        if key not in self._parts:
            self._parts[key] = f"{name}={value_label(value)}"
        return self._parts[key]


def _varying(points: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the axes that have several values, or that some points lack."""
    first = {name: repr(value) for point in points for name, value in point.items()}
    varying = {name for point in points for name in first.keys() - point.keys()}
    return varying | {name for point in points for name, value in point.items() if repr(value) != first[name]}

"""Read the axes in what people write: ``size=512,method=slices``, ``method=slices size=512 #2``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.names import REPEAT, escape, plain_text, value_text
from fairmesh.schema.nodes import resolve_scalar
from fairmesh.short_names.labels import value_label

SHOWN = 5  # experiments in a message
SHOWN_VALUES = 10

Given = dict[str, str]
"""The value of each axis that a text gives, as `value_text` writes it."""

_SEPARATORS = re.compile(r"[\s,+]*")
_NAME = re.compile(r'([^\s,+=#"]+)=')
_REPEAT = re.compile(r"#(\d+)(?=[\s,+#]|$)", re.ASCII)
_CHUNK = re.compile(r"[^\s,+]*")
_WITH_REPEAT = re.compile(r"(.*)#(\d+)", re.ASCII | re.DOTALL)


class Vocabulary:
    """The axes of a study, and the spellings of their values."""

    def __init__(self, study: str, points: Iterable[Mapping[str, Any]]) -> None:
        self._study = study
        values: dict[str, dict[str, Any]] = {}
        for point in points:
            for name, value in point.items():
                values.setdefault(name, {})[value_text(value)] = value
        self.values = values | {REPEAT: values.get(REPEAT, {})}
        self._spellings = {name: _spellings(known) for name, known in self.values.items()}

    def read(self, text: str) -> Given:
        """Return the axes that a text gives; none if it is of another form.

        Raises
        ------
        InputError
            If an axis or a value is unknown, or an axis has two values.
        """
        given: Given = {}
        for name, spelling in _pieces(text):
            if name not in self.values:
                raise InputError([self._no_axis(text, name)])
            with_repeat = _WITH_REPEAT.fullmatch(spelling)
            value = self._value(name, spelling)
            if value is None and with_repeat:  # size=512#2
                value = self._value(name, with_repeat[1])
                self._add(given, text, REPEAT, self._value(REPEAT, with_repeat[2]), with_repeat[2])
            self._add(given, text, name, value, spelling)
        return given

    def _value(self, name: str, spelling: str) -> str | None:
        known = self._spellings[name]
        return known.get(spelling, known.get(_normalized(spelling)))

    def _add(self, given: Given, text: str, name: str, value: str | None, spelling: str) -> None:
        if value is None:
            raise InputError([self._no_value(text, name, spelling)])
        if given.setdefault(name, value) != value:
            raise InputError([Problem(f"{text!r} gives {name} two values, {given[name]} and {value}")])

    def _no_axis(self, text: str, name: str) -> Problem:
        axes = [axis for axis, known in self.values.items() if known]
        near = nearest(name, axes)
        allowed = "" if near else listed(axes, SHOWN_VALUES)
        return Problem(f"{text!r}: {self._study} has no axis {name!r}", "", allowed, near)

    def _no_value(self, text: str, name: str, spelling: str) -> Problem:
        values = self.values[name].values()
        if not values:
            return Problem(f"{text!r}: {self._study} has no repeats")
        labels = listed(map(value_label, values), SHOWN_VALUES)
        near = nearest(spelling, [value for value in values if isinstance(value, str)])
        return Problem(f"{text!r}: {name} has {labels}", near=near)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Split a text into names and values; what has no name belongs to the value before it. Empty if it begins so."""
    pieces: list[tuple[str, str]] = []
    end = 0
    while (start := _skip(_SEPARATORS, text, end)) < len(text):
        if repeat := _REPEAT.match(text, start):
            pieces.append((REPEAT, repeat[1]))
            end = repeat.end()
        elif name := _NAME.match(text, start):
            end = _value_end(text, name.end())
            pieces.append((name[1], text[name.end() : end]))
        elif pieces:
            (last, value), before, end = pieces[-1], end, _skip(_CHUNK, text, start)
            pieces[-1] = (last, value + text[before:end])
        else:
            return []
    return pieces


def _skip(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _value_end(text: str, start: int) -> int:
    if text[start : start + 1] in {'"', "[", "{"}:
        with suppress(ValueError, RecursionError):
            return json.JSONDecoder().raw_decode(text, start)[1]
    return _skip(_CHUNK, text, start)


def _spellings(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each value by all of its spellings; exact ones take precedence."""
    spellings = {text: text for text in values}
    for text, value in values.items():
        for spelling in (escape(text), value_label(value), plain_text(value)):
            spellings.setdefault(spelling, text)
    return spellings


def _normalized(spelling: str) -> str:
    """Return the text of the value that a spelling stands for: 0.001 for 1e-3."""
    try:
        is_json = spelling[:1] in {'"', "[", "{"}
        return value_text(json.loads(spelling) if is_json else resolve_scalar(spelling)) if spelling else ""
    except (ValueError, RecursionError):
        return spelling


def listed(labels: Iterable[str], limit: int = SHOWN) -> str:
    """Return the first different ones of texts, for a message."""
    texts = list(dict.fromkeys(labels))
    return ", ".join(texts[:limit]) + (", ..." if len(texts) > limit else "")

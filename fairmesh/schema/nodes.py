"""Values of YAML files with their position, and the meaning of plain scalars in YAML 1.2."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.errors import place

Scalar = str | int | float | bool | None

MAX_DIGITS = 4000  # below the limit of Python's int()

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def resolve_scalar(text: str) -> Scalar:
    """Return the value of a plain (unquoted) scalar.

    The core schema of YAML 1.2.2, section 10.3.2, except that digits after a leading zero stay a text.

    Raises
    ------
    ValueError
        If it is a number too large for a float, or of more than 4000 digits.

    Examples
    --------
    >>> [resolve_scalar(text) for text in ("on", "12:00", "012", "1e-3", "0x1F", "~", "true")]
    ['on', '12:00', '012', 0.001, 31, None, True]
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if len(text) > MAX_DIGITS and _FLOAT.fullmatch(text):
        raise ValueError("a number of too many digits")
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


@dataclass(slots=True)
class Node:
    """A value of a YAML file with its position.

    Parameters
    ----------
    value : dict of str to Node, list of Node, or scalar
        The value.
    line, column : int
        The position of its beginning, from 1; 0 if it is not from a file.
    text : str, optional
        The source text of a plain scalar; None for other values.
    keys : dict of str to (int, int)
        For a map: line and column of each key.
    source : str
        Its source if it is not from the file, such as an option of the command line.
    """

    value: dict[str, Node] | list[Node] | Scalar
    line: int = 0
    column: int = 0
    text: str | None = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    source: str = ""

    @property
    def entries(self) -> dict[str, Node]:
        """The entries of a map; empty for other values."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def members(self) -> list[Node]:
        """The members of a list; empty for other values."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Any:
        """Return the value without positions, as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def place(self, file: Path | str) -> str:
        """Return ``file:line:column`` of the value."""
        return self.source or place(file, self.line, self.column)

    def key_place(self, file: Path | str, key: str) -> str:
        """Return ``file:line:column`` of a key of this map, or the source of its value if it is not from the file."""
        if key not in self.keys and key in self.entries and self.entries[key].source:
            return self.entries[key].source
        return place(file, *self.keys.get(key, (0, 0)))

    @classmethod
    def from_value(cls, value: Any) -> Node:
        """Return a node for a value that is not from a file, such as an option of the command line.

        >>> Node.from_value({"epochs": [1, 2]}).entries["epochs"].members[1].value
        2
        """
        if isinstance(value, Mapping):
            return cls({str(key): cls.from_value(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return cls([cls.from_value(item) for item in value])
        return cls(value)

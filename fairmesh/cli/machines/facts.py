"""What a machine reports about itself; as it may report anything, each value is read with its type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.printing import one_line

_LONGEST = 200  # characters of a text


@dataclass(frozen=True)
class Facts:
    r"""The answer to ``hello``.

    >>> facts = Facts({"cores": "many", "user": "ada\n", "gpus": ["A100", 3]})
    >>> facts.number("cores"), facts.text("user"), facts.texts("gpus"), facts.flag("is_writable")
    (0, 'ada', ['A100'], False)
    """

    values: Mapping[str, Any]

    def number(self, key: str) -> float:
        """Return a number, 0 if it is none."""
        value = self.values.get(key)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return value if is_number and isinstance(value, (int, float)) else 0

    def text(self, key: str) -> str:
        """Return a text as one line, empty if it is none."""
        value = self.values.get(key)
        return one_line(value[:_LONGEST]).strip() if isinstance(value, str) else ""

    def flag(self, key: str) -> bool:
        """Return whether a value is true."""
        return self.values.get(key) is True

    def texts(self, key: str) -> list[str]:
        """Return the texts of a list, each as one line."""
        value = self.values.get(key)
        texts = value if isinstance(value, list) else []
        return [one_line(text[:_LONGEST]) for text in texts if isinstance(text, str)]

    def maps(self, key: str) -> list[Facts]:
        """Return the maps of a list."""
        value = self.values.get(key)
        return [Facts(entry) for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []

    def map(self, key: str) -> Facts:
        """Return a map, an empty one if it is none."""
        value = self.values.get(key)
        return Facts(value if isinstance(value, dict) else {})

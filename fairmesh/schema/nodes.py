"""A value of a YAML file with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.errors import place
from fairmesh.schema.scalars import Scalar


@dataclass(slots=True)
class Node:
    """A value of a YAML file with its place.

    Parameters
    ----------
    value : dict of str to Node, list of Node, or scalar
        What stands there.
    line, column : int
        Where it begins, from 1; 0 where the value comes from no file.
    text : str, optional
        The source text of a plain scalar; None for all else.
    keys : dict of str to (int, int)
        For a map: line and column of each key.
    source : str
        Where it comes from, if not from the file: an option of the command line.
    """

    value: dict[str, Node] | list[Node] | Scalar
    line: int = 0
    column: int = 0
    text: str | None = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    source: str = ""

    @property
    def entries(self) -> dict[str, Node]:
        """The entries of a map; nothing for all else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def members(self) -> list[Node]:
        """The members of a list; nothing for all else."""
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
        """Return ``file:line:column`` of a key of this map, or where its value comes from, if not from the file."""
        if key not in self.keys and key in self.entries and self.entries[key].source:
            return self.entries[key].source
        return place(file, *self.keys.get(key, (0, 0)))

    @classmethod
    def of(cls, value: Any) -> Node:
        """Make a node of a value that comes from no file, such as an option of the command line.

        >>> Node.of({"epochs": [1, 2]}).entries["epochs"].members[1].value
        2
        """
        if isinstance(value, Mapping):
            return cls({str(key): cls.of(item) for key, item in value.items()})
        if isinstance(value, list | tuple):
            return cls([cls.of(item) for item in value])
        return cls(value)

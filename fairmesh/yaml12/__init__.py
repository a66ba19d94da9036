"""YAML 1.2 core with positions: reading what people write, and writing what every YAML parser reads alike.

PyYAML parses; this package decides what a scalar means (``on`` and ``12:00`` are texts, ``1e-3`` is a number) and
remembers where everything stands, so that a mistake can be shown with its line and column.
"""

from fairmesh.yaml12.nodes import Node
from fairmesh.yaml12.reading import load, parse_text, unquoted
from fairmesh.yaml12.scalars import Scalar, resolve
from fairmesh.yaml12.writing import dump

__all__ = ["Node", "Scalar", "dump", "load", "parse_text", "resolve", "unquoted"]

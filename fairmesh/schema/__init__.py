"""Read files and check them against their models: YAML 1.2 with positions, pydantic models, and plain messages.

PyYAML parses; this package decides what a scalar means (``on`` and ``12:00`` are texts, ``1e-3`` is a number) and
keeps the position of each value, so that errors have line and column. It may import ``errors`` and ``names``.
Begin with ``reading.load_yaml`` (file to ``Node``) and ``model.load_model`` (file to model).
"""

from fairmesh.schema.nodes import Node, Scalar, resolve_scalar
from fairmesh.schema.reading import load_yaml, parse_yaml, unquote
from fairmesh.schema.writing import dump_yaml

__all__ = ["Node", "Scalar", "dump_yaml", "load_yaml", "parse_yaml", "resolve_scalar", "unquote"]

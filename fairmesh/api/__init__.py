"""The Python interface: studies, plans, runs and results, as small objects. ``import fairmesh`` gives its names."""

from fairmesh.api.place import Place
from fairmesh.api.running import Run

__all__ = ["Place", "Run"]

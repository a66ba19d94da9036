"""The Python interface: studies, plans, runs and results, as small objects. ``import fairmesh`` gives its names."""

from fairmesh.api.project import Project
from fairmesh.api.running import Run

__all__ = ["Project", "Run"]

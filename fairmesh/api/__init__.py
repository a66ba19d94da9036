"""The Python interface: projects, studies and runs. ``import fairmesh`` has its public names.

Imports: results, status, jobs, study, schema, web. Begin with ``study.Study`` and ``run.Run``.
"""

from fairmesh.api.project import Project
from fairmesh.api.run import Run

__all__ = ["Project", "Run"]

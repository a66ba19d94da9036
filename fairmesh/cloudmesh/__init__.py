"""Coming from Cloudmesh: its experiments, templates and workflows become studies and applications."""

from fairmesh.cloudmesh.importing import import_files
from fairmesh.cloudmesh.writing import Imported, write

__all__ = ["Imported", "import_files", "write"]

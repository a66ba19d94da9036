"""Coming from Cloudmesh: its experiments, templates and workflows become studies and applications.

It may import ``study`` and what is below it. Begin with ``importing.import_files``, which reads the files in turn into
a ``Draft`` and returns what is to be written.
"""

from fairmesh.cloudmesh.importing import Imported, import_files, write

__all__ = ["Imported", "import_files", "write"]

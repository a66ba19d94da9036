"""Convert experiments, templates and workflows of Cloudmesh to studies and applications.

It may import ``study`` and the layers below it. Begin with ``importing.import_files``, which reads the files into a
``Draft`` and returns the files to write.
"""

from fairmesh.cloudmesh.importing import Imported, import_files, write

__all__ = ["Imported", "import_files", "write"]

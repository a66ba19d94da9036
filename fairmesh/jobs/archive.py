"""The runner as one file, ``runner.pyz``, that any Python 3.6 or newer can start."""

from __future__ import annotations

import io
import zipfile
from importlib import resources

_START = "import sys\nfrom runner.main import main\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file knows: the same sources give the same bytes


def archive() -> bytes:
    """Give the bytes of the runner: a zip file with its sources, the same wherever it is made."""
    sources = resources.files("fairmesh.runner")
    members = {f"runner/{file.name}": file.read_text() for file in sources.iterdir() if file.name.endswith(".py")}
    members["__main__.py"] = _START
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, text in sorted(members.items()):
            file.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()

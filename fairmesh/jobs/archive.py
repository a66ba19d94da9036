"""The runner as one file, ``runner.pyz``, that any Python 3.6 or newer can start.

Beside its sources are their compiled forms for this Python: compiling them anew at every start would take two
thirds of the time. Another Python passes over those and takes the sources.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
from importlib import resources

# Not through Python's own end: in the milliseconds that it takes, a late signal would make what was done look undone.
_START = """import os, sys
from fairmesh.runner.main import main
status = main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file knows: the same sources give the same bytes


def archive() -> bytes:
    """Return the bytes of the runner: a zip file, the same wherever the same Python makes it."""
    texts = {"fairmesh/__init__.py": ""}
    for package in ("runner", "schedulers"):
        modules = [file for file in resources.files(f"fairmesh.{package}").iterdir() if file.name.endswith(".py")]
        texts |= {f"fairmesh/{package}/{file.name}": file.read_text(encoding="utf-8") for file in modules}
    members = {"__main__.py": _START.encode()}
    for name, text in texts.items():
        members[name] = text.encode()
        members[f"{name}c"] = _compiled(name, text)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in sorted(members.items()):
            file.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return buffer.getvalue()


def _compiled(name: str, text: str) -> bytes:
    """Return the content of a .pyc file that is not checked against its source (PEP 552)."""
    unchecked = (1).to_bytes(4, "little")
    source_hash = importlib.util.source_hash(text.encode())
    code = compile(text, name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + unchecked + source_hash + marshal.dumps(code)

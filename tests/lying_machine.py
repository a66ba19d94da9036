"""A machine that lies: it carries out requests, and sends files that no job makes.

Call: ``python lying_machine.py LIE``, as the command that sshd runs for each connection. The lie is ``escape`` (a path
that leads elsewhere), ``link`` (a symbolic link in place of a file), ``device``, or ``stray`` (a file that was not
announced).
"""

from __future__ import annotations

import importlib
import io
import sys
import tarfile
from typing import Any

LIES = ("escape", "link", "device", "stray")


def lying(answer: Any, lie: str) -> Any:
    """Return the function of the verb ``fetch``, whose files are wrong."""

    def lying_answer(request: Any) -> Any:
        honest = answer(request)
        folder = request.maps("jobs")[0]["folder"]
        name = f"{folder}/attempts/1/metrics.json"
        values = dict(honest.values)
        if lie == "escape":
            name = f"{folder}/attempts/1/{'../' * 12}tmp/PWNED"
            values["manifest"] = {**values["manifest"], name: "0" * 64}
        return type(honest)(values, lambda stream: stream.write(archive(name, lie)), honest.size)

    return lying_answer


def archive(name: str, lie: str) -> bytes:
    """Return an archive with one wrong member."""
    member = tarfile.TarInfo("PWNED" if lie == "stray" else name)
    member.type = {"link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE}.get(lie, tarfile.REGTYPE)
    member.linkname = "/etc/passwd" if lie == "link" else ""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as file:
        file.addfile(member)
    return content.getvalue()


def main() -> None:
    """Serve a request, as the command of the client does, with another function for ``fetch``."""
    real, lie = importlib.import_module, sys.argv[1]

    def import_module(name: str, package: str | None = None) -> Any:
        module = real(name, package)
        if module.__name__ == "fairmesh.target.fetch":
            module.answer = lying(module.answer, lie)  # type: ignore[attr-defined]
        return module

    importlib.import_module = import_module
    sys.path[:] = [path for path in sys.path if "python3" in path]
    exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), {"__name__": "__main__"})  # noqa: S102


if __name__ == "__main__":
    main()

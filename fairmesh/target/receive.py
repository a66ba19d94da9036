"""``receive``: name a temporary folder into which the client copies a large folder with rsync; ``store`` moves it."""

import os
import shutil

from .has import names_below
from .request import Answer, Request


def answer(request: Request) -> Answer:
    """Return the temporary folder, with what an earlier copy has left there, and rsync; empty if there is none."""
    path = request.home.partial(request.text("folder"))
    os.makedirs(path, 0o700, exist_ok=True)
    os.utime(path, None)
    arrived = sum(os.lstat(os.path.join(path, name)).st_size for name in names_below(path))
    return Answer({"path": path, "program": shutil.which("rsync") or "", "bytes": arrived})

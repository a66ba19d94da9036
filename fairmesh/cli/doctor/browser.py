"""Whether the browser is there in which developers test pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from fairmesh.cli.doctor.asking import LONG, Answer, ask
from fairmesh.cli.doctor.finding import Finding, ok, warn
from fairmesh.cli.doctor.here import Here

NAMES = ("chromium", "chromium-browser", "google-chrome")


def checks(here: Here) -> Iterator[Finding]:
    """Look at Chromium, if asked to look deep."""
    if here.deep:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        yield chromium(ask(path, "--version", patience=LONG) if path else None)


def chromium(answer: Answer | None) -> Finding:
    """Check that Chromium starts."""
    if answer and answer.good:
        return ok("chromium", answer.output.strip())
    found = f"does not start: {answer.output}" if answer else "not here; only tests of pages need it"
    return warn("chromium", found, "make debian, or apt-get install chromium")

"""Run MkDocs, and report what it finds in the words of the project: its files, a line each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.site.project import DOCS, HOME, HOME_TEXT, SETTINGS

_SHOWN = 15  # lines
_FINDING = re.compile(r"^(?:WARNING|ERROR) +-  +(.*)$", re.MULTILINE)
_PAGE = re.compile(r"(?:Doc file|page) '([^']+)'")


def run_mkdocs(work: Path) -> None:
    """Build ``work/new`` from the pages in ``work/docs``.

    Raises
    ------
    FairmeshError
        If MkDocs fails or finds a mistake, such as a broken link.
    """
    # Not with -q, which would hide broken links from --strict.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(work / "mkdocs.yml")]
    command += ["--site-dir", str(work / "new")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    process = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if process.returncode:
        raise FairmeshError("\n".join(["the website could not be built:", *findings(process.stdout, work)[:_SHOWN]]))


def findings(output: str, work: Path) -> list[str]:
    r"""Return what MkDocs reports, a line each; its last line if it reports nothing.

    >>> findings("INFO    -  Cleaning\nWARNING -  Doc file 'a.md' contains a link 'b.md'\nAborted", Path("work"))
    ["site/docs/a.md contains a link 'b.md'"]
    """
    found = _FINDING.findall(output) or output.strip().splitlines()[-1:]
    return [_PAGE.sub(_source, line).replace(str(work / "mkdocs.yml"), str(SETTINGS)) for line in found]


def _source(match: re.Match[str]) -> str:
    """Return the file of the project that a page was made from."""
    return str(HOME_TEXT if match[1] == HOME else DOCS / match[1])

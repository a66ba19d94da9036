"""A locale of one byte a character, made for a test: what such computers say and name is not UTF-8."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.needs import must_have

LATIN = "de_DE.ISO-8859-1"


def latin(folder: Path) -> dict[str, str]:
    """Make the locale in a folder; return the variables of the environment that choose it."""
    try:
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / LATIN], capture_output=True, check=False
        )
    except FileNotFoundError:
        made = None
    must_have(made and not made.returncode, "localedef cannot make a locale of ISO 8859-1")
    return {"LOCPATH": str(folder), "LC_ALL": LATIN}

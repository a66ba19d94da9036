"""Shell scripts under test: whether they are right, as far as programs can tell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.needs import must_have


def check_script(*paths: Path, severity: str = "style") -> None:
    """Check scripts with bash and ShellCheck; without the latter, the test is skipped on a laptop and fails in CI."""
    for path in paths:
        subprocess.run(["bash", "-n", path], check=True)
    must_have(shutil.which("shellcheck"), "SHELLCHECK IS MISSING: the scripts were read by bash alone")
    done = subprocess.run(["shellcheck", "--severity", severity, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

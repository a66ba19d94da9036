"""Shell scripts under test: whether they are right, as far as programs can tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def check_script(*paths: Path, severity: str = "style") -> None:
    """Let bash and ShellCheck read scripts; without the latter, the test is skipped on a laptop and fails in CI."""
    for path in paths:
        subprocess.run(["bash", "-n", path], check=True)
    if shutil.which("shellcheck") is None:
        if os.environ.get("CI"):
            pytest.fail("ShellCheck is missing; in continuous integration this is an error")
        pytest.skip("SHELLCHECK IS MISSING: the scripts were read by bash alone")
    done = subprocess.run(["shellcheck", "--severity", severity, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

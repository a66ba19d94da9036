"""MLCommons' compliance checker, with rules of ours: those in the package know neither Science nor CloudMask.

The checker takes the file of rules from ``--config``, whose path may be absolute (mlperf-logging 4.1.68).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

RULES = Path(__file__).with_name("rules") / "science.yaml"
OF_APPLICATION = "compliance.yaml"
"""An application's own rules, beside its ``application.yaml``."""

_CHECKER = "mlperf_logging.compliance_checker"
# Neither changes which rules count: --config does. They choose the parser, which is the same for all rulesets.
_USAGE = ("--usage", "hpc", "--ruleset", "3.0.0")


def is_installed() -> bool:
    """Return whether the checker is installed."""
    return find_spec("mlperf_logging") is not None


def rules_for(application: Path | None) -> list[Path]:
    """Return the rule files for the logs of an application."""
    own = application / OF_APPLICATION if application else None
    return [RULES, own] if own and own.is_file() else [RULES]


def check(log: Path, rules: Sequence[Path]) -> list[str]:
    """Run the checker on a log.

    Returns
    -------
    list of str
        Its findings; empty if all rule files pass.
    """
    return [line for file in rules for line in _findings(log, file)]


def _findings(log: Path, rules: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "checker.log"
        command = [sys.executable, "-m", _CHECKER, *_USAGE, "--config", str(rules.resolve())]
        done = subprocess.run(
            [*command, "--log_output", str(output), str(log.resolve())], capture_output=True, text=True, check=False
        )
        said = output.read_text(encoding="utf-8") if output.exists() else ""
    if done.returncode == 0 and "SUCCESS" in said:
        return []
    # Its crashes come as a traceback, of which the last line says what it was.
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith(_TELLING)]
    return [_short(line) for line in lines] or (done.stderr or done.stdout).strip().splitlines()[-1:] or ["FAILED"]


_TELLING = ("WARNING", "Required", "CHECK for", "failed test", "Failed", "Could not", "Log lines", "No log", "^^")


def _short(line: str) -> str:
    return line.removeprefix("WARNING -").strip()[:300]

"""Findings as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairmesh.cli.doctor.base import FAIL, OK, WARN, Finding
from fairmesh.printing import one_line

_COLORS = {OK: "32", WARN: "33", FAIL: "31"}


def lines(findings: Sequence[Finding], color: bool = False) -> Iterator[str]:
    """Yield one line for each finding: level, topic, state and advice."""
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        level = f"{finding.level:<5}"
        shown = f"\x1b[{_COLORS[finding.level]}m{level}\x1b[0m" if color else level
        advice = f"  -> {finding.advice}" if finding.advice else ""
        yield f"{shown} {one_line(f'{finding.topic:<{width}}  {finding.message}{advice}')}"

"""What every test run says in its end: which real components it drove, and what became of the faults."""

from __future__ import annotations

from typing import Any

import pytest

COMPONENT, FAULT = "component", "fault"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests noted as user properties, which reach here from the workers too."""
    noted = [each for reports in terminalreporter.stats.values() for each in _properties(reports)]
    components = dict.fromkeys(value for name, value in noted if name == COMPONENT)
    if components:
        terminalreporter.write_line("real components: " + "; ".join(components))
    faults = [value for name, value in noted if name == FAULT]
    if faults:
        terminalreporter.section("faults survived, on a real cluster")
        for row in _columns([("fault", "experiments", "done", "starts", "states"), *faults]):
            terminalreporter.write_line(row)


def _properties(reports: list[Any]) -> list[tuple[str, Any]]:
    return [pair for each in reports if getattr(each, "when", "") == "call" for pair in each.user_properties]


def _columns(values: list[tuple[object, ...]]) -> list[str]:
    rows = [tuple(map(str, row)) for row in values]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]

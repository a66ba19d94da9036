"""The end of the report of the tests: the real components that they drove, and what became of faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.needs import noted_components

# A loaded machine is no fault of a test.
hypothesis.settings.register_profile("fairmesh", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("fairmesh")

COMPONENT, FAULT = "component", "fault"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Add the noted components to the report of the test, which reaches the main process from workers too."""
    try:
        return (yield)
    finally:
        item.user_properties += [(COMPONENT, name) for name in noted_components()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests noted as user properties."""
    noted = [pair for reports in terminalreporter.stats.values() for pair in _properties(reports)]
    components = dict.fromkeys(value for name, value in noted if name == COMPONENT)
    if components:
        terminalreporter.write_line("real components: " + "; ".join(sorted(components)))
    faults = [value for name, value in noted if name == FAULT]
    if faults:
        terminalreporter.section("faults survived, on a real cluster")
        for row in _columns([("fault", "experiments", "done", "starts", "states"), *faults]):
            terminalreporter.write_line(row)


def _properties(reports: list[Any]) -> list[tuple[str, Any]]:
    return [pair for report in reports if getattr(report, "when", "") == "call" for pair in report.user_properties]


def _columns(values: list[tuple[object, ...]]) -> list[str]:
    rows = [tuple(map(str, row)) for row in values]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]

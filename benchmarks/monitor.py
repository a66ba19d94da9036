"""Measure the monitor with 10,000 experiments in a browser: ``python -m benchmarks.monitor``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page

from benchmarks.measure import Report
from benchmarks.status import COUNT, mixed, running_attempts, say, write_plan, write_states
from fairmesh.jobs.paths import StudyPaths
from tests.browsing import open_browser
from tests.watching import LOADED

PAGES = ("", "experiments", "experiment", "timeline", "workflow", "compare", "start")
COLD, WARM, REFRESH, SEEN = 6, 2, 1, 3  # seconds
PATIENCE = 120_000  # milliseconds


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name, open_browser() as browser:
        place = Path(name)
        paths = StudyPaths(place / "results", "sweep")
        points = write_plan(paths)
        write_states(paths, points, mixed)
        attempt = running_attempts(paths, points)[0]
        with _monitor(place) as address, _page(browser) as page:
            took = _paint(page, address, "experiments")
            report.line(
                f"{COUNT:,} experiments: first paint of a hundred rows, monitor and browser new", took, COLD, "s"
            )
            for page_name in PAGES:
                report.line(f"{page_name or 'overview'}: paint", _paint(page, address, page_name), WARM, "s")
            report.line("the next hundred rows", _turn(page, address), REFRESH, "s")
            seen = _time_to_see(page, address, attempt)
            report.line("a change is seen by who looks on", seen, SEEN, "s")
    return int(report.missed > 0)


@contextmanager
def _monitor(place: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "fairmesh.cli",
        "monitor",
        "--port",
        str(port),
        "--token-file",
        str(place / "token"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the monitor does not answer")


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def _paint(page: Page, address: str, name: str) -> float:
    """Return the time until a page is loaded."""
    before = time.monotonic()
    page.goto(f"{address}/{name}", wait_until="commit")
    page.wait_for_function(LOADED)
    return time.monotonic() - before


def _turn(page: Page, address: str) -> float:
    """Return the time until the next page of the table is loaded."""
    _paint(page, address, "experiments")
    before = time.monotonic()
    page.get_by_role("button", name="Page 2", exact=True).click()
    page.locator("[aria-label='Page 2'][aria-current=page]").wait_for()
    page.wait_for_function(LOADED)
    return time.monotonic() - before


def _time_to_see(page: Page, address: str, attempt: Path) -> float:
    _paint(page, address, f"experiment?experiment={quote(attempt.parents[1].name)}")
    say(attempt, 99)
    before = time.monotonic()
    page.get_by_text("running 99 %").wait_for()
    return time.monotonic() - before


if __name__ == "__main__":
    sys.exit(main())

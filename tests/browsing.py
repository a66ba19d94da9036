"""A real browser for websites: what must not happen on a page is collected."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.needs import must_have, note_component

ABORTED = "net::ERR_ABORTED"


class _Quiet(SimpleHTTPRequestHandler):
    """A file server that tells nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name in the base class)
        pass


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium; without one, the test is skipped on a laptop and fails in continuous integration."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    must_have(chromium, "CHROMIUM IS MISSING: the website was not opened in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        note_component(f"Chromium {browser.version}")
        yield browser
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this computer; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def collect_faults(page: Page, address: str) -> list[str]:
    """Return a list that grows with every error of a page, and every request that leaves the address."""
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    # A request that the next page interrupts is no fault of the page.
    page.on("requestfailed", lambda asked: wrong.append(f"failed {asked.url}") if asked.failure != ABORTED else None)
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((address, "data:")) else None)
    return wrong


def wait_for_charts(page: Page) -> int:
    """Wait until every chart of a page is drawn; give their number."""
    page.wait_for_load_state("networkidle")
    charts = page.locator(".fm-chart-canvas").count()
    page.wait_for_function("n => document.querySelectorAll('.fm-chart-canvas svg').length === n", arg=charts)
    return charts


def search(page: Page, text: str) -> None:
    """Type into the search box, and wait for a result; the script that reads the box must be there first."""
    page.wait_for_load_state("networkidle")
    page.get_by_role("textbox", name="Search").click()
    page.get_by_role("textbox", name="Search").press_sequentially(text, delay=20)
    page.locator(".md-search-result__item").first.wait_for()

"""The monitor in a real browser, as a person uses it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from tests.faces import Face

SHOTS = "FAIRMESH_SCREENSHOTS"  # the folder in which somebody wants to keep them
LOADED = (
    "() => document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"
    " && document.querySelector('[data-test-script-state=notRunning]')"
)


def open_page(page: Page, monitor: Face, name: str = "", **fields: str) -> None:
    """Open a page of the monitor, and wait until all of it is there."""
    page.goto(f"{monitor.url}/{name}?{urlencode(fields)}")
    wait_loaded(page)


def go_to(page: Page, title: str) -> None:
    """Go to another page by the bar at the side, as the session that one is."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(page.locator("h1")).to_have_text(title)
    wait_loaded(page)


def wait_loaded(page: Page) -> None:
    """Wait until nothing of a page is yet to come."""
    page.wait_for_function(LOADED, timeout=60_000)
    page.wait_for_timeout(300)  # what Vega and the grid draw once their data is there


def stop_motion(page: Page) -> None:
    """End transitions, and the dimming of what is being refreshed: colors are judged as they are at rest."""
    page.add_style_tag(
        content="* { transition: none !important; animation: none !important }"
        " [data-stale=true], [data-testid=stExpander] summary { opacity: 1 !important }"
    )


def fill(page: Page, label: str, text: str) -> None:
    """Fill a field in, and wait for what follows from it."""
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(text)
    field.press("Enter")
    page.wait_for_timeout(300)
    wait_loaded(page)


def show_token(page: Page, monitor: Face) -> None:
    """Show the token, as somebody who wants to steer."""
    page.get_by_role("textbox", name="Token").fill(monitor.shown_token())
    page.get_by_role("button", name="Unlock", exact=True).click()
    expect(page.get_by_text("You can cancel")).to_be_visible()
    wait_loaded(page)


def keep(page: Page, name: str) -> None:
    """Keep a picture of a page, if somebody wants to look at it."""
    folder = os.environ.get(SHOTS)
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

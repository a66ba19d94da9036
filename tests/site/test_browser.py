"""The website in a real browser: nothing fails, nothing is asked of others, charts and tables work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fairmesh.site.numbers import MISSING
from tests.browsing import collect_faults, open_browser, search, served, wait_for_charts

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give a page that collects what must not happen, and look at it in the end."""
    context = browser.new_context(color_scheme=request.param)
    found = context.new_page()
    wrong = collect_faults(found, address)
    yield found
    context.close()
    assert wrong == []


def test_the_pages_open_and_every_chart_is_drawn(page: Page, address: str, site: Path) -> None:
    experiments = site.glob("studies/*/experiments/*/index.html")
    with_charts = [path for path in experiments if "vega.js" in path.read_text()][:2]
    studies = [site / "studies" / name / "index.html" for name in ("quick", "hostile")]
    for path in [site / "index.html", *studies, *with_charts]:
        page.goto(f"{address}/{path.relative_to(site)}")
        assert wait_for_charts(page) > 0 or path.parent == site


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_round(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    times = "[...document.querySelectorAll('.fm-sortable tbody tr')].map(r => r.querySelectorAll('.fm-number')[2])"
    heading = page.get_by_role("button", name="Time (s)", exact=True)
    for expected in ("ascending", "descending"):
        heading.click()
        shown = [float(text) for text in page.evaluate(f"{times}.map(c => c.dataset.value).filter(Boolean)")]
        assert shown == sorted(shown, reverse=expected == "descending")
        assert len(shown) == 6
        assert heading.locator("..").get_attribute("aria-sort") == expected
        assert page.evaluate(f"{times}.at(-1).textContent") == MISSING


def test_the_search_finds_a_study(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    search(page, "leaderboard")


def test_charts_follow_the_scheme_that_the_reader_chooses(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    colour = "document.querySelector('.fm-chart-canvas svg .role-axis-label text')?.getAttribute('fill')"
    page.wait_for_function(colour)
    seen = {page.evaluate(colour)}
    for _ in range(2):
        page.locator("label.md-header__button[for^=__palette]:visible").click()
        page.wait_for_timeout(400)
        seen.add(page.evaluate(colour))
    assert len(seen) == 2


def test_the_pages_open_without_a_server(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda asked: errors.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto((site / "index.html").as_uri())
    search(page, "leaderboard")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="CloudMask accuracy by epochs and width").click()
    page.wait_for_function("document.querySelectorAll('.fm-chart-canvas svg').length > 0")
    assert errors == []
    page.close()

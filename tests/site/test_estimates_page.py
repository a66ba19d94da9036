"""The page that compares estimates with results, in a browser: light and dark, on a phone, with hostile names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from fairmesh.site.build import build_site
from tests.browsing import collect_faults, open_browser, served, wait_for_charts
from tests.results.builder import Folder

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a website of a study with enough results for a back-test, and of one with too few."""
    place = tmp_path_factory.mktemp("estimates")
    folder = Folder(place / "results", "many", title="Many sizes")
    for machine, factor in (("laptop", 1.0), (HOSTILE, 0.4)):
        for epochs in (1, 2, 4, 8):
            for repeat, noise in enumerate((0.0, 0.2, -0.3), 1):
                point = folder.add(machine, epochs=epochs, repeat=repeat)
                folder.finish(point, {"accuracy": 0.9}, seconds=factor * (10 + 4 * epochs) + noise)
    single = Folder(place / "results", "few")
    single.finish(single.add("laptop", epochs=1), {"accuracy": 0.9})
    build_site(place / "results", place / "public", place)
    return place / "public"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_the_estimates_page_is_whole_in_every_mode_and_on_a_phone(
    browser: Browser, site: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    with served(site) as address:
        wrong = collect_faults(page, address)
        page.goto(f"{address}/studies/many/index.html")
        page.get_by_role("link", name="Estimates against results").click()
        assert wait_for_charts(page) == 2
        page.wait_for_timeout(500)  # the theme fades its parts in
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        text = page.locator("article").inner_text()
        found = Axe().run(page).response["violations"]
    context.close()
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found] == []
    counts = re.search(r"Run time: (\d+) of 24 results are in the interval of 90 %", text)
    assert counts
    assert int(counts[1]) >= 18
    assert HOSTILE in text
    assert wrong == []


def test_only_studies_with_enough_results_have_the_page(site: Path) -> None:
    assert (site / "studies/many/estimates.html").exists()
    assert not (site / "studies/few/estimates.html").exists()
    assert "Estimates against results" not in (site / "studies/few/index.html").read_text()

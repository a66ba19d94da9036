"""The page that compares the machines of a study, in a browser: light and dark, on a phone, with hostile names."""

from __future__ import annotations

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
    """Build a website of a study on three machines, one with a hostile name, and of one on a single machine."""
    place = tmp_path_factory.mktemp("machines")
    folder = Folder(place / "results", "machines", title="Three machines")
    for machine, factor in (("laptop", 1.0), ("dgx", 0.3), (HOSTILE, 1.01)):
        for epochs in (1, 2):
            for repeat, noise in enumerate((0.0, 0.4, 0.9), 1):
                point = folder.add(machine, epochs=epochs, repeat=repeat)
                seconds = factor * epochs * (10 + noise) + noise * len(machine) / 50
                usage = {"energy_j": seconds * 60, "energy_method": "measured"}
                folder.finish(point, {"accuracy": {"value": 0.8 + noise / 10}}, seconds=seconds, usage=usage)
    single = Folder(place / "results", "single")
    single.finish(single.add("laptop", epochs=1), {"accuracy": {"value": 0.9}})
    build_site(place / "results", place / "public", place)
    return place / "public"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_the_machines_page_is_whole_in_every_mode_and_on_a_phone(
    browser: Browser, site: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    with served(site) as address:
        wrong = collect_faults(page, address)
        page.goto(f"{address}/studies/machines/index.html")
        page.get_by_role("link", name="Machines compared").click()
        assert wait_for_charts(page) == 1
        page.wait_for_timeout(500)  # the theme fades its parts in
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        text = page.locator("article").inner_text()
        found = Axe().run(page).response["violations"]
    context.close()
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found] == []
    assert "not distinguishable from laptop: equal in 6 pairs" in text
    assert "less than laptop (paired t test, 5 %, 6 pairs, rough)" in text
    assert HOSTILE in text
    assert wrong == []


def test_the_page_compare_links_to_studies_of_several_machines_only(site: Path) -> None:
    page = (site / "compare.html").read_text()
    assert "studies/machines/machines.html" in page
    assert "studies/single/machines.html" not in page
    assert not (site / "studies/single/machines.html").exists()
    assert "Machines compared" not in (site / "studies/single/index.html").read_text()

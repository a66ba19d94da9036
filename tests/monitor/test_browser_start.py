"""The page Start, and addresses that keep what was chosen, in a real browser over a real monitor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from fairmesh.files import write_text
from tests import watching
from tests.browsing import open_browser
from tests.e2e.workplace import ROOT, Workplace
from tests.faces import Face
from tests.results.builder import build

pytestmark = pytest.mark.e2e
STUDY = "study: small\napplication: toy\nparameters: {value: [1, 2]}\n"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """Yield a monitor over a study with results, and one that can be started."""
    place = Workplace(tmp_path_factory.mktemp("monitor"))
    build(place.results)
    write_text(place.folder / "Snakefile", "")  # a place of its own, so that nothing is saved elsewhere
    write_text(place.folder / "config/studies/small.yaml", STUDY)
    (place.folder / "tests").mkdir()
    (place.folder / "tests/toy").symlink_to(ROOT / "tests/toy")
    face = Face(place, "monitor")
    face.start()
    yield face
    face.kill()


@pytest.fixture
def page() -> Iterator[Page]:
    """Yield a page on which no script fails and no dialog opens."""
    with open_browser() as browser:
        found = browser.new_page()
        wrong: list[str] = []
        found.on("pageerror", lambda error: wrong.append(str(error)))
        found.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        yield found
        assert wrong == []


def test_a_form_is_filled_in_and_shows_its_mistakes(page: Page, monitor: Face) -> None:
    watching.open_page(page, monitor, "start", begin="small")
    watching.show_token(page, monitor)
    page.get_by_text("in a form").click()
    watching.fill(page, "value", "1, 2, x")
    expect(page.get_by_text("must be a number, not 'x'")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    watching.keep(page, "form")


def test_what_is_chosen_stays_in_the_address(page: Page, monitor: Face) -> None:
    watching.open_page(page, monitor, "workflow", study="quick")
    page.get_by_role("radio", name="failed", exact=True).click()
    page.wait_for_url("**only=failed**")


def test_a_study_is_written_and_started(page: Page, monitor: Face) -> None:
    watching.open_page(page, monitor, "start", begin="small")
    watching.show_token(page, monitor)
    page.get_by_text("in a form").click()
    watching.fill(page, "Name", "mine")
    page.get_by_role("button", name="Save and start").click()
    expect(page.get_by_text("of mine is started").first).to_be_visible(timeout=30_000)
    assert (monitor.workplace.folder / "config/studies/mine.yaml").is_file()
    page.get_by_role("link", name="Open it on the page Overview").click()
    expect(page.locator("h1")).to_have_text("Overview")
    assert "study=mine" in page.url

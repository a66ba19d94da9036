"""The monitor in a real browser: axe objects to nothing, nothing comes from elsewhere, and only this computer asks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests import watching
from tests.browsing import open_browser
from tests.e2e.workplace import ROOT, Workplace
from tests.faces import Face
from tests.results.builder import build
from tests.site.conftest import hostile_study
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
PAGES = ("", "experiments", "experiment", "timeline", "workflow", "compare", "start")
SCHEMES = {"light": 1280, "dark": 390}  # with the width of a screen, in pixels


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """Yield a monitor over two studies, one of which is hostile."""
    place = Workplace(tmp_path_factory.mktemp("monitor"))
    build(place.results)
    hostile_study(place.results)
    face = Face(place, "monitor")
    face.start()
    yield face
    face.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Yield what opens pages in light or dark."""
    opened = []

    def new_page(scheme: str) -> Page:
        context = browser.new_context(viewport={"width": SCHEMES[scheme], "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        opened.append(context)
        return context.new_page()

    yield new_page
    for context in opened:
        context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("study", ["quick", "hostile"])
def test_axe_finds_nothing_to_object_to(
    monitor: Face, new_page: Callable[[str], Page], scheme: str, study: str
) -> None:
    page = new_page(scheme)
    foreign: list[str] = []
    page.on("request", lambda asked: foreign.append(asked.url) if not _is_own(asked.url, monitor) else None)
    page.on("dialog", lambda dialog: foreign.append(dialog.message))
    for name in PAGES:
        watching.open_page(page, monitor, name, study=study)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        watching.stop_motion(page)
        found = Axe().run(page).response["violations"]
        assert [(violation["id"], node["html"]) for violation in found for node in violation["nodes"]] == [], name
        watching.keep(page, f"{study}-{scheme}-{name or 'overview'}")
    assert not foreign


def _is_own(address: str, monitor: Face) -> bool:
    return address.startswith((monitor.url, monitor.url.replace("http", "ws"), "data:", "blob:"))


def test_a_row_that_is_selected_is_opened(monitor: Face, new_page: Callable[[str], Page]) -> None:
    page = new_page("light")
    watching.open_page(page, monitor, "experiments", study="quick", where="epochs == 4 and repeat == 2")
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box
    page.mouse.click(box["x"] + 18, box["y"] + 52)  # the grid is drawn on a canvas
    page.get_by_role("link", name="Open epochs=4").click()
    expect(page.locator("h1")).to_have_text("Experiment")
    expect(page.locator("h2").first).to_contain_text("epochs=4")


@pytest.mark.parametrize("command", ["fairmesh.cli monitor --port", "streamlit run APP --server.port"])
def test_only_this_computer_reaches_it(tmp_path: Path, command: str) -> None:
    place = Workplace(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = str(ROOT / "fairmesh/monitor/app.py")
    words = [app if word == "APP" else word for word in command.split()]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", *words, str(port)], cwd=place.folder, env=environment)
    try:
        wait_until(lambda: _answers("127.0.0.1", port), "the monitor")
        assert not _answers(_other_address(), port)
    finally:
        process.kill()
        process.wait()


def test_the_link_in_the_terminal_lets_one_browser_steer(tmp_path: Path, new_page: Callable[[str], Page]) -> None:
    place = Workplace(tmp_path)
    build(place.results)
    face = Face(place, "monitor")
    terminal = face.start_in_terminal()
    link = terminal.wait_for(r"http://\S+/login\?key=\S+")
    page, other = new_page("light"), new_page("light")
    page.goto(link)
    expect(page.get_by_text("You can cancel, retry and start.")).to_be_visible(timeout=60_000)
    assert "key=" not in page.url
    assert other.goto(link).status == 403  # type: ignore[union-attr]
    watching.open_page(other, face)
    expect(other.get_by_role("textbox", name="Token")).to_be_visible()
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("textbox", name="Token")).to_be_visible()
    assert terminal.read().count("key=") == 1
    face.kill()


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


def _other_address() -> str:
    """Return an address of this computer that others could reach; one of its loopback net if it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of RFC 5737; nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.2"

"""The website in a real browser: nothing fails, nothing is asked of others, charts and tables work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from fairmesh.site.build import build_site
from fairmesh.site.colors import style_sheet
from fairmesh.study.website import Website
from tests.browsing import collect_faults, open_browser, search, served, wait_for_charts
from tests.results.builder import Folder

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
    """Yield a page that collects what must not happen, and look at it in the end."""
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


def column(page: Page, title: str) -> list[str]:
    """Return the texts of a column of the table on the page."""
    script = """title => {
      const heads = [...document.querySelectorAll('.fm-board thead th')].map(head => head.textContent.trim());
      const place = heads.indexOf(title);
      return [...document.querySelectorAll('.fm-board tbody tr')].map(row => row.cells[place].textContent.trim());
    }"""
    found: list[str] = page.evaluate(script, title)
    return found


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_round(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    heading = page.locator(".fm-board thead th", has_text="Time (s)").first
    for expected in ("ascending", "descending"):
        heading.click()
        page.locator(f".fm-board th[aria-sort={expected}]").wait_for()
        *shown, last = column(page, "Time (s)")
        numbers = [float(text.split(" ")[0]) for text in shown]
        assert numbers == sorted(numbers, reverse=expected == "descending")
        assert len(numbers) == 6
        assert last == ""


def test_a_link_keeps_filters_sorting_columns_and_axes(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    page.locator(".fm-filters select[name='parameter:epochs']").select_option("4")
    page.locator(".fm-board thead th", has_text="Time (s)").first.click()
    page.locator(".fm-columns summary").click()
    page.get_by_role("checkbox", name="Peak memory (MiB)").check()
    page.locator(".fm-chart select[name=x]").first.select_option("parameter:width")
    kept = page.url
    assert column(page, "epochs") == ["4", "4"]
    page.goto("about:blank")
    page.goto(kept)
    page.locator(".fm-filters").wait_for()
    assert column(page, "epochs") == ["4", "4"]
    assert all(text.endswith("MiB") for text in column(page, "Peak memory (MiB)"))
    assert page.locator(".fm-board th[aria-sort=ascending]").inner_text().startswith("Time (s)")
    assert page.locator(".fm-chart select[name=x]").first.input_value() == "parameter:width"


def test_a_chart_shows_its_data_as_a_table(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    wait_for_charts(page)
    figure = page.locator(".fm-chart", has_text="By parameter")
    figure.locator("summary").click()
    figure.locator("tbody tr").nth(5).wait_for()
    assert figure.locator("tbody tr").count() == 6
    assert "epochs=8 width=8" in figure.locator("tbody").inner_text()


def test_the_legend_chooses_the_lines(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    wait_for_charts(page)
    lines = page.locator(".fm-chart", has_text="Loss by epoch").locator(".mark-line.role-mark path")
    before = lines.count()
    page.locator(".fm-legend input").first.uncheck()
    lines.nth(before - 1).wait_for(state="detached")
    assert 0 < lines.count() < before
    assert "lines=" in page.url


@pytest.mark.parametrize(
    "query", ["width=8,epochs=4", "epochs=4+width=8", "epochs=4 width=8", "width=8,epochs=4,repeat=1"]
)
def test_a_search_finds_axes_in_any_order(page: Page, address: str, query: str) -> None:
    page.goto(f"{address}/studies/quick/experiments.html")
    page.get_by_label("Search").last.fill(query)
    found = page.locator(".fm-board td.fm-pages")
    found.nth(2).wait_for(state="detached")
    names = found.all_inner_texts()
    assert names
    assert all(name.startswith("epochs=4 width=8 #") for name in names)


def test_experiments_are_picked_and_compared(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/experiments.html")
    picks = page.locator(".fm-pick")
    picks.nth(0).check()
    picks.nth(2).check()
    page.get_by_role("link", name="Compare 2 chosen").click()
    page.locator(".fm-compare tbody tr").first.wait_for()
    text = page.locator(".fm-compare table").inner_text()
    assert "epochs=2 width=4 #1" in text
    assert page.locator(".fm-compare tr.fm-differs th", has_text="width").count() == 1
    assert page.locator(".fm-compare tbody th", has_text="learning_rate").count() == 0
    page.get_by_label("only differences").uncheck()
    page.locator(".fm-compare tbody th", has_text="learning_rate").wait_for()
    page.get_by_label("Study").select_option("hostile")
    page.get_by_role("button", name="Add").click()
    page.locator(".fm-compare thead th").nth(2).wait_for()
    assert "onerror=alert(1)" in page.locator(".fm-compare table").inner_text()


def test_the_page_that_compares_begins_with_the_best_two_of_the_newest_study(page: Page, address: str) -> None:
    page.goto(f"{address}/compare.html")
    page.get_by_text("These are the best two experiments of").wait_for()
    assert page.locator(".fm-compare thead th").count() == 2
    assert page.url.count("pick=") == 2
    page.get_by_role("button", name="Remove all").press("Enter")
    page.get_by_text("Add at least two").wait_for()
    page.get_by_role("button", name="The best point of each study").press("Enter")
    page.locator(".fm-compare thead th").nth(1).wait_for()
    kept = page.url
    page.goto("about:blank")
    page.goto(kept)
    page.locator(".fm-compare thead th").nth(1).wait_for()
    assert "best point" in page.locator(".fm-compare thead").inner_text()


def test_a_study_without_a_best_point_is_compared_by_its_experiments(browser: Browser, tmp_path: Path) -> None:
    for name in ("ranked", "unranked"):
        folder = Folder(tmp_path / "results", name, title=f"The {name} study")
        if name == "unranked":
            del folder.application["metrics"]["accuracy"]["better"]
        for epochs in (1, 2):
            folder.finish(folder.add(epochs=epochs), {"accuracy": 0.5 + epochs / 10})
    build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    page = browser.new_page()
    with served(tmp_path / "public") as address:
        page.goto(f"{address}/compare.html#pick=unranked/best")
        page.get_by_text("The unranked study has no best point: choose one of its experiments.").wait_for()
        assert page.get_by_role("button", name="The best point of each study").count() == 0
        page.get_by_label("Study").select_option("unranked")
        page.locator("input[name=experiment]:invalid").wait_for()
        page.get_by_role("button", name="Add").click()
        assert page.url.endswith("#pick=unranked/best")
        page.get_by_label("Study").select_option("ranked")
        page.locator("input[name=experiment]:valid").wait_for()
        page.get_by_role("button", name="Add").click()
        page.locator(".fm-compare thead th", has_text="best point").wait_for()
    page.close()


def test_figures_are_compared_side_by_side(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/experiments.html")
    for place in (0, 2):
        page.locator(".fm-pick").nth(place).check()
    page.get_by_role("link", name="Compare 2 chosen").click()
    page.get_by_label("only differences").uncheck()
    pictures = page.locator(".fm-compare td a img")
    pictures.nth(3).wait_for()
    assert pictures.count() == 4
    pictures.first.scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.images].map(image => image.decode()))")


@pytest.mark.parametrize(("width", "place"), [(390, 1), (1280, 3)])
def test_on_a_phone_the_primary_metric_follows_the_rank(page: Page, address: str, width: int, place: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}/studies/quick/index.html")
    page.locator(".fm-board td").first.wait_for()
    heads = page.locator(".fm-board thead th").all_inner_texts()
    assert heads[0].strip() == "#"
    assert heads[place].strip() == "Inference accuracy"


def test_on_paper_all_is_light_and_whole(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    wait_for_charts(page)
    page.emulate_media(media="print")
    for gone in (".fm-filters", ".fm-legend", ".fm-chart-tools", ".md-header", ".md-footer"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator(".fm-chart-canvas svg").first.is_visible()
    assert page.locator(".fm-cite").is_visible()
    dark_ink = """[...document.querySelectorAll('h1, .fm-answer, .fm-table td, .fm-chart svg text, .fm-command code')]
    .every(each => {
      const style = getComputedStyle(each), ink = each instanceof SVGElement ? style.fill : style.color;
      return Math.max(...ink.match(/[0-9]+/g).slice(0, 3)) < 128;
    })"""
    page.wait_for_function(dark_ink)  # colors change within a moment
    whole = "each => getComputedStyle(each).overflow === 'visible'"
    assert page.evaluate(f"[...document.querySelectorAll('.fm-table')].every({whole})")


def test_an_address_that_names_nothing_says_so(page: Page, address: str) -> None:
    page.goto(f"{address}/compare.html#pick=quick/nothing&pick=../../x/y&pick=<img src=x onerror=alert(1)>")
    page.get_by_text("This site does not contain 3 of the chosen experiments.").wait_for()
    assert page.locator("img[src=x]").count() == 0


def test_axe_finds_nothing_to_object_to(page: Page, address: str, site: Path) -> None:
    experiments = [path.parent.name for path in sorted(site.glob("studies/quick/experiments/*/index.html"))]
    picks = "&".join(f"pick=quick/{key}" for key in experiments[:2])
    longest = max(site.glob("studies/quick/experiments/*/index.html"), key=lambda path: path.stat().st_size)
    places = ["index.html", "studies/quick/index.html", "studies/hostile/index.html", "studies/quick/experiments.html"]
    places.append("how-to-read.html")
    for place in [*places, str(longest.relative_to(site)), f"compare.html#{picks}"]:
        page.goto(f"{address}/{place}")
        wait_for_charts(page)
        page.wait_for_timeout(500)  # the theme fades its parts in
        found = Axe().run(page).response["violations"]
        assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found] == [], place


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("color", ["#ffff00", "#101010", "#c0c0c0"])
def test_texts_can_be_read_in_the_colors_of_a_project(browser: Browser, site: Path, color: str, scheme: str) -> None:
    page = browser.new_context(color_scheme=scheme).new_page()
    page.goto((site / "studies/quick/index.html").as_uri())
    page.add_style_tag(content=style_sheet(Website(color=color, accent=color)))
    page.wait_for_timeout(1000)  # colors change slowly
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found] == []


def test_the_search_finds_a_study(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    search(page, "leaderboard")


@pytest.mark.parametrize("query", ["width=8,epochs=4", "epochs=4 width=8", "epochs=4+width=8+repeat=1"])
def test_the_search_finds_an_experiment_by_its_axes(page: Page, address: str, query: str) -> None:
    page.goto(f"{address}/index.html")
    search(page, query)
    assert "epochs=4 width=8 #" in page.locator(".md-search-result__item h1").first.inner_text()


def test_charts_follow_the_scheme_that_the_reader_chooses(page: Page, address: str) -> None:
    page.goto(f"{address}/studies/quick/index.html")
    color = "document.querySelector('.fm-chart-canvas svg .role-axis-label text')?.getAttribute('fill')"
    page.wait_for_function(color)
    seen = {page.evaluate(color)}
    for _ in range(2):
        page.locator("label.md-header__button[for^=__palette]:visible").click()
        page.wait_for_timeout(400)
        seen.add(page.evaluate(color))
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

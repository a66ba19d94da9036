"""The website as files: whole, linked, harmless, asking nobody."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from fairmesh.errors import FairmeshError
from fairmesh.site.build import build_site
from tests.needs import must_have
from tests.results.builder import APPLICATION, Folder, build
from tests.site.conftest import HOSTILE, ROOT

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class Page(HTMLParser):
    """Collects what a page links to, what it fetches, its handlers, its images and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.silent_images = 0
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [found[name] or "" for name in ("href", "src") if name in found]
        self.fetched += [found[FETCHED[tag]] or ""] if FETCHED.get(tag) in found else []
        self.handlers += [name for name in found if name.startswith("on")]
        self.silent_images += tag == "img" and not found.get("alt")

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(site: Path) -> list[Path]:
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def test_every_study_and_experiment_has_a_page(site: Path) -> None:
    assert (site / "studies" / "quick" / "index.html").is_file()
    assert len(list(site.glob("studies/quick/experiments/*/index.html"))) == 12


def check_links(site: Path) -> None:
    """Check that every link leads to a file of the site, and to a part of it where it names one."""
    for page in pages(site):
        for link in Page(page).links:
            parts = urlsplit(link)
            target = (page.parent / unquote(parts.path)).resolve()
            if not parts.scheme and parts.path:
                assert target.is_file(), f"{page}: {link}"
                named = parts.fragment if "=" not in parts.fragment else ""
                assert f'id="{named}"' in target.read_text() if named else True, f"{page}: {link}"


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    check_links(site)


def test_no_page_fetches_from_elsewhere(site: Path) -> None:
    for page in pages(site):
        assert not [link for link in Page(page).fetched if urlsplit(link).netloc], page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_hostile_names_are_text_everywhere(site: Path) -> None:
    for page in pages(site):
        found = Page(page)
        assert found.handlers == []
        assert not [link for link in found.links if link.startswith("javascript:") or link == "x"], page
    text = " ".join(Page(site / "studies" / "hostile" / "index.html").text.split())
    assert text.count(" ".join(HOSTILE.split())) > 10


def test_every_picture_has_a_text(site: Path) -> None:
    assert not [page for page in pages(site) if Page(page).silent_images]


def test_experiments_are_not_in_the_navigation_and_charts_load_only_where_they_are(site: Path) -> None:
    home = (site / "index.html").read_text()
    assert "/experiments/" not in home
    assert "vega.js" not in home
    assert "vega.js" in (site / "studies" / "quick" / "index.html").read_text()


def test_the_study_page_says_what_matters(site: Path) -> None:
    text = " ".join(Page(site / "studies" / "quick" / "index.html").text.split())
    for said in (
        "1 of 2 failed",
        "1 of 2 waiting",
        "baseline: threshold",
        "exit code 1",
        "MemoryError",
        "A. Scientist",
    ):
        assert said in text
    assert re.search(r"0\.\d+ ± 0\.\d+", text)


def test_an_experiment_page_says_how_to_run_it_again(site: Path) -> None:
    text = " ".join(Page(next(site.glob("studies/quick/experiments/*/index.html"))).text.split())
    assert "snakemake --profile profiles/local --force results/quick/records/local/epochs=" in text
    assert ".json --config study=quick" in text
    assert "bash results/quick/experiments/local/epochs=" in text


def test_an_experiment_page_shows_the_baseline_beside_the_result(site: Path) -> None:
    text = " ".join(
        Page(next(site.glob("studies/quick/experiments/*/files/metrics.json")).parents[1] / "index.html").text.split()
    )
    assert "baseline: threshold" in text
    assert "0.832" in text


def test_the_home_page_is_a_catalogue_for_search_engines(site: Path) -> None:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', (site / "index.html").read_text())
    catalogue = json.loads(found)
    assert catalogue["@type"] == "DataCatalog"
    assert "CloudMask accuracy by epochs and width" in [dataset["name"] for dataset in catalogue["dataset"]]


def test_the_site_is_called_as_its_publisher_says(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results", publisher={"title": HOSTILE})
    folder.finish(folder.add(), {"accuracy": 0.9})
    build_site(folder.results, tmp_path / "public", tmp_path)
    home = Page(tmp_path / "public" / "index.html")
    assert " ".join(HOSTILE.split()) in " ".join(home.text.split())
    assert home.handlers == []


def test_the_page_for_what_is_not_found_has_links_to_where_the_site_is_published(tmp_path: Path) -> None:
    folder = build(tmp_path / "results")
    folder.publisher = {"url": "https://example.org/a/b"}
    folder.write_plan()
    build_site(folder.results, tmp_path / "public", tmp_path)
    page = (tmp_path / "public/404.html").read_text()
    assert {link for link in re.findall(r'(?:href|src)="(/[^"]*)"', page) if not link.startswith("/a/b/")} == set()
    assert "/a/b/index.html" in page
    (tmp_path / "site/docs").mkdir(parents=True)
    (tmp_path / "site/docs/404.md").write_text("# Our own page\n")
    build_site(folder.results, tmp_path / "public", tmp_path)
    assert "Our own page" in (tmp_path / "public/404.html").read_text()


_ON_A_MOUNT = """
mount -t tmpfs none public
mkdir public/lost+found
for text in first second; do
    mkdir -p build/new/pages
    echo $text > build/new/index.html
    echo $text > build/new/pages/$text.html
    "$0" -c '
from pathlib import Path
from fairmesh.site.folder import replace_site
from fairmesh.site.folder import check_replaceable
check_replaceable(Path("public"))
replace_site(Path("build/new"), Path("public"), Path("build/old"))'
done
find public -type f -printf '%P\n' | sort
cat public/index.html
"""


@pytest.mark.long
def test_a_site_on_a_mount_point_is_replaced(tmp_path: Path) -> None:
    mountable = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], check=False)
    must_have(mountable.returncode == 0, "NOTHING CAN BE MOUNTED HERE: a site on a mount point was not tried")
    (tmp_path / "public").mkdir()
    command = ["unshare", "--mount", "bash", "-ec", _ON_A_MOUNT, sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines(), done.stderr) == (
        [".fairmesh-site", "index.html", "pages/second.html", "second"],
        "",
    )


@pytest.mark.long
def test_a_link_to_the_folder_of_the_site_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "public").symlink_to(tmp_path / "elsewhere")
    build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    assert (tmp_path / "public").is_symlink()
    assert (tmp_path / "elsewhere/index.html").is_file()


def test_a_record_whose_folder_is_gone_is_shown_with_what_is_left(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(epochs=2), {"accuracy": 0.875})
    shutil.rmtree(folder.folder / "experiments")
    build_site(folder.results, tmp_path / "public", tmp_path)
    text = Page(next(tmp_path.glob("public/studies/quick/experiments/*/index.html"))).text
    assert "its files is gone" in text
    assert "0.875" in text


def test_a_page_shows_a_thumbnail_that_leads_to_the_figure_and_a_second_build_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path / "results")
    figure = folder.finish(folder.add(epochs=2), {"accuracy": 0.9}) / "figures/scene.png"
    figure.parent.mkdir()
    Image.effect_noise((700, 300), 100).save(figure)
    build_site(folder.results, tmp_path / "public", tmp_path)
    monkeypatch.setattr("fairmesh.site.figures._shrunk", None)
    build_site(folder.results, tmp_path / "public", tmp_path)
    (experiment,) = tmp_path.glob("public/studies/quick/experiments/*/index.html")
    for page in (experiment, tmp_path / "public/studies/quick/index.html"):
        found = Page(page)
        (shown,) = [page.parent / link for link in found.fetched if link.endswith(".webp")]
        (linked,) = [page.parent / link for link in found.links if link.endswith("scene.png")]
        assert shown.stat().st_size < figure.stat().st_size / 3
        assert linked.read_bytes() == figure.read_bytes()


def test_a_figure_that_is_none_is_named_and_left_out(site: Path) -> None:
    texts = [Page(path).text for path in site.glob("studies/hostile/experiments/*/index.html")]
    assert sum('Not shown: "><img src=x>.png (no PNG picture).' in text for text in texts) == 2
    assert not list(site.glob("studies/hostile/**/*.png"))


def test_a_failed_experiment_is_not_offered_to_be_reproduced(site: Path) -> None:
    texts = [Page(path).text for path in site.glob("studies/quick/experiments/*/index.html")]
    assert sum("fairmesh reproduce" in text for text in texts) == sum("Results" in text for text in texts) == 10


def test_search_does_not_hold_charts_or_logs(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text()
    assert "vega-lite" not in index
    assert "MemoryError" not in index


def test_nothing_of_a_link_out_of_the_results_is_published(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_text("secret")
    folder = Folder(tmp_path / "results")
    attempt = folder.finish(folder.add(epochs=2), {"accuracy": 0.9})
    (attempt / "figures").symlink_to(tmp_path)
    (attempt / "metrics.json").unlink()
    (attempt / "metrics.json").symlink_to(tmp_path / "secret.png")
    build_site(folder.results, tmp_path / "public", tmp_path)
    assert not [
        path for path in tmp_path.glob("public/studies/**/*") if path.is_file() and path.read_bytes() == b"secret"
    ]


def test_without_studies_the_site_is_still_built(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    assert "No study has been published yet" in (tmp_path / "public" / "index.html").read_text()


def test_a_study_without_metrics_axes_or_repeats_has_a_page(tmp_path: Path) -> None:
    application = {"name": "bare", "version": "1", "parameters": {}}
    assert application.keys() < APPLICATION.keys()
    folder = Folder(tmp_path / "results", title="", application=application)
    folder.finish(folder.add(), {"found": 3})
    build_site(folder.results, tmp_path / "public", tmp_path)
    text = Page(tmp_path / "public" / "studies" / "quick" / "index.html").text
    assert "bare" in text
    assert "The authors of these results are not stated. Set publisher.authors" in text


def test_of_a_large_study_the_failed_and_the_best_have_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairmesh.site.experiment_page.LARGEST_STUDY", 3)
    folder = build(tmp_path / "results")
    build_site(folder.results, tmp_path / "public", tmp_path)
    shown = {path.parent.name for path in tmp_path.glob("public/studies/quick/experiments/*/index.html")}
    ids = sorted(point["id"] for point in folder.points if point["key"] in shown)
    assert ids == ["epochs=4+width=8+repeat=1", "epochs=8+width=8+repeat=1", "epochs=8+width=8+repeat=2"]


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(FairmeshError, match="not a website made by fairmesh"):
        build_site(tmp_path / "results", tmp_path / "home", tmp_path)
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_a_broken_link_fails_and_the_old_site_stays(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    page = tmp_path / "site/docs/guide/first.md"
    page.parent.mkdir(parents=True)
    page.write_text("# First\n")
    build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    page.write_text("# Second\n\n[nowhere](missing.md)\n")
    with pytest.raises(FairmeshError, match=r"\nsite/docs/guide/first\.md contains a link 'missing\.md'"):
        build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    assert "First" in (tmp_path / "public/guide/first.html").read_text()
    page.write_text("# Third\n")
    build_site(tmp_path / "results", tmp_path / "public", tmp_path)
    assert "Third" in (tmp_path / "public/guide/first.html").read_text()


@pytest.mark.long
def test_several_may_publish_at_once(tmp_path: Path) -> None:
    build(tmp_path / "results", epochs=(1,))
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(build_site, tmp_path / "results", tmp_path / "public", tmp_path) for _ in range(3)]
        for job in jobs:
            job.result()
    assert (tmp_path / "public" / "studies" / "quick" / "index.html").is_file()


def test_the_website_of_this_repository_has_its_manual(tmp_path: Path) -> None:
    build(tmp_path / "results", epochs=(1,))
    build_site(tmp_path / "results", tmp_path / "public", ROOT)
    links = Page(tmp_path / "public/how-to-read.html").links
    assert "explanation/repeats.html" in links
    check_links(tmp_path / "public")


def test_what_cannot_be_shown_or_drawn_is_named_and_the_rest_appears(tmp_path: Path) -> None:
    build(tmp_path / "results", epochs=(1, 2))
    odd = Folder(tmp_path / "results", "odd", application={**APPLICATION, "tables": ["no map"]})
    odd.finish(odd.add(), {"accuracy": 0.5})
    (tmp_path / "results/broken").mkdir()
    (tmp_path / "results/broken/plan.json").write_text("[")
    arguments = ["site", "--results", tmp_path / "results", "--site", tmp_path / "public"]
    # Under such a limit, which login nodes have, V8 ends the process that it runs in.
    limited = ["bash", "-c", 'ulimit -v 8000000; exec "$@"', "-", sys.executable, "-m", "fairmesh.cli", *arguments]
    done = subprocess.run(list(map(str, limited)), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    assert "missing: the study broken: " in done.stderr
    assert "missing: the study odd: " in done.stderr
    assert "missing: pictures of charts of quick: the chart renderer ended (SIG" in done.stderr
    assert "could not be shown: broken, odd." in Page(tmp_path / "public/index.html").text
    study = Page(tmp_path / "public/studies/quick/index.html")
    assert "Some pictures of charts are missing: the chart renderer ended" in study.text
    assert not [link for link in study.fetched if link.startswith("charts/")]
    assert len(list(tmp_path.glob("public/studies/quick/experiments/*/index.html"))) == 8
    assert not (tmp_path / "public/studies/odd").exists()

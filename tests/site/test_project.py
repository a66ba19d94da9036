"""What a project gives its website: mistakes are lines that say where and what; nothing is overwritten silently."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairmesh.errors import FairmeshError, InputError
from fairmesh.files import write_text
from fairmesh.site.build import build_site
from fairmesh.site.project import SiteProject, SiteSettings
from tests.results.builder import Folder, build
from tests.site.conftest import ROOT
from tests.site.test_build import Page, check_links, pages

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
TITLE = 'Größe & "Zeit" <b>quoted</b>'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    configure(tmp_path, "")
    return tmp_path


def configure(project: Path, website: str) -> None:
    write_text(project / "config/config.yaml", f"study: quick\n{website}")


@pytest.mark.parametrize(
    ("website", "message"),
    [
        ("{color: teal}", "'website.color' must be a color as red, green and blue in quotes, such as \"#12455a\""),
        ("\n  color: #12455a", "'website.color' must be a color as red, green and blue in quotes, such as \"#12455a\""),
        ("{accent: '#12345'}", "not '#12345'"),
        ("{logo: no.svg}", "config/config.yaml:2:17: 'website.logo': no.svg cannot be read: No such file or directory"),
        ("{logo: logo.txt}", "'website.logo': logo.txt must end in .svg, .png"),
        ("{favicon: fake.png}", "'website.favicon': fake.png is no PNG picture"),
        ("{links: {Paper: 'javascript:alert(1)'}}", "must be an address that begins with https:// or http://"),
        ("{manual: explanation}", "'website.manual' must be an address that begins with https:// or http://"),
        ("{colour: '#fff'}", "unknown key 'website.colour'; did you mean 'color'?"),
        ("sorting", "'website' must be a map, not 'sorting'"),
    ],
)
def test_a_mistake_in_the_configuration_is_a_line(project: Path, website: str, message: str) -> None:
    write_text(project / "fake.png", "text")
    configure(project, f"website: {website}\n")
    with pytest.raises(InputError) as error:
        SiteProject.read(project)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "docs/index.md",
            "# Home",
            "site/docs/index.md: fairmesh writes the home page; move your text to site/home.md",
        ),
        ("docs/README.md", "# Home", "site/docs/README.md: fairmesh writes the home page"),
        ("docs/compare.md", "# Ours", "site/docs/compare.md: fairmesh writes a file of this name; choose another one"),
        ("docs/javascripts/tables.js", "", "site/docs/javascripts/tables.js: fairmesh writes a file of this name"),
        ("docs/studies/ours.md", "# Ours", "site/docs/studies: fairmesh writes the pages of studies here"),
        ("home.md", "---\ntitle: x\n---\n", "site/home.md:1:1: front matter"),
        ("mkdocs.yml", "plugins: [search]\n", "site/mkdocs.yml:1:1: unknown key 'plugins' (allowed: nav, "),
        ("mkdocs.yml", "site_name: x\n", "site/mkdocs.yml:1:1: 'site_name' is 'website.title' in config/config.yaml"),
        ("mkdocs.yml", "nav: about.md\n", "site/mkdocs.yml:1:6: 'nav' must be a list, not 'about.md'"),
        ("mkdocs.yml", "nav: [\n", "site/mkdocs.yml:"),
    ],
)
def test_a_mistake_in_a_file_is_a_line(project: Path, name: str, content: str, message: str) -> None:
    write_text(project / "site" / name, content)
    with pytest.raises(InputError) as error:
        SiteProject.read(project)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("docs/about.md", "[x](gone.md)\n", "site/docs/about.md contains a link 'gone.md'"),
        ("docs/about.md", "[x](#gone)\n", "site/docs/about.md contains a link '#gone'"),
        ("home.md", "[x](gone.md)\n", "site/home.md contains a link 'gone.md'"),
        ("mkdocs.yml", "nav: [gone.md]\n", "gone.md"),
        ("mkdocs.yml", "markdown_extensions: [nothing_like_it]\n", "nothing_like_it"),
    ],
)
def test_what_mkdocs_finds_names_the_file(project: Path, name: str, content: str, message: str) -> None:
    write_text(project / "site" / name, content)
    with pytest.raises(FairmeshError) as error:
        build_site(project / "results", project / "public", project)
    assert message in str(error.value)
    assert "Traceback" not in str(error.value)
    assert not (project / "public").exists()


def test_a_page_that_is_not_utf_8_is_named(project: Path) -> None:
    write_text(project / "site/docs/about.md", "# x\n")
    (project / "site/docs/about.md").write_bytes(b"# \xff\n")
    with pytest.raises(FairmeshError, match=r"site/docs/about\.md") as error:
        build_site(project / "results", project / "public", project)
    assert "Traceback" not in str(error.value)


def test_a_website_has_what_its_project_gives_and_no_page_of_ours(project: Path) -> None:
    configure(
        project,
        f"""publisher: {{url: 'https://example.org/r'}}
website:
  title: '{TITLE}'
  description: What we did, and how "fast" <it> is.
  logo: site/logo.svg
  color: '#ff0'
  links: {{Paper: 'https://doi.org/10.1000/182'}}
  repository: https://github.com/ada/sorting
  install: [make setup]
""",
    )
    write_text(project / "site/logo.svg", LOGO)
    write_text(project / "site/home.md", "Before [here](guide/a-method.md).\n\n<!-- results -->\n\nAfter.\n")
    write_text(project / "site/docs/guide/a-method.md", "# How we measured\n")
    write_text(project / "site/docs/stylesheets/own.css", ".own {}")
    write_text(project / "site/mkdocs.yml", "extra_css: [stylesheets/own.css]\ncopyright: © Ada\n")
    folder = build(project / "results", epochs=(1,))
    folder.publisher = {"authors": ["A. Scientist"]}
    folder.write_plan()
    build_site(folder.results, project / "public", project)
    home = Page(project / "public/index.html")
    text = " ".join(home.text.split())
    assert text.index(TITLE) < text.index("Before here") < text.index("The best inference") < text.index("After.")
    for said in (
        'What we did, and how "fast" <it> is.',
        "git clone https://github.com/ada/sorting cd sorting make setup fairmesh run quick",
        "fairmesh reproduce results/quick",
        "@misc{",
        "CloudMask (version 1.2.0)",
        "local (Intel(R) Xeon(R) Platinum 8480+)",
        "© Ada",
    ):
        assert said in text, said
    assert {"https://doi.org/10.1000/182", "website/logo.svg", "guide/a-method.html"} <= set(home.links)
    assert "stylesheets/own.css" in " ".join(home.links)
    assert not home.handlers
    assert "b" not in home.tags
    assert {path.name for path in (project / "public").iterdir() if path.is_dir()} == {
        *("assets", "guide", "images", "javascripts", "search", "studies", "stylesheets", "website")
    }
    check_links(project / "public")
    ours = [page for page in pages(project / "public") if "fairmesh" in Page(page).text.split("Made with")[0]]
    assert all("fairmesh reproduce" in Page(page).text or page.name == "how-to-read.html" for page in ours)


def test_one_study_has_one_citation_key(project: Path) -> None:
    folder = Folder(project / "results", "first", publisher={"authors": ["A. Scientist"]})
    folder.finish(folder.add(epochs=1), {"accuracy": 0.5})
    build_site(project / "results", project / "public", project)
    keys = [
        re.findall(r"@misc\{(\w+)", Page(project / "public" / page).text)
        for page in ("index.html", "studies/first/index.html")
    ]
    assert keys == [["ascientist2026first"]] * 2


def test_several_studies_are_cited_by_the_title_of_the_website(project: Path) -> None:
    configure(project, "website: {title: Two studies}\npublisher: {url: 'https://example.org/r'}\n")
    for name in ("first", "second"):
        folder = Folder(project / "results", name, publisher={"authors": ["A. Scientist"]})
        folder.finish(folder.add(epochs=1), {"accuracy": 0.5})
    build_site(project / "results", project / "public", project)
    text = " ".join(Page(project / "public/index.html").text.split())
    assert "A. Scientist (2026): Two studies. Benchmark results. https://example.org/r/" in text
    assert "fairmesh run first fairmesh run second" in text or "fairmesh run second fairmesh run first" in text
    assert "Measured2026-11-20" in text.replace(" ", "")


@pytest.mark.parametrize(
    ("content", "empty"),
    [("# from https://example.org\n\n", True), (None, True), ("# here\nfairmesh[site] @ git+https://x\n", False)],
)
def test_files_of_requirements_without_a_package_are_found(project: Path, content: str | None, empty: bool) -> None:
    configure(project, "website: {install: [pip install -r requirements.txt, pip install toy]}\n")
    if content is not None:
        write_text(project / "requirements.txt", content)
    found = list(SiteProject.read(project).empty_requirements())
    assert found == ["requirements.txt"] * empty


def test_pages_link_to_the_manual_whose_address_is_known(project: Path) -> None:
    configure(project, "website: {manual: 'https://example.org/manual/'}\n")
    build(project / "results", epochs=(1,))
    build_site(project / "results", project / "public", project)
    links = Page(project / "public/how-to-read.html").links
    assert "https://example.org/manual/reference/states.html" in links


def test_two_websites_and_a_project_that_cannot_be_written_do_not_disturb_each_other(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "users"))
    write_text(project / "other/.fairmesh", "a file, so that there can be no cache")
    for place, root in (("one/public", project), ("two/public", project), ("three/public", project / "other")):
        build_site(project / "results", project / place, root)
        assert [path.name for path in (project / place).parent.iterdir()] == ["public"]
    assert len(list((project / ".fairmesh/cache/site").iterdir())) == 2
    assert (project / ".fairmesh/cache/CACHEDIR.TAG").is_file()
    assert (project / ".fairmesh/cache/.gitignore").read_text() == "*\n"
    assert len(list((project / "users/fairmesh/site").iterdir())) == 1


def test_the_how_to_names_every_key() -> None:
    page = (ROOT / "site/docs/how-to/shape-the-website.md").read_text(encoding="utf-8")
    assert [key for key in SiteSettings.model_fields if f"`{key}`" not in page and f"{key}:" not in page] == []

"""What a project adds to its website: settings of its config.yaml, and pages, texts and pictures of its ``site/``.

Light to import, so that a run can check it before hours of measuring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from fairmesh.errors import InputError, Problem, place
from fairmesh.files import canonical_json, file_sha256, text_sha256
from fairmesh.project import CONFIG
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import Model, Text, check_model, meaning
from fairmesh.study.settings import Publisher, load_config
from fairmesh.study.website import Website

BASE = Path(__file__).parent / "base"
HOME, COMPARE, HOW_TO_READ = "index.md", "compare.md", "how-to-read.md"
STUDIES = "studies"
RESULTS_MARK = "<!-- results -->"
_FOLDER = Path("site")
DOCS, SETTINGS, HOME_TEXT = _FOLDER / "docs", _FOLDER / "mkdocs.yml", _FOLDER / "home.md"
_SIGNATURES = {
    ".svg": b"<svg",
    ".png": b"\x89PNG\r\n",
    ".jpg": b"\xff\xd8\xff",
    ".jpeg": b"\xff\xd8\xff",
    ".webp": b"RIFF",
    ".gif": b"GIF8",
    ".ico": b"\0\0\1\0",
}
_HEAD = 4096  # bytes
_REQUIREMENTS = re.compile(r"(?:\s-r\s*|\s--requirement[\s=]+)(\S+)")


class Theme(Model):
    """Features of Material for MkDocs."""

    features: Annotated[
        list[Text], meaning("Features of Material for MkDocs, besides those of fairmesh.", ["toc.follow"])
    ] = Field(default_factory=list)


class SiteSettings(Model):
    """The keys of ``site/mkdocs.yml``: a part of those of MkDocs."""

    nav: Annotated[
        list[Any] | None, meaning("Order and titles of the own pages; without it, by folder and file name.")
    ] = None
    not_in_nav: Annotated[str, meaning("Patterns of pages that the navigation leaves out.")] = ""
    exclude_docs: Annotated[str, meaning("Patterns of files in `docs` that the website leaves out.")] = ""
    validation: Annotated[dict[str, Any], meaning("How strictly MkDocs checks links and navigation.")] = Field(
        default_factory=dict
    )
    copyright: Annotated[str, meaning("Text at the foot of every page.", "© 2026 Ada Example")] = ""
    extra_css: Annotated[list[Text], meaning("Style sheets in `docs`.", ["stylesheets/own.css"])] = Field(
        default_factory=list
    )
    extra_javascript: Annotated[list[Text], meaning("Scripts in `docs`.", ["javascripts/own.js"])] = Field(
        default_factory=list
    )
    markdown_extensions: Annotated[list[Any], meaning("Extensions of Markdown.", ["footnotes"])] = Field(
        default_factory=list
    )
    theme: Annotated[Theme, meaning("The theme: `features`.")] = Theme()


_IN_CONFIG = {
    "site_name": "website.title",
    "site_description": "website.description",
    "site_url": "publisher.url",
    "repo_url": "website.repository",
    "site_dir": "site",
}
"""Keys of MkDocs that config.yaml has under another name."""


@dataclass(frozen=True)
class SiteProject:
    """The part of a website that its project gives.

    Parameters
    ----------
    root : Path
        The project's folder, with ``config/config.yaml`` and perhaps ``site/``.
    website : Website
        The website's settings.
    publisher : Publisher
        Who publishes.
    settings : SiteSettings
        The settings of ``site/mkdocs.yml``.
    home_text : str
        The own text of the home page, from ``site/home.md``.
    """

    root: Path
    website: Website = field(default_factory=Website)
    publisher: Publisher = field(default_factory=Publisher)
    settings: SiteSettings = field(default_factory=SiteSettings)
    home_text: str = ""

    @classmethod
    def read(cls, root: Path) -> SiteProject:
        """Read what the project in a folder gives, and check it.

        Raises
        ------
        InputError
            With all mistakes.
        """
        config = load_config(root / CONFIG) if (root / CONFIG).is_file() else None
        settings, problems = _read_settings(root / SETTINGS)
        home_text, of_home = _read_home(root / HOME_TEXT)
        project = cls(root, settings=settings, home_text=home_text)
        if config:
            project = replace(project, website=config.website, publisher=config.publisher)
        problems += [*of_home, *project._picture_problems(), *project._collisions()]
        if problems:
            raise InputError(problems)
        return project

    @property
    def docs(self) -> Path:
        """The folder of the own pages."""
        return self.root / DOCS

    def files(self) -> list[Path]:
        """Return the own pages and what belongs to them, relative to ``docs``; hidden files are left out."""
        paths = (path.relative_to(self.docs) for path in sorted(self.docs.rglob("*")) if path.is_file())
        return [path for path in paths if not any(part.startswith(".") for part in path.parts)]

    @property
    def pictures(self) -> dict[str, Path]:
        """The paths of logo and favicon; the favicon is the logo by default."""
        given = {"logo": self.website.logo, "favicon": self.website.favicon or self.website.logo}
        return {key: self.root / path for key, path in given.items() if path}

    def digest(self) -> str:
        """Return a hash of everything that the project gives."""
        own = [SETTINGS, HOME_TEXT, *(DOCS / path for path in self.files()), *self.pictures.values()]
        hashes = {str(path): file_sha256(self.root / path) for path in own if (self.root / path).is_file()}
        return text_sha256(canonical_json([self.website.model_dump(), hashes]))

    def empty_requirements(self) -> Iterator[str]:
        """Yield the files without a package that the commands under ``website.install`` install."""
        for command in self.website.install:
            for file in _REQUIREMENTS.findall(command):
                if not _names_package(self.root / file):
                    yield file

    def _picture_problems(self) -> Iterator[Problem]:
        for key, path in self.pictures.items():
            if getattr(self.website, key) and (fault := _picture_fault(path)):
                where = load_yaml(self.root / CONFIG).entries["website"].entries[key].place(self.root / CONFIG)
                yield Problem(f"'website.{key}': {place(path)} {fault}", where)

    def _collisions(self) -> Iterator[Problem]:
        """Yield the own files that would replace files that are generated."""
        if (self.docs / STUDIES).exists():
            yield Problem("fairmesh writes the pages of studies here; choose another name", place(self.docs / STUDIES))
        for path in self.files():
            if path.stem in {Path(HOME).stem, "README"} and path.parent == Path() and path.suffix in {".md", ".html"}:
                message = f"fairmesh writes the home page; move your text to {HOME_TEXT}"
                yield Problem(message, place(self.docs / path))
            elif str(path.with_suffix(".md")) in {COMPARE, HOW_TO_READ} or (BASE / path).is_file():
                yield Problem("fairmesh writes a file of this name; choose another one", place(self.docs / path))


def _names_package(path: Path) -> bool:
    """Return whether a file of requirements has a line that is no comment."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return any(line.partition("#")[0].strip() for line in lines)


def _picture_fault(path: Path) -> str:
    """Return why a file cannot be shown as a picture; empty if it can."""
    if path.suffix.lower() not in _SIGNATURES:
        return f"must end in {', '.join(_SIGNATURES)}"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    signature = _SIGNATURES[path.suffix.lower()]
    return "" if signature in head else f"is no {path.suffix[1:].upper()} picture"


def _read_settings(path: Path) -> tuple[SiteSettings, list[Problem]]:
    """Read ``site/mkdocs.yml``; a key that config.yaml has instead is an error that says so."""
    if not path.is_file():
        return SiteSettings(), []
    try:
        node = load_yaml(path)
    except InputError as error:
        return SiteSettings(), error.problems
    elsewhere = [
        Problem(f"{key!r} is {_IN_CONFIG[key]!r} in {CONFIG}", node.key_place(path, key))
        for key in node.entries
        if key in _IN_CONFIG
    ]
    rest = Node({key: entry for key, entry in node.entries.items() if key not in _IN_CONFIG}, keys=node.keys)
    settings, problems = check_model(SiteSettings, rest, path)
    return settings or SiteSettings(), [*elsewhere, *problems]


def _read_home(path: Path) -> tuple[str, list[Problem]]:
    """Read the own text of the home page."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError:
        return "", [Problem("is not UTF-8", place(path))]
    if text.startswith("---\n"):
        return "", [Problem("front matter (between --- and ---) is not read here; remove it", place(path, 1, 1))]
    return text, []

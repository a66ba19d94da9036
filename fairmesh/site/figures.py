"""The figures of experiments as pages show them: a thumbnail that leads to the original, and what is not shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairmesh.results import Outcome
from fairmesh.results.metrics import readable
from fairmesh.site.artefacts import LARGEST, lies_in, publish
from fairmesh.site.numbers import size
from fairmesh.site.thumbnails import NoPictureError, Picture, Thumbnails

FOLDER = "figures"
THUMBNAILS = "thumbnails"
MOST = 300  # thumbnails of a study, the failed and the best experiments first; others show the figures themselves


@dataclass(frozen=True)
class Figure:
    """A figure.

    Parameters
    ----------
    title : str
        The name of its file in words.
    href, shown : str
        The original and what is shown of it, both from the study's page.
    width, height : int
        What is shown, in pixels.
    """

    title: str
    href: str
    shown: str
    width: int
    height: int


@dataclass(frozen=True)
class Figures:
    """The figures of an experiment, and those that are left out with the reason of each."""

    shown: tuple[Figure, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass
class StudyFigures:
    """Publishes the figures of a study's experiments.

    Parameters
    ----------
    study : Path
        The study's folder in the results.
    target : Path
        The folder of the study's page.
    thumbnails : Thumbnails
        Those of the website.
    left : int
        How many thumbnails the study may still have.
    """

    study: Path
    target: Path
    thumbnails: Thumbnails
    left: int = MOST

    def publish(self, outcome: Outcome, folder: Path) -> Figures:
        """Copy the figures of an experiment into the folder of its page."""
        good: list[tuple[Path, Picture]] = []
        left_out: list[tuple[str, str]] = []
        for figure, digest in self._found(outcome):
            try:
                good.append((figure, self._picture(figure, digest)))
            except NoPictureError as error:
                left_out.append((figure.name, str(error)))
        copies = publish(self.study, [figure for figure, _ in good], folder, FOLDER)
        shown = [
            self._figure(folder / copy.href, figure, picture)
            for copy, (figure, picture) in zip(copies, good, strict=True)
        ]
        return Figures(tuple(shown), tuple(left_out))

    def _found(self, outcome: Outcome) -> Iterator[tuple[Path, str]]:
        """Yield each figure with the hash that the record has of it."""
        attempt = outcome.attempt
        for figure in sorted((attempt / FOLDER).glob("*.png")) if attempt else ():
            if lies_in(self.study, figure):
                yield figure, _recorded(outcome, figure)

    def _picture(self, figure: Path, digest: str) -> Picture:
        if (found := figure.stat().st_size) > LARGEST:
            raise NoPictureError(f"{size(found)} are too many for a page")
        picture = self.thumbnails.picture(figure, digest, wanted=self.left > 0)
        self.left -= picture.thumbnail is not None
        return picture

    def _figure(self, copy: Path, figure: Path, picture: Picture) -> Figure:
        href = shown = copy.relative_to(self.target).as_posix()
        if picture.thumbnail:
            shown = f"{THUMBNAILS}/{picture.thumbnail.name}"
            (self.target / THUMBNAILS).mkdir(exist_ok=True)
            shutil.copyfile(picture.thumbnail, self.target / shown)
        return Figure(readable(figure.stem), href, shown, picture.width, picture.height)


def _recorded(outcome: Outcome, figure: Path) -> str:
    """Return the SHA-256 that the record has of a figure; empty if it has none, or if the figure has changed since."""
    name = figure.relative_to(outcome.folder).as_posix() if figure.is_relative_to(outcome.folder) else ""
    files = (outcome.record or {}).get("files")
    for each in files if isinstance(files, list) else ():
        if isinstance(each, dict) and each.get("path") == name and each.get("bytes") == figure.stat().st_size:
            digest = str(each.get("sha256"))
            return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else ""
    return ""

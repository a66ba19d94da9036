"""Figures of experiments: each page shows a thumbnail that links to the original."""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fairmesh.files import write_bytes
from fairmesh.results import Outcome
from fairmesh.results.metrics import readable
from fairmesh.site.downloads import LARGEST, copy_files, is_inside
from fairmesh.site.numbers import size

FOLDER = "figures"
THUMBNAILS = "thumbnails"
MAX_THUMBNAILS = 300  # of a study, the failed and the best experiments first; others show the figures themselves


@dataclass(frozen=True)
class Figure:
    """A figure.

    Parameters
    ----------
    title : str
        The name of its file as words.
    href, shown : str
        The original and the picture that is shown, relative to the study's page.
    width, height : int
        Size of the picture that is shown, in pixels.
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
    """Copies the figures of a study's experiments into its pages.

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
    left: int = MAX_THUMBNAILS

    def copy(self, outcome: Outcome, folder: Path) -> Figures:
        """Copy the figures of an experiment into the folder of its page."""
        good: list[tuple[Path, Picture]] = []
        left_out: list[tuple[str, str]] = []
        for figure, digest in self._recorded_figures(outcome):
            try:
                good.append((figure, self._picture(figure, digest)))
            except NoPictureError as error:
                left_out.append((figure.name, str(error)))
        copies = copy_files(self.study, [figure for figure, _ in good], folder, FOLDER)
        shown = [
            self._figure(folder / copy.href, figure, picture)
            for copy, (figure, picture) in zip(copies, good, strict=True)
        ]
        return Figures(tuple(shown), tuple(left_out))

    def _recorded_figures(self, outcome: Outcome) -> Iterator[tuple[Path, str]]:
        """Yield each figure with its SHA-256 in the record."""
        attempt = outcome.attempt
        for figure in sorted((attempt / FOLDER).glob("*.png")) if attempt else ():
            if is_inside(self.study, figure):
                yield figure, _recorded_digest(outcome, figure)

    def _picture(self, figure: Path, digest: str) -> Picture:
        if (byte_count := figure.stat().st_size) > LARGEST:
            raise NoPictureError(f"{size(byte_count)} are too many for a page")
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


def _recorded_digest(outcome: Outcome, figure: Path) -> str:
    """Return the SHA-256 of a figure in the record; empty if it has none, or if the figure has changed since."""
    name = figure.relative_to(outcome.folder).as_posix() if figure.is_relative_to(outcome.folder) else ""
    files = (outcome.record or {}).get("files")
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and file.get("path") == name and file.get("bytes") == figure.stat().st_size:
            digest = str(file.get("sha256"))
            return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else ""
    return ""


WIDTH = 320  # pixels of a thumbnail
SMALL = 64 << 10  # bytes; smaller figures are shown themselves
MAX_PIXELS = 40_000_000  # pixels; a browser needs four bytes for each
PIXELS = 25_000_000  # decoded in one build, about a second; the next build makes the others
_QUALITY = 70
_DAMAGED = (EOFError, MemoryError, OSError, OverflowError, SyntaxError, ValueError, struct.error, zlib.error)
_TOO_MANY = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class NoPictureError(ValueError):
    """Raised for a file that is no picture that pages can show; the text says why."""


@dataclass(frozen=True)
class Picture:
    """The picture that a page shows of a figure: a thumbnail, or None for the figure itself, and its size in pixels."""

    thumbnail: Path | None
    width: int
    height: int


@dataclass
class Thumbnails:
    """The thumbnails of a website, each made once and kept under the SHA-256 of its figure.

    Parameters
    ----------
    kept : Path
        The folder that keeps them between builds.
    left : int
        How many pixels of figures may still be decoded.
    """

    kept: Path
    left: int = PIXELS
    _used: set[Path] = field(default_factory=set)

    def picture(self, figure: Path, digest: str = "", *, wanted: bool = True) -> Picture:
        """Return the picture that a page shows of a figure.

        Parameters
        ----------
        figure : Path
            A PNG file.
        digest : str
            Its SHA-256, if it is known.
        wanted : bool
            Whether it is to have a thumbnail.

        Raises
        ------
        NoPictureError
            If it is no PNG picture, damaged, or so large that it would harm a browser.
        """
        small = figure.stat().st_size <= SMALL
        thumbnail = self.kept / f"{digest or _digest(figure)}.webp"
        if not wanted or small or not (thumbnail.exists() or self._make(figure, thumbnail)):
            return Picture(None, *_verified_size(figure))
        self._used.add(thumbnail)
        return Picture(thumbnail, *_kept_size(thumbnail))

    def remove_unused(self) -> None:
        """Remove the thumbnails that no page of this build shows."""
        for path in self.kept.glob("*.webp"):
            if path not in self._used:
                path.unlink()

    def _make(self, figure: Path, thumbnail: Path) -> bool:
        width, height = _size(figure)
        if self.left < width * height:
            return False
        self.left -= width * height
        write_bytes(thumbnail, _shrunk(figure))
        return True


def _digest(figure: Path) -> str:
    with figure.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(figure: Path) -> tuple[int, int]:
    """Return width and height from the header of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(figure, formats=("PNG",)) as image:
                width, height = image.size
    except UnidentifiedImageError as error:
        raise NoPictureError("no PNG picture") from error
    except _TOO_MANY as error:
        raise NoPictureError("too many pixels") from error
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    if width * height > MAX_PIXELS:
        raise NoPictureError(f"{width} times {height} pixels are too many")
    return width, height


def _verified_size(figure: Path) -> tuple[int, int]:
    """Return width and height of a figure that is not damaged."""
    size = _size(figure)
    try:
        with Image.open(figure, formats=("PNG",)) as image:
            image.verify()
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    return size


def _kept_size(thumbnail: Path) -> tuple[int, int]:
    with Image.open(thumbnail) as image:
        return image.size


def _without_alpha(image: Image.Image) -> Image.Image:
    """Return a picture in colors without unused transparency, which would be a third of the work."""
    colored = image if image.mode in {"L", "RGB", "RGBA"} else image.convert("RGBA")
    is_opaque = colored.mode == "RGBA" and colored.getchannel("A").getextrema()[0] == 255
    return colored.convert("RGB") if is_opaque else colored


def _shrunk(figure: Path) -> bytes:
    thumbnail = BytesIO()
    try:
        with Image.open(figure, formats=("PNG",)) as image:
            plain = _without_alpha(image)
            plain.thumbnail((WIDTH, MAX_PIXELS), reducing_gap=1.0)
            plain.save(thumbnail, "WEBP", quality=_QUALITY, method=0)
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    return thumbnail.getvalue()

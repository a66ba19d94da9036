"""Small copies of figures: each is made once, and kept under the SHA-256 of its figure for the next build."""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fairmesh.files import write_bytes

WIDTH = 320  # pixels of a thumbnail
SMALL = 64 << 10  # bytes; a figure that is no larger stands for itself
LARGEST = 40_000_000  # pixels; a browser needs four bytes for each
PIXELS = 25_000_000  # decoded in one build: about a second of a processor; the next build makes the others
_QUALITY = 70
_DAMAGED = (EOFError, MemoryError, OSError, OverflowError, SyntaxError, ValueError, struct.error, zlib.error)
_TOO_MANY = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class NoPictureError(ValueError):
    """A file that calls itself a picture and cannot be shown; the text says why."""


@dataclass(frozen=True)
class Picture:
    """What a page shows of a figure: a thumbnail, or None for the figure itself, and its size in pixels."""

    thumbnail: Path | None
    width: int
    height: int


@dataclass
class Thumbnails:
    """The thumbnails of a website.

    Parameters
    ----------
    kept : Path
        Where they lie between builds.
    left : int
        How many pixels of figures may still be decoded.
    """

    kept: Path
    left: int = PIXELS
    _used: set[Path] = field(default_factory=set)

    def picture(self, figure: Path, digest: str = "", *, wanted: bool = True) -> Picture:
        """Return what a page shows of a figure.

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
            return Picture(None, *_checked(figure))
        self._used.add(thumbnail)
        return Picture(thumbnail, *_kept_size(thumbnail))

    def forget_others(self) -> None:
        """Remove what no page of this build shows."""
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
    """Return width and height from the head of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(figure, formats=("PNG",)) as found:
                width, height = found.size
    except UnidentifiedImageError as error:
        raise NoPictureError("no PNG picture") from error
    except _TOO_MANY as error:
        raise NoPictureError("too many pixels") from error
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    if width * height > LARGEST:
        raise NoPictureError(f"{width} times {height} pixels are too many")
    return width, height


def _checked(figure: Path) -> tuple[int, int]:
    """Return width and height of a figure that is whole."""
    size = _size(figure)
    try:
        with Image.open(figure, formats=("PNG",)) as found:
            found.verify()
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    return size


def _kept_size(thumbnail: Path) -> tuple[int, int]:
    with Image.open(thumbnail) as made:
        return made.size


def _plain(found: Image.Image) -> Image.Image:
    """Return a picture in colours, without the transparency that it does not use: that is a third of the work."""
    coloured = found if found.mode in {"L", "RGB", "RGBA"} else found.convert("RGBA")
    opaque = coloured.mode == "RGBA" and coloured.getchannel("A").getextrema()[0] == 255
    return coloured.convert("RGB") if opaque else coloured


def _shrunk(figure: Path) -> bytes:
    made = BytesIO()
    try:
        with Image.open(figure, formats=("PNG",)) as found:
            plain = _plain(found)
            plain.thumbnail((WIDTH, LARGEST), reducing_gap=1.0)
            plain.save(made, "WEBP", quality=_QUALITY, method=0)
    except _DAMAGED as error:
        raise NoPictureError("damaged") from error
    return made.getvalue()

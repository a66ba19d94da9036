"""Thumbnails: small, made once, and never of something that is no picture."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fairmesh.site import figures
from fairmesh.site.figures import SMALL, WIDTH, NoPictureError, Thumbnails


def noise(mode: str = "RGB", size: tuple[int, int] = (400, 200), kind: str = "PNG") -> bytes:
    """Draw a picture that does not compress, so that its file is no small one."""
    picture, data = Image.effect_noise(size, 100).convert(mode), BytesIO()
    picture.save(data, kind)
    return data.getvalue()


def head(width: int, height: int) -> bytes:
    """Return the beginning of a PNG that says it is so large, with next to nothing of its pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    first = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + first + struct.pack(">I", SMALL) + b"IDAT" + bytes(SMALL)


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    path = tmp_path / "figure.png"
    path.write_bytes(noise())
    assert path.stat().st_size > SMALL
    return path


def test_a_large_figure_gets_a_thumbnail_of_the_same_shape(figure: Path, tmp_path: Path) -> None:
    made = Thumbnails(tmp_path / "kept").picture(figure)
    assert made.thumbnail is not None
    assert (made.width, made.height) == (WIDTH, WIDTH // 2)
    assert made.thumbnail.stat().st_size < figure.stat().st_size / 3


def test_it_is_made_once_for_the_same_figure_whatever_its_name(figure: Path, tmp_path: Path) -> None:
    first = Thumbnails(tmp_path / "kept").picture(figure)
    other = tmp_path / "other.png"
    other.write_bytes(figure.read_bytes())
    assert Thumbnails(tmp_path / "kept", left=0).picture(other) == first


def test_a_known_hash_is_not_computed_anew(figure: Path, tmp_path: Path) -> None:
    made = Thumbnails(tmp_path / "kept").picture(figure, "5" * 64)
    assert made.thumbnail == tmp_path / "kept" / f"{'5' * 64}.webp"


def test_a_small_figure_stands_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(noise(size=(40, 30)))
    made = Thumbnails(tmp_path / "kept").picture(path)
    assert (made.thumbnail, made.width, made.height) == (None, 40, 30)


@pytest.mark.parametrize(("left", "wanted"), [(400 * 200 - 1, True), (figures.PIXELS, False)])
def test_where_there_is_no_thumbnail_the_figure_is_shown(figure: Path, tmp_path: Path, left: int, wanted: bool) -> None:
    made = Thumbnails(tmp_path / "kept", left=left).picture(figure, wanted=wanted)
    assert (made.thumbnail, made.width, made.height) == (None, 400, 200)


def test_what_no_page_shows_any_more_is_forgotten(figure: Path, tmp_path: Path) -> None:
    made = Thumbnails(tmp_path / "kept")
    first = made.picture(figure).thumbnail
    made.remove_unused()
    assert first is not None
    assert first.exists()
    Thumbnails(tmp_path / "kept").remove_unused()
    assert not first.exists()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_can_be_made_smaller(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(noise(mode, (1400, 700)))
    assert Thumbnails(tmp_path / "kept").picture(path).width == WIDTH


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no PNG picture"),
        (b"<script>alert(1)</script>" * 5000, "no PNG picture"),
        (noise(kind="JPEG", size=(900, 900)), "no PNG picture"),
        (noise()[:-30_000], "damaged"),
        (noise(size=(40, 30))[:-1000], "damaged"),
        (head(6400, 6400), "6400 times 6400 pixels are too many"),
        (head(12_000, 12_000), "too many pixels"),
        (head(1 << 30, 1 << 30), "too many pixels"),
    ],
)
def test_what_cannot_be_shown_is_named_with_its_reason(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(data)
    with pytest.raises(NoPictureError, match=said):
        Thumbnails(tmp_path / "kept").picture(path)
    assert not list(tmp_path.glob("kept/*"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), small=st.booleans())
def test_a_file_with_other_bytes_is_shown_or_refused(seed: int, small: bool, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311  (no secret)
    data = bytearray(noise(size=(40, 30) if small else (400, 200)))
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(8, min(len(data), 200) if chance.random() < 0.7 else len(data))] = chance.randrange(256)
    path = tmp_path / f"{seed}.png"
    path.write_bytes(bytes(data))
    try:
        assert Thumbnails(tmp_path / "kept").picture(path).width > 0
    except NoPictureError as error:
        assert str(error)  # noqa: PT017  (either will do)

"""One website of two studies, built once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.site.build import build_site
from fairmesh.site.renderer import Renderer
from tests.results.builder import Folder, build

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "<img src=x onerror=alert(1)> [x](javascript:alert(1)) a|b `c` {{7*7}} </script><script>alert(2)</script>\n\n# no"
)


def hostile_study(results: Path) -> Folder:
    """Make a study in which everything that a person may name is hostile."""
    folder = Folder(results, "hostile", title=HOSTILE)
    folder.publisher = {"authors": [{"name": HOSTILE}], "licence": HOSTILE}
    folder.application |= {"title": HOSTILE, "description": HOSTILE, "citation": HOSTILE}
    folder.application["metrics"] = {HOSTILE: {"title": HOSTILE, "unit": HOSTILE, "primary": True, "better": "higher"}}
    folder.application["parameters"] = {HOSTILE: {"default": "x", "unit": HOSTILE, "description": HOSTILE}}
    folder.application["tables"] = {"scenes": {"title": HOSTILE, "plot": {"x": HOSTILE, "y": HOSTILE}}}
    for number in range(3):
        axes = {HOSTILE: f"{HOSTILE}\x1b{number}"}
        point = folder.add(plain=number)
        point |= {"axes": axes, "parameters": axes}
    folder.write_plan()
    for number, point in enumerate(folder.points[:2]):
        baselines = {HOSTILE: {HOSTILE: 0.5}}
        attempt = folder.finish(point, {HOSTILE: {"value": 0.5 + number / 10}}, baselines=baselines)
        quoted = '"' + HOSTILE.replace('"', '""') + '"'
        for name in ("history.csv", "tables/scenes.csv"):
            (attempt / name).parent.mkdir(exist_ok=True)
            (attempt / name).write_text(f"{quoted},epoch\n1,1\n2,2\n")
        (attempt / "figures").mkdir()
        (attempt / "figures" / '"><img src=x>.png').write_bytes(b"")
    attempt = folder.start(folder.points[2], "failed", reason=HOSTILE)
    (attempt / "job.log").write_text(f"{HOSTILE}\n    {HOSTILE}\n")
    return folder


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    with Renderer() as made:
        yield made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    folder = build(place / "results")
    folder.publisher = {"authors": ["A. Scientist"]}
    folder.write_plan()
    hostile_study(place / "results")
    build_site(place / "results", place / "public", place)
    return place / "public"

"""Charts are drawn in another process, which may end at any time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fairmesh.site.renderer import Renderer, RendererError

# Ends by a signal at the calls whose number a file counts down.
_MORTAL = """
import json, os, pathlib, signal, sys
for line in sys.stdin:
    left = pathlib.Path(sys.argv[1])
    if number := int(left.read_text()):
        left.write_text(str(number - 1))
        os.kill(os.getpid(), signal.SIGTRAP)
    print(json.dumps({"result": json.loads(line)["argument"]}), flush=True)
"""


@pytest.fixture
def crashes(tmp_path: Path) -> Path:
    return tmp_path / "crashes"


@pytest.fixture
def mortal(crashes: Path) -> Renderer:
    return Renderer((sys.executable, "-c", _MORTAL, str(crashes)))


def test_after_a_crash_the_next_chart_is_drawn(mortal: Renderer, crashes: Path) -> None:
    crashes.write_text("1")
    with mortal, pytest.raises(RendererError, match=r"ended \(SIGTRAP\)"):
        mortal.svg({"a": 1})
    with mortal:
        assert mortal.svg({"a": 2}) == '{"a":2}'


def test_after_two_crashes_in_a_row_nothing_is_tried_any_more(mortal: Renderer, crashes: Path) -> None:
    crashes.write_text("9")
    with mortal:
        for _ in range(5):
            with pytest.raises(RendererError, match="SIGTRAP"):
                mortal.svg({})
    assert crashes.read_text() == "7"


def test_a_wrong_chart_is_no_crash(renderer: Renderer) -> None:
    with pytest.raises(RendererError, match="ValueError"):
        renderer.svg({"mark": "nothing"})
    assert "<svg" in renderer.svg({"data": {"values": [{}]}, "mark": "point"})


@pytest.mark.parametrize("command", [("/nowhere/program",), ("true",), (sys.executable, "-c", "print(input())")])
def test_a_renderer_that_cannot_work_is_an_error_with_its_reason(command: tuple[str, ...]) -> None:
    with Renderer(command) as renderer, pytest.raises(RendererError, match="renderer"):
        renderer.svg({})

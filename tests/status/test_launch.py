"""A text that a face hands to Snakemake's command line arrives there as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake.cli import parse_config

from fairmesh.status import launch


def arrives(value: str, place: Path) -> bool:
    command = launch.run_command(place, config={"where": value})
    return bool(parse_config(command.arguments[command.arguments.index("--config") + 1 :]) == {"where": value})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    (folder / "profiles/local").mkdir(parents=True)
    (folder / "Snakefile").touch()
    return folder


TEXTS = [
    "gpu == 'a100' # not this",
    "epochs > 1",
    "a: b",
    "{a}",
    "[1]",
    "- x",
    "yes",
    "1e3",
    "0x1F",
    "012",
    "~",
    "True",
]
TEXTS += [" a ", "'", '"', '"a"', "x\ny", "\u00e9 #", "!tag", "&a", "*a", "%TAG", "@", "`", "null", "1_000"]


@pytest.mark.parametrize("value", TEXTS)
def test_a_value_arrives_as_it_was(value: str, place: Path) -> None:
    assert arrives(value, place)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_any_text_arrives_as_it_was(place: Path, text: str) -> None:
    assert arrives(text, place)


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 130)])
def test_a_run_that_ctrl_c_ends_has_the_status_of_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, status: int
) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        is_interrupted = False

        def wait(self, timeout: float | None = None) -> int:
            if not self.is_interrupted:
                self.is_interrupted = True
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    assert launch.Command((sys.executable, "-c", f"exit({code})"), tmp_path).run() == status

"""``fairmesh run --probe`` says so to the workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.cli import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("arguments", "there"), [(["--probe"], True), ([], False)])
def test_the_command_asks_for_probes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], there: bool
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["run", "quick", "--print-command", *arguments]) == 0
    assert (" probe=true" in capsys.readouterr().out) is there

"""What every verb ends with: 0 if all is good, 1 if the work failed, 2 if the input is wrong; never a traceback."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cli.commands import COMMANDS
from tests.results.builder import Folder

GOOD = {
    "new": "new other --from sweep",
    "import": "import cms.yaml --out imported",
    "check": "check sweep",
    "machines": "machines",
    "completion": "completion bash",
    "plan": "plan sweep",
    "diff": "diff sweep sweep",
    "estimate": "estimate sweep",
    "render": "render sweep --out rendered",
    "run": "run sweep --print-command",
    "retry": "retry --dry-run",
    "status": "status",
    "logs": "logs",
    "cancel": "cancel --state running",
    "results": "results",
    "compare": "compare quick more",
    "merge": "merge results --into merged",
    "crate": "crate quick",
}
WRONG = {
    "init": "init again --application nothing",
    "upgrade": "upgrade --project nowhere",
    "new": "new sweep --from sweep",
    "import": "import nothing.yaml",
    "check": "check swep",
    "machines": "machines --all",
    "completion": "completion tcsh",
    "plan": "plan swep",
    "diff": "diff sweep swep",
    "estimate": "estimate sweep --profile profiles/nowhere",
    "render": "render sweep",
    "container": "container nothing",
    "run": "run sweep --profile profiles/nowhere --dry-run",
    "retry": "retry nobody",
    "reproduce": "reproduce nowhere",
    "status": "status nothing",
    "logs": "logs nobody",
    "cancel": "cancel",
    "serve": "serve --port x",
    "results": "results quick --sort nothing",
    "compare": "compare quick",
    "merge": "merge nowhere --into merged",
    "site": "site --resluts results",
    "crate": "crate nothing",
    "fair": "fair nowhere",
    "publish": "publish --too x",
    "submission": "submission quick --to x --pdf nothing.pdf",
}
FAILED = {
    "crate": "crate empty",
    "merge": "merge other --into results",
    "compare": "compare broken quick",
    "results": "results broken",
    "site": "site --site full",
    "publish": "publish --to full",
}
LATER = {"monitor", "doctor"}  # have tests of their own


@pytest.fixture
def everything(project: Path) -> Path:
    """Add what makes verbs fail."""
    (project / "cms.yaml").write_text("experiment:\n  epoch: '1,2'\n")
    Folder(project / "results", "empty").add(epochs=1)
    other = Folder(project / "other")
    other.finish(other.add(epochs=2, width=4, repeat=1), {"accuracy": 0.1})
    (project / "results/broken").mkdir()
    (project / "results/broken/plan.json").write_text("[]")
    (project / "full").mkdir()
    (project / "full/thesis.tex").touch()
    return project


def test_every_verb_is_here() -> None:
    assert set(COMMANDS) - LATER == set(WRONG)
    assert set(WRONG) >= {*GOOD, *FAILED}


@pytest.mark.parametrize(
    ("call", "status"),
    [
        *((call, 0) for call in GOOD.values()),
        *((call, 2) for call in WRONG.values()),
        *((call, 1) for call in FAILED.values()),
    ],
)
def test_a_verb_ends_with(everything: Path, call: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(shlex.split(call)) == status
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "\x1b" not in out + err, "no colour in a pipe"
    assert bool(err.strip()) or not status, "why is said"


JSON = [
    "check sweep --json",
    "machines --json",
    "plan sweep --json",
    "diff sweep sweep --json",
    "estimate sweep --json",
    "retry --dry-run --json",
    "status --json",
    "logs --json",
    "cancel --state running --json",
    "results --json",
    "results more --all --json",
    "compare quick more --json",
    "merge results/quick --into merged --json",
    "merge other --into merged --dry-run --json",
    "crate quick --json",
]


@pytest.mark.parametrize("call", JSON)
def test_what_reads_gives_json(everything: Path, call: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(shlex.split(call)) == 0
    assert json.loads(capsys.readouterr().out)

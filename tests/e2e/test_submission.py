"""From a real run to a submission that MLCommons' own compliance checker accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli, schema
from fairmesh.runner.mllog import Events
from fairmesh.submission import compliance
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace

pytestmark = pytest.mark.e2e

PUBLISHER: dict[str, Any] = {
    "organisation": "Example University",
    "contact": {"name": "Ada Example", "email": "ada@example.org"},
    "status": "research",
    "platform": "laptop",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_toys_runs_become_a_submission(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace.folder)
    workplace.configure(publisher=PUBLISHER)
    workplace.study({"value": [1, 3], "size": 4}, repeat=2)
    workplace.run(*RECORDS_ONLY)
    assert cli.main(["submission", "./study.yaml", "--to", "out", "--commit", COMMIT, "--check"]) == 0
    assert capsys.readouterr().out.count("SUCCESS") == 2
    folder = Path("out/example-university/toy/laptop/sweep")
    assert (folder / "config.yaml").read_text().count("toy.py") == 1  # the command of the stage that made the data
    assert "best of 2 by the mean of Score" in (folder / "README.md").read_text()
    assert '"key": "seed", "value": ' in (folder / "result-1.txt").read_text()


@pytest.mark.long
def test_logs_of_cloudmask_pass_the_checker_with_its_own_rules(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace.folder)
    workplace.configure(publisher=PUBLISHER)
    small = {"rows": 64, "columns": 64, "patch": 32, "width": 2, "batch": 4, "scenes_train": 3, "scenes_test": 2}
    workplace.study({"compatibility": ["own", "upstream"], "epochs": 2, **small}, application="cloudmask")
    workplace.run(*RECORDS_ONLY)
    logs = list(workplace.results.glob("sweep/experiments/local/*/attempts/1/events.mllog"))
    assert len(logs) == 2
    for log in logs:
        text = log.read_text()
        for key, times in (("epoch_start", 2), ("eval_stop", 2), ("eval_accuracy", 2), ("run_stop", 1), ("result", 1)):
            assert text.count(f'"key": "{key}"') == times, key
        assert compliance.check(log, [ROOT / "cloudmask/compliance.yaml"]) == []
    assert cli.main(["submission", "./study.yaml", "--to", "out", "--commit", COMMIT, "--check"]) == 0
    assert capsys.readouterr().out.count("SUCCESS") == 1
    config = schema.load_yaml(Path("out/example-university/cloudmask/laptop/sweep/config.yaml")).plain()
    assert [command.split()[3] for command in config["data"]] == ["scenes", "store", "baselines"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"key": "run_stop"', '"key": "run_end"', "'run_stop' but found 0"),
        ('"key": "run_start"', '"key": "init_start"', "'init_start' but found 2"),
        ('"status": "success"', '"status": "aborted"', "v['metadata'].get('status') == 'success'"),
        ('"value": "open"', '"value": "SciML"', "v['value'] == 'open'"),
        ('"value": "research"', '"value": "good"', "CHECK for 'submission_status' failed"),
        ('"value": {"score":', '"value": {"score": {"x": 1}, "other":', "CHECK"),
        (":::MLLOG {", ":::MLLOG {{", "Log lines had parsing errors"),
    ],
)
def test_a_log_that_breaks_a_rule_is_found(
    tmp_path_factory: pytest.TempPathFactory, good_log: str, old: str, new: str, said: str
) -> None:
    log = tmp_path_factory.mktemp("log") / "result-1.txt"
    assert old in good_log
    log.write_text(good_log.replace(old, new))
    assert any(said in finding for finding in compliance.check(log, [compliance.RULES]))


@pytest.fixture(scope="module")
def good_log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a log that the checker accepts."""
    folder = tmp_path_factory.mktemp("good")
    who = {"benchmark": "toy", "version": "toy-v1", "github_commit_version": COMMIT, "division": "open"}
    who |= {"org": "Example", "status": "research", "platform": "laptop"}
    who |= {"poc_name": "Ada", "poc_email": "ada@example.org"}
    experiment = {
        "application": {"name": "toy", "seed": "seed"},
        "submission": who,
        "parameters": {"seed": 1},
        "resources": {},
    }
    events = Events(str(folder), experiment)
    events.open(1)
    events.close(4_000_000_000_000, {"score": {"value": 1.0}})
    log = folder / "events.mllog"
    assert compliance.check(log, [compliance.RULES]) == []
    return log.read_text()

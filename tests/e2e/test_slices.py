"""Parts of a study, values set for one run, and results that serve under a new id."""

from __future__ import annotations

import json

import pytest

from fairmesh.files import file_sha256
from tests.e2e.workplace import RECORDS_ONLY, Workplace

pytestmark = pytest.mark.e2e


def test_parts_of_a_study_make_up_the_whole(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2, 3]}, repeat=2)
    workplace.run(*RECORDS_ONLY, "--config", "where=value > 1", "first=1")
    assert workplace.recorded() == {"value=2+repeat=1"}
    plan = json.loads((workplace.results / "sweep/plan.json").read_text())
    assert plan["selection"] == {"where": "value > 1", "first": 1}
    assert [experiment["id"] for experiment in plan["experiments"] if experiment["selected"]] == ["value=2+repeat=1"]
    assert len(plan["experiments"]) == 6

    for part in ("1/2", "2/2"):
        workplace.run(*RECORDS_ONLY, "--config", f"part={part}")
    assert len(workplace.recorded()) == 6
    assert set(workplace.experiments_started().values()) == {1}
    assert "experiments have results" in workplace.run(*RECORDS_ONLY)


def test_a_value_set_for_one_run_is_kept_in_the_plan(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2, 3]})
    workplace.run(*RECORDS_ONLY, "--config", "set={value: [5, 6]}")
    assert workplace.recorded() == {"value=5", "value=6"}
    workplace.run(*RECORDS_ONLY, "--config", 'set={value: "7,8"}')
    assert workplace.recorded() == {"value=5", "value=6", "value=7", "value=8"}
    assert json.loads((workplace.results / "sweep/plan.json").read_text())["selection"] == {"set": {"value": "7,8"}}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("where=value >", "where: not an expression: it ends where more is expected"),
        ("where=valu > 1", "where: there is no 'valu' in sweep"),
        ("where=value > 9", "no experiment of sweep is selected by where: value > 9"),
        ("part=3/2", "'part' must be K/N with K from 1 to N, not '3/2'"),
        ("set={repeat: often}", "--set repeat: 'repeat' must be a whole number of at least 1, not 'often'"),
        ("set={measure: shard}", "--set measure: 'measure' must be 'exclusive' or 'shared', not 'shard'"),
        ("set={valu: 1}", "--set valu: 'parameters.valu': toy has no parameter 'valu'"),
        ("set={value: x}", "--set value: 'parameters.value' must be a number, not 'x'"),
    ],
)
def test_a_slice_that_is_none_ends_with_one_clear_line(workplace: Workplace, setting: str, said: str) -> None:
    workplace.study({"value": [1, 2, 3]})
    output = workplace.run("--config", setting, status=2)
    assert said in output
    assert "Traceback" not in output
    assert not workplace.starts()


def test_a_parameter_added_at_its_default_reuses_what_is_finished(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]}, repeat=2)
    workplace.run(*RECORDS_ONLY)
    old = workplace.record("value=2+repeat=1")
    workplace.forget_starts()

    workplace.study({"value": [1, 2], "seconds": 0}, repeat=2)
    assert "experiments have results" in workplace.run(*RECORDS_ONLY)
    assert not workplace.experiments_started()
    new = workplace.record("seconds=0+value=2+repeat=1")
    assert new["metrics"] == old["metrics"]
    assert new["axes"] == {"seconds": 0, "value": 2, "repeat": 1}
    assert new["reused"] == "value=2+repeat=1"
    for file in new["files"]:
        assert file_sha256(workplace.job(new["id"]) / file["path"]) == file["sha256"]

    workplace.study({"value": [1, 2], "gpu": "a100"}, repeat=2)
    workplace.run(*RECORDS_ONLY)
    assert len(workplace.experiments_started()) == 4, "another GPU is another measurement"


@pytest.mark.long
def test_a_record_that_went_aside_comes_back_with_its_fingerprint(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.run(*RECORDS_ONLY)
    before = workplace.record_file("value=1").read_bytes()
    workplace.job("value=1").rename(workplace.folder / "elsewhere")
    workplace.edit("toy/application.yaml", "size: {type: integer, default: 3", "size: {type: integer, default: 4")
    workplace.run(*RECORDS_ONLY, "-n")
    assert not workplace.recorded()
    workplace.edit("toy/application.yaml", "size: {type: integer, default: 4", "size: {type: integer, default: 3")
    assert "experiments have results" in workplace.run(*RECORDS_ONLY, "-n")
    assert workplace.record_file("value=1").read_bytes() == before


def test_experiments_whose_stage_failed_say_so(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.edit("toy/toy.py", "json.dump(list(range(int(size))), file)", 'sys.exit("no numbers today")')
    output = workplace.run(status=1)
    assert "1 not run: its stage numbers failed: exit code 1" in output
    page = (workplace.folder / "site/public/studies/sweep/index.html").read_text()
    assert "its stage numbers failed" in page


@pytest.mark.long
def test_another_study_of_the_same_name_is_warned_of(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.run(*RECORDS_ONLY)
    (workplace.folder / "mine.yaml").write_text((workplace.folder / "study.yaml").read_text())
    said = "warning: mine.yaml: 'study': the results of sweep are those of study.yaml; choose another name"
    assert said in workplace.run(*RECORDS_ONLY, "-n", "--config", "study=./mine.yaml")


def test_what_cannot_be_is_said_before_anything_starts(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    (workplace.folder / "mine").mkdir()
    (workplace.folder / "mine/letter.txt").touch()
    output = workplace.run("--config", "site=mine", status=2)
    assert "mine: not empty and not a website made by fairmesh; choose another folder as site" in output
    output = workplace.run("results/sweep/records/local/value=2.json", status=2)
    assert "study sweep has no experiment 'value=2' on local" in output
    assert "Traceback" not in output
    assert not workplace.starts()

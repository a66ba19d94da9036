"""Whom a selection means; cancelling, and clearing the way for another attempt."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairmesh.errors import BusyError, InputError
from fairmesh.files import write_text
from fairmesh.status import JobSelection, cancel, clear, read_status
from fairmesh.status.launch import rerun_command, run_command
from tests.status.conftest import GONE, Study


@pytest.fixture
def busy(study: Study) -> Study:
    """Return a study with a run that goes on: one experiment is done, one runs, one is handed out, one waits."""
    points = [study.add(epochs=epochs) for epochs in (1, 2, 10, 20)]
    study.run()
    study.finish(points[0], {"accuracy": 0.9})
    study.start(points[1], "running", run="this-run", host="elsewhere")
    study.claim(points[1], **GONE)
    study.tell({"event": "submitted", "machine": "local", "id": points[2]["id"], "time": "2026-11-20T10:00:00.000Z"})
    for point in points[2:]:
        study.job(point).mkdir(parents=True)
    return study


@pytest.mark.parametrize(
    ("selection", "epochs"),
    [
        (JobSelection(), [1, 2, 10, 20]),
        (JobSelection(["epochs=1"]), [1]),
        (JobSelection(["epochs=1 on local"]), [1]),
        (JobSelection(["epochs=2"]), [2]),
        (JobSelection(["epochs=20", "epochs=1"]), [1, 20]),
        (JobSelection(states=["running", "waiting"]), [2, 20]),
        (JobSelection(where="epochs > 2 and width == 8"), [10, 20]),
        (JobSelection(where="state == 'done' or host == 'elsewhere'"), [1, 2]),
        (JobSelection(["epochs=10"], where="epochs > 10"), []),
    ],
)
def test_whom_a_selection_means(busy: Study, selection: JobSelection, epochs: list[int]) -> None:
    assert [experiment.point["axes"]["epochs"] for experiment in selection.of(read_status(busy.paths))] == epochs


def test_a_key_or_its_beginning_is_enough(busy: Study) -> None:
    status = read_status(busy.paths)
    for experiment in status.experiments:
        assert JobSelection([experiment.key]).of(status) == [experiment]
        assert JobSelection([experiment.key[:8]]).of(status) == [experiment]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (JobSelection(["epochs=3"]), "'epochs=3': epochs has 1, 2, 10, 20"),
        (JobSelection(["epochs"]), "'epochs' fits 4 points of quick: epochs=1, epochs=2, epochs=10, epochs=20"),
        (JobSelection([""]), "has no experiment ''"),
        (JobSelection(["../x"]), "has no experiment '../x'"),
        (JobSelection(states=["runing"]), "unknown state 'runing'; did you mean 'running'?"),
        (JobSelection(where="epoch > 3"), "--where: there is no 'epoch' in quick; did you mean 'epochs'?"),
        (JobSelection(where="epochs >"), "--where: not an expression"),
        (JobSelection(where="epochs > 'a'"), "--where: cannot be computed"),
        (JobSelection(where="''.__class__"), "--where: "),
    ],
)
def test_a_selection_that_means_nothing_is_one_clear_line(busy: Study, selection: JobSelection, message: str) -> None:
    with pytest.raises(InputError) as error:
        selection.of(read_status(busy.paths))
    assert message in str(error.value)


def wishes(study: Study) -> set[int]:
    """Return the epochs of the experiments that are to be cancelled."""
    return {int(path.parent.name.partition("=")[2]) for path in study.folder.glob("experiments/local/*/cancel.json")}


def test_cancelling_some_reaches_what_runs_and_what_is_to_come(busy: Study) -> None:
    done = cancel(busy.paths, JobSelection(where="epochs < 20"), "ada")
    assert [job.point["axes"]["epochs"] for job in done.jobs] == [2, 10]
    assert [other.state for other in done.others] == ["done"]
    assert wishes(busy) == {2, 10}
    assert json.loads((busy.job(busy.points[1]) / "cancel.json").read_text())["who"] == "ada"
    assert busy.one(epochs=10).state == "cancelled"
    assert busy.one(epochs=10).reason.startswith("cancelled by ada at ")
    assert busy.one(epochs=2).reason.startswith("is being cancelled by ada at ")
    assert busy.one(epochs=20).state == "waiting"
    assert not (busy.paths.run("this-run") / "cancel.json").exists()
    json.dumps(done.to_json())


def test_cancelling_a_run_is_one_wish_for_all_that_is_to_come(busy: Study) -> None:
    cancel(busy.paths, who="ada")
    assert wishes(busy) == {2, 10}, "what is under way"
    assert (busy.paths.run("this-run") / "cancel.json").exists()
    states = {
        experiment.point["axes"]["epochs"]: experiment.state for experiment in read_status(busy.paths).experiments
    }
    assert states == {1: "done", 2: "running", 10: "cancelled", 20: "cancelled"}
    assert busy.one(epochs=20).reason.startswith("cancelled by ada at ")
    busy.run("next", started="2026-11-20T12:00:00.000Z")
    assert busy.one(epochs=20).state == "waiting", "it held for that run alone"


def test_where_nothing_runs_there_is_nothing_to_cancel(busy: Study) -> None:
    busy.run(ended="2026-11-20T11:00:00.000Z", exit_code=1)
    assert [job.point["axes"]["epochs"] for job in cancel(busy.paths, JobSelection(where="epochs > 2")).jobs] == []
    assert wishes(busy) == set()


def test_many_cancel_at_once_and_the_first_wish_stays(busy: Study) -> None:
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda who: cancel(busy.paths, JobSelection(), who), map(str, range(8))))
    first = (busy.job(busy.points[1]) / "cancel.json").read_bytes()
    cancel(busy.paths, JobSelection(), "late")
    assert (busy.job(busy.points[1]) / "cancel.json").read_bytes() == first
    assert not list(busy.folder.rglob(".*"))


def make_old(folder: Path, seconds: float = 100) -> None:
    """Set the times of files to some time ago."""
    then = time.time() - seconds
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def test_a_silent_attempt_is_given_up_on_a_persons_word(study: Study) -> None:
    point = study.add(epochs=2)
    study.run(ended="2026-11-20T11:00:00.000Z", exit_code=1)
    study.start(point, "running", run="this-run", host="elsewhere")
    study.claim(point, **GONE)
    study.tell({"event": "failed", "machine": "local", "id": point["id"], "time": "2026-11-20T10:00:00.000Z"})
    assert study.one(epochs=2).state == "lost"
    with pytest.raises(BusyError, match="epochs=2: attempt 1 on elsewhere gave a sign of life just now"):
        clear(study.paths)
    make_old(study.job(point))
    assert [job.id for job in clear(study.paths, who="ada").jobs] == [point["id"]]
    assert study.one(epochs=2).reason == "no sign of life; given up by ada"
    clear(study.paths, who="bob")
    assert study.one(epochs=2).reason == "no sign of life; given up by ada", "once is enough"


def test_clearing_takes_wishes_away_and_leaves_results_alone(busy: Study) -> None:
    cancel(busy.paths, JobSelection(where="epochs == 20"), "ada")
    cleared = clear(busy.paths, JobSelection(["epochs=1", "epochs=20"]))
    assert [job.id for job in cleared.jobs] == ["epochs=20"]
    assert [other.id for other in cleared.others] == ["epochs=1"]
    assert wishes(busy) == set()
    assert busy.one(epochs=20).state == "waiting"


def test_a_dry_run_clears_nothing(busy: Study) -> None:
    cancel(busy.paths, JobSelection(where="epochs == 20"), "ada")
    assert [job.id for job in clear(busy.paths, dry_run=True).jobs] == ["epochs=20"]
    assert wishes(busy) == {20}


def test_the_command_of_a_retry_repeats_how_the_run_was_started(busy: Study, tmp_path: Path) -> None:
    write_text(tmp_path / "profiles/slurm/config.yaml", "jobs: 3\n")
    config = {"set": {"epochs": "1,2"}, "first": 3, "site": "out", "machine": "1"}
    busy.run(ended="2026-11-20T11:00:00.000Z", profile="profiles/slurm", config=config, folder=str(tmp_path))
    status = read_status(busy.paths)
    made = rerun_command(busy.paths, "s.yaml", status.run, status.experiments[:2], Path)
    assert made.folder == tmp_path
    line = list(made.arguments)
    assert line[line.index("--profile") + 1] == "profiles/slurm"
    settings = dict(setting.split("=", 1) for setting in line[line.index("--config") + 1 :])
    assert settings.keys() == {"set", "site", "machine", "study", "only"}
    assert (json.loads(settings["set"]), settings["machine"]) == ({"epochs": "1,2"}, ' "1" ')
    named = Path(settings["only"]).read_text().split()
    assert named == [experiment.key for experiment in status.experiments[:2]]


def test_an_unknown_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no profile 'profiles/slrum'"):
        run_command(tmp_path, "profiles/slrum")

"""Folders that run without Snakemake, and the script that starts them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fairmesh import schema
from fairmesh.errors import FairmeshError, InputError
from fairmesh.project import CONFIG, MACHINES
from fairmesh.study import Plan, load_plan
from fairmesh.workflow.export import export
from tests.shells import check_script

ROOT = Path(__file__).parents[2]
SCHEDULERS = ["none", "slurm", "lsf"]
# Each takes the jobs, notes the options and the folder, and gives a number; `queue` says what waits already.
FAKES = {
    "sbatch": 'echo "$# $* ${PWD##*/}" >> "$FAKE/calls"; [ ! -e "$FAKE/full" ] || exit 1; '
    'n=$(wc -l < "$FAKE/calls"); echo "$n;main"',
    "bsub": 'echo "$# $* ${PWD##*/}" >> "$FAKE/calls"; [ ! -e "$FAKE/full" ] || exit 1; grep -q "#BSUB -J" || exit 1; '
    'n=$(wc -l < "$FAKE/calls"); echo "Job <$n> is submitted to default queue <normal>."',
    "squeue": '[ ! -e "$FAKE/silent" ] || exit 1; cat "$FAKE/queue" 2> /dev/null || :',
    "bjobs": '[ ! -e "$FAKE/silent" ] || exit 255; cat "$FAKE/queue" 2> /dev/null || '
    "{ echo No unfinished job found >&2; exit 255; }",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own, with a machine for each scheduler."""
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    MACHINES.write_text(schema.dump_yaml({name: {"kind": "local", "scheduler": name} for name in SCHEDULERS}))
    monkeypatch.delenv("FAIRMESH_HOME", raising=False)
    monkeypatch.delenv("FAIRMESH_APPLICATION", raising=False)
    return tmp_path


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put schedulers that only note what they are asked in front of the real ones."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in FAKES.items():
        (programs / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(tmp_path))
    return tmp_path


def make_plan(machine: str = "none", **keys: Any) -> Plan:
    """Plan a study of the toy application."""
    study = {"study": "sweep", "application": "toy", "measure": "shared", "parameters": {"value": [1, 2]}}
    Path("study.yaml").write_text(schema.dump_yaml(study | keys))
    return load_plan(Path("study.yaml"), ROOT, machine)


def submit(script: Path, status: int = 0) -> str:
    """Call submit.sh and give what it said."""
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Return time of change and bytes of every file."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_all_that_travels_is_there_and_nothing_of_this_machine(tmp_path: Path, scheduler: str) -> None:
    script = export(make_plan(scheduler, measure="exclusive"), Path("out"), Path())
    assert script == Path("out/sweep/submit.sh")
    stage = re.compile("numbers-[0-9a-f]{12}")
    names = {stage.sub("STAGE", str(path.relative_to("out"))) for path in Path("out").rglob("*") if path.is_file()}
    experiment = f"sweep/experiments/{scheduler}/value="
    jobs = {
        f"{job}/{name}"
        for job in ("stages/toy/STAGE", f"{experiment}1", f"{experiment}2")
        for name in ("config.yaml", "job.sh", "experiment.json")
    }
    others = {"runner.pyz", "applications/toy/application.yaml", "applications/toy/toy.py"}
    assert names == jobs | others | {"sweep/plan.json", "sweep/submit.sh"}
    for path, (_, data) in contents(Path("out")).items():
        if path.name != "runner.pyz":
            assert str(tmp_path).encode() not in data, path
            assert str(ROOT).encode() not in data, path
    check_script(*Path("out").rglob("*.sh"))


def test_a_commit_that_git_does_not_tell_is_said_and_the_record_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    out = export(make_plan(), tmp_path / "out", tmp_path).parent
    told = capsys.readouterr().err
    assert "warning: the commit of the project is not recorded: its repository belongs to another user" in told
    assert f"git config --global --add safe.directory {tmp_path}" in told
    (experiment, *_) = out.glob("experiments/*/*/experiment.json")
    assert "belongs to another user" in json.loads(experiment.read_text())["code"]["project"]["unknown"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_rendering_again_changes_nothing_that_is_right(scheduler: str) -> None:
    plan = make_plan(scheduler)
    export(plan, Path("out"), Path())
    before = contents(Path("out"))
    export(plan, Path("out"), Path())
    assert contents(Path("out")) == before
    grown = make_plan(scheduler, parameters={"value": [1, 2, 3]})
    next(Path("out").rglob("value=1/job.sh")).write_text("spoiled")
    export(grown, Path("out"), Path())
    after = contents(Path("out"))
    changed = {path.name for path in before if after[path] != before[path]}
    assert changed == {"job.sh", "plan.json", "submit.sh"}
    assert after[next(Path("out").rglob("value=1/job.sh"))][1] == before[next(Path("out").rglob("value=1/job.sh"))][1]


def test_a_job_with_its_result_is_left_alone() -> None:
    plan = make_plan()
    export(plan, Path("out"), Path())
    job = Path("out/sweep/experiments/none/value=1")
    (job / "commit.json").write_text(json.dumps({"fingerprint": plan.experiments[0].fingerprint}))
    (job / "job.sh").write_text("as it was when it ran")
    export(plan, Path("out"), Path())
    assert (job / "job.sh").read_text() == "as it was when it ran"


def test_it_runs_where_it_was_moved_and_only_what_is_not_done() -> None:
    script = export(make_plan(parameters={"value": [1, 2], "behaviour": ["good", "exit"]}), Path("out"), Path())
    home = Path("moved 'to' $(reboot)").absolute()
    shutil.move("out", home)
    script = home / script.relative_to("out")
    said = submit(script, status=1)
    assert "[2/5] behaviour=good+value=1" in said
    assert "[3/5] behaviour=exit+value=1 failed" in said
    assert "3 done, 2 failed, 0 done before, of 5" in said
    assert len(list(home.glob("sweep/records/none/*.json"))) == 2
    assert "0 done, 2 failed, 3 done before, of 5" in submit(script, status=1)
    stale = home / "sweep/experiments/none/behaviour=good+value=1/commit.json"
    stale.write_text(stale.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    assert "1 done, 2 failed, 2 done before, of 5" in submit(script, status=1)


def test_the_copy_of_the_application_is_what_runs(tmp_path: Path) -> None:
    app = tmp_path / "pack"
    for name in ("__pycache__", ".git", "data"):
        (app / name).mkdir(parents=True)
        (app / name / "file").write_text("x")
    (app / "up").symlink_to(app.parent)
    (app / "__main__.py").write_text(
        "import json, os, pathlib\n"
        "assert pathlib.Path(os.environ['FAIRMESH_APPLICATION'], 'data/file').exists()\n"
        "json.dump({'score': 1}, open('metrics.json', 'w'))\n"
    )
    command = {"name": "pack", "version": "1", "command": ["python3", "-m", "pack"]}
    (app / "application.yaml").write_text(schema.dump_yaml(command))
    script = export(make_plan(application="./pack", parameters={}, repeat=1), Path("out"), Path())
    copied = {str(path.relative_to("out/applications/pack")) for path in Path("out/applications/pack").rglob("*")}
    shutil.rmtree(app)
    assert "1 done" in submit(script)
    assert {"__main__.py", "application.yaml", "data", "data/file"} <= copied
    assert not [name for name in copied if "__pycache__" in name or ".git" in name]


@pytest.mark.parametrize(
    "scheduler", ["none", *(pytest.param(name, marks=pytest.mark.long) for name in SCHEDULERS[1:])]
)
def test_values_of_any_text_come_to_the_program_as_they_are(tmp_path: Path, scheduler: str) -> None:
    values = [
        "'",
        '"',
        "$(touch hacked)",
        "`touch hacked`",
        "a\nJOBS\nb",
        "-rf",
        "a b",
        "\\",
        "{{ 7 * 7 }}",
        "../x",
        "ü,+",
    ]
    program = (
        "import json, sys; open('seen', 'w').write(sys.argv[1]); json.dump({'score': 1}, open('metrics.json', 'w'))"
    )
    command = ["python3", "-c", program, "{{ label }}"]
    parameters = {"label": {"type": "string", "default": "x"}}
    (tmp_path / "nasty").mkdir()
    content = {"name": "nasty", "version": "1", "command": command, "parameters": parameters}
    (tmp_path / "nasty/application.yaml").write_text(schema.dump_yaml(content))
    plan = make_plan(scheduler, application="./nasty", parameters={"label": values})
    export(plan, Path("out"), Path())
    check_script(*Path("out").rglob("*.sh"))
    for experiment in plan.experiments:
        job = Path("out/sweep/experiments") / scheduler / experiment.id
        subprocess.run(["bash", job / "job.sh"], check=True)
        assert (job / "attempts/1/seen").read_text() == experiment.parameters["label"]
        assert schema.load_yaml(job / "config.yaml").plain() == experiment.parameters
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize("scheduler", ["slurm", "lsf"])
def test_stages_are_submitted_first_and_waited_for(fakes: Path, scheduler: str) -> None:
    script = export(make_plan(scheduler, parameters={"value": [1, 2], "size": [1, 2]}), Path("my out"), Path())
    said = submit(script)
    assert "6 submitted, 0 not, 0 in the queue already, 0 done before, of 6" in said
    calls = (fakes / "calls").read_text().splitlines()
    assert [line.split()[-1].partition("-")[0] for line in calls[:2]] == ["numbers", "numbers"]
    waits = {"slurm": "--dependency=afterok:{} --kill-on-invalid-dep=yes", "lsf": "-w done({}) -ti"}[scheduler]
    for line in calls[2:]:
        assert waits.format(1 if "size=1" in line else 2) in line


@pytest.mark.parametrize("scheduler", ["slurm", "lsf"])
def test_what_is_done_or_in_the_queue_is_not_submitted_again(fakes: Path, scheduler: str) -> None:
    plan = make_plan(scheduler)
    script = export(plan, Path("out"), Path())
    (stage,) = plan.stages.values()
    first, second = plan.experiments
    (fakes / "queue").write_text(f"4711 {stage.key}\n4712 {first.key}\n12 somebody's other job\n13 $(reboot)\n")
    assert "1 submitted, 0 not, 2 in the queue already, 0 done before, of 3" in submit(script)
    (call,) = (fakes / "calls").read_text().splitlines()
    assert "4711" in call
    assert call.endswith(second.id)
    for job in Path("out").rglob("experiment.json"):
        (job.parent / "commit.json").write_text(json.dumps({"fingerprint": json.loads(job.read_text())["fingerprint"]}))
    assert "0 submitted, 0 not, 0 in the queue already, 3 done before, of 3" in submit(script)


@pytest.mark.parametrize("scheduler", ["slurm", "lsf"])
def test_a_scheduler_that_takes_no_more_is_not_asked_for_ever(fakes: Path, scheduler: str) -> None:
    script = export(make_plan(scheduler, parameters={"value": list(range(30)), "size": [1, 2]}), Path("out"), Path())
    (fakes / "full").touch()
    said = submit(script, status=1)
    assert "value=3+" not in (fakes / "calls").read_text()
    assert "is left out: a stage that it needs could not be submitted" in said
    other = export(make_plan(scheduler, study="other", application="./toy-alone", **alone()), Path("out"), Path())
    assert "gives up after 10 in a row" in submit(other, status=1)


def alone() -> dict[str, Any]:
    """Make an application without shared stages; give a study of it."""
    Path("toy-alone").mkdir()
    parameters = {"x": {"type": "integer", "default": 1}}
    content = {"name": "alone", "version": "1", "command": ["true"], "parameters": parameters}
    Path("toy-alone/application.yaml").write_text(schema.dump_yaml(content))
    return {"parameters": {"x": list(range(30))}}


def test_without_its_scheduler_the_script_says_so(tmp_path: Path) -> None:
    script = export(make_plan("slurm"), Path("out"), Path())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dirname").symlink_to(shutil.which("dirname") or "")
    environment = {"PATH": str(tmp_path / "bin")}
    bash = shutil.which("bash") or ""
    done = subprocess.run([bash, script], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (1, "submit.sh: there is no sbatch here\n")


def test_a_template_of_the_study_is_used() -> None:
    Path("own.jinja").write_text('{% extends "parent" %}\n{% block setup %}\n# mine\n{% endblock %}\n')
    export(make_plan("slurm", template="own.jinja"), Path("out"), Path())
    assert "# mine" in next(Path("out").rglob("value=1/job.sh")).read_text()


@pytest.mark.parametrize(
    ("prepare", "out", "message"),
    [
        ("touch out", "out", "--out: {}/out is a file"),
        ("touch out", "out/deep", "--out: {}/out is a file"),
        ("mkdir -p r/s; touch r/runner.pyz", "r/s/x", "--out: r/s/x is inside the results folder {}/r"),
        ("mkdir -p r/s; touch r/s/run.lock", "r", "--out: r is a results folder of the workflow"),
        ("true", "results", "--out: results is a results folder of the workflow"),
        ("true", "results/x", "--out: results/x is inside the results folder {}/results"),
        ("mkdir -p out/sweep; touch out/sweep/experiments", "out", "--out: out/sweep/experiments is a file"),
    ],
)
def test_a_folder_that_cannot_be_it_is_refused(tmp_path: Path, prepare: str, out: str, message: str) -> None:
    subprocess.run(["bash", "-c", prepare], check=True)
    with pytest.raises(FairmeshError) as caught:
        export(make_plan(), Path(out), Path())
    assert message.format(tmp_path.resolve()) in str(caught.value)


def test_an_unknown_machine_is_told_with_the_option() -> None:
    with pytest.raises(InputError, match=r"--machine: 'machine': .* names no machine 'slurn'; did you mean 'slurm'\?"):
        export(make_plan("slurn"), Path("out"), Path())


def test_the_publisher_of_the_configuration_is_kept() -> None:
    CONFIG.write_text("study: sweep\npublisher: {title: T}\n")
    export(make_plan(), Path("out"), Path())
    plan = json.loads(Path("out/sweep/plan.json").read_text())
    assert plan["publisher"]["title"] == "T"
    assert [experiment["id"] for experiment in plan["experiments"]] == ["value=1", "value=2"]


@pytest.mark.parametrize("scheduler", ["slurm", "lsf"])
def test_nothing_is_submitted_while_the_queue_is_not_known(fakes: Path, scheduler: str) -> None:
    script = export(make_plan(scheduler), Path("out"), Path())
    (fakes / "silent").touch()
    assert "nothing is submitted" in submit(script, 1)
    assert not (fakes / "calls").exists()
    (fakes / "silent").unlink()
    submit(script)
    assert (fakes / "calls").exists()

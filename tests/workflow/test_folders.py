"""What the rules and the job folders are told of a plan."""

from __future__ import annotations

from pathlib import Path

from fairmesh.jobs.paths import StudyPaths
from fairmesh.study import load_plan
from fairmesh.study.machines import Machine
from fairmesh.workflow.folders import Folders

APPLICATION = """\
name: diamond
version: "1"
environment: {conda: common.yaml}
stages:
  start: {command: [start], uses: [a], resources: {mem_mb: 100 * a}}
  left: {command: [left], uses: [b], needs: [start], environment: {conda: left.yaml}}
  right: {command: [right], uses: [c], needs: [start], resources: {mem_mb: 7}}
  end: {command: [end, "{{ stage.left }}", "{{ a + b }}"], needs: [left, right]}
parameters:
  a: {type: integer, default: 1}
  b: {type: integer, default: 1}
  c: {type: integer, default: 1}
  d: {type: integer, default: 1}
"""


def test_each_stage_of_a_graph_runs_once_for_each_combination_and_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "application.yaml").write_text(APPLICATION)
    (tmp_path / "s.yaml").write_text(
        "study: s\napplication: ./application.yaml\nparameters: {a: [1, 2], b: [1, 2], d: [1, 2, 3]}\n"
    )
    plan = load_plan(tmp_path / "s.yaml", tmp_path, "local")
    assert len(plan.experiments) == 12
    names = [stage.name for stage in plan.stages.values()]
    assert {name: names.count(name) for name in names} == {"start": 2, "left": 4, "right": 2}

    folders = Folders(plan, StudyPaths(Path("results"), "s"), tmp_path)
    targets = {name: folders.stage_target(name, set(plan.stages)) for name in folders.stages}
    asked = {
        (name.split("-")[0], Path(target.conda or "").name, target.resources.get("mem_mb"))
        for name, target in targets.items()
    }
    assert asked == {
        ("start", "common.yaml", 100),
        ("start", "common.yaml", 200),
        ("left", "left.yaml", None),
        ("right", "common.yaml", 7),
    }
    job = folders.of_experiment("local", "a=2+b=1+d=3").experiment
    assert job["command"][2] == "3"
    assert Path(job["conda"]).name == "common.yaml"
    assert sorted(job["stages"]) == ["left", "right"]


def test_what_the_machine_adds_reaches_rule_and_folder_and_is_no_part_of_what_is_computed(tmp_path: Path) -> None:
    (tmp_path / "application.yaml").write_text(APPLICATION)
    (tmp_path / "s.yaml").write_text(
        "study: s\napplication: ./application.yaml\nparameters: {a: 1, gpu: [a100, v100]}\nderive: {runtime: 5 * a}\n"
    )
    plan = load_plan(tmp_path / "s.yaml", tmp_path, "local")
    usual = {"slurm_account": "mine", "slurm_partition": "main", "runtime": 1}
    gpus = {"a100": {"slurm_partition": "dgx", "gres": "gpu:a100:2"}}
    made = {}
    for scheduler in ("slurm", "none"):
        machine = Machine(kind="profile", scheduler=scheduler, resources=usual, gpus=gpus)
        folders = Folders(plan, StudyPaths(Path("results"), "s"), tmp_path, machines={"local": machine})
        targets = [folders.experiment_target("local", experiment.id, set()) for experiment in plan.experiments]
        assert [target.fingerprint for target in targets] == [experiment.fingerprint for experiment in plan.experiments]
        contents = [folders.of_experiment("local", experiment.id).experiment for experiment in plan.experiments]
        assert [content["resources"] for content in contents] == [target.resources for target in targets]
        made[scheduler] = [target.resources for target in targets]
        (stage,) = [name for name in folders.stages if name.startswith("right")]
        assert folders.stage_target(stage, set()).resources == {**usual, "mem_mb": 7}
        assert folders.resource_names({"local"}) >= {"slurm_account", "slurm_partition", "runtime", "mem_mb"}
    common = {"slurm_account": "mine", "runtime": 5}
    assert made["slurm"] == [
        {**common, "slurm_partition": "dgx", "gres": "gpu:a100:2"},
        {**common, "slurm_partition": "main", "gres": "gpu:v100:1"},
    ]
    assert made["none"] == [{**common, "slurm_partition": "main"}] * 2


def test_a_result_that_is_made_again_waits_for_the_stages_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "application.yaml").write_text(APPLICATION)
    (tmp_path / "s.yaml").write_text("study: s\napplication: ./application.yaml\n")
    plan = load_plan(tmp_path / "s.yaml", tmp_path, "local")
    paths = StudyPaths(tmp_path / "results", "s")
    folders = Folders(plan, paths, tmp_path)
    identity = plan.experiments[0].id
    record = paths.record("local", identity)
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    marked = set(plan.stages)
    assert folders.experiment_target("local", identity, marked).inputs == []
    assert len(folders.experiment_target("local", identity, marked, [str(record)]).inputs) == 2

"""``fairmesh import``: what comes of files of Cloudmesh."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cloudmesh import import_files
from fairmesh.errors import InputError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.study import Plan, load_plan
from fairmesh.workflow.export import export

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
NESTED = (
    'bash -c "harvest --seasons=${experiment_seasons@Q} --from=${data_trees@Q}"'
    " 'repeat '\"${experiment_repeat}\"'' ${config_identifier}"
)
KINDS = (
    "(allowed: .yaml, .yml, .json for configurations and workflows, .slurm, .sbatch, .lsf, .bsub, .sh, .bash for "
    "templates)"
)
MACHINES = (
    "local: {kind: local}\norchard: {kind: profile, scheduler: slurm, gpus: {big-node: {slurm_partition: big}}}\n"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has the examples."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/machines.yaml").write_text(MACHINES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "ada")
    return tmp_path


@pytest.fixture
def harvest(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Import the large sweep, and read what was written."""
    assert cli.main(["import", "harvest.in.yaml", "harvest.in.slurm", "--out", "new"]) == 0
    said = capsys.readouterr().out

    def read(file: str) -> str:
        return said if file == "said" else (here / "new" / file).read_text()

    return read


@pytest.fixture
def refused(here: Path) -> Callable[..., list[str]]:
    """Return the lines that files are refused with."""

    def of(**texts: str) -> list[str]:
        paths = [here / name.replace("_in_", ".in.").replace("_", ".") for name in texts]
        for path, text in zip(paths, texts.values(), strict=True):
            path.write_text(text)
        with pytest.raises(InputError) as caught:
            import_files([path.relative_to(here) for path in paths])
        return str(caught.value).splitlines()

    return of


def planned(folder: Path, name: str, machine: str = "local") -> Plan:
    return load_plan(folder / f"config/studies/{name}.yaml", folder, machine)


def test_the_study_has_proper_axes(harvest: Callable[[str], str]) -> None:
    lines = [line for line in harvest("config/studies/harvest.yaml").splitlines() if not line.startswith("#")]
    assert lines == [
        "study: harvest",
        "title: apple harvest",
        'application: "../../harvest"',
        "parameters:",
        "  gpu: [big-node, b200, b100, b50, b20, b10, b5]",
        "  seasons: [1, 2, 10, 30, 50, 70, 100]",
        "repeat: 10",
        "derive:",
        "  directive: gpu",
        "  gres: \"'gpu:' ~ first(split(gpu, '-')) ~ ':' ~ gpu_count\"",
        "measure: shared",
    ]


def test_there_are_as_many_experiments_as_in_cloudmesh(harvest: Callable[[str], str], here: Path) -> None:
    assert harvest("said").splitlines()[-1] == (
        "490 experiments, as Cloudmesh makes of it: fairmesh plan new/config/studies/harvest.yaml"
    )
    plan = planned(here / "new", "harvest")
    assert len(plan.experiments) == 490
    assert plan.warnings == []
    first = plan.experiments[0]
    assert first.id == "gpu=big-node+seasons=1+repeat=1"
    assert first.parameters == {
        "gpu_count": 1,
        "seasons": 1,
        "learning_rate": 0.001,
        "no_cache": False,
        "gpu_value": 1,
        "early_stop": False,
        "variety": "3.10",
        "data_trees": "/scratch/ada/orchard/trees",
        "batch_venv": "/scratch/ada/env",
        "directive": "big-node",
        "repeat_value": 1,
    }
    assert first.resources == {
        "nodes": 1,
        "cpus_per_task": 4,
        "mem_mb": 65536,
        "runtime": 600,
        "gres": "gpu:big:1",
    }
    assert plan.experiments[9].parameters["repeat_value"] == 10


def test_every_job_has_a_slurm_script(harvest: Callable[[str], str], here: Path) -> None:
    plan = planned(here / "new", "harvest", "orchard")
    export(plan, here / "jobs", here)
    scripts = [
        StudyPaths(here / "jobs", "harvest").job("orchard", experiment.id).script for experiment in plan.experiments
    ]
    assert len(scripts) == 490
    text = scripts[0].read_text()
    for line in (
        "#SBATCH --partition=big",
        "#SBATCH --mem=65536M",
        "#SBATCH --gres=gpu:big:1",
        "#SBATCH --time=600",
        "#SBATCH --mail-type=END",
        "#SBATCH --comment=1",
    ):
        assert line in text.splitlines()
    assert "--exclusive" not in text
    subprocess.run(["bash", "-n", *scripts[:1]], check=True)


def test_the_program_keeps_its_lines(harvest: Callable[[str], str]) -> None:
    lines = harvest("harvest/run.sh").splitlines()
    for line in (
        '    echo "# cloudmesh status="$1" progress=$2 pid=$$"',
        'echo "home ${HOME} of ${USER}, trees in ${data_trees}"',
        "    where=$(hostname)",
        "export PLACE=$where",
        "cd /tmp",
        NESTED,
        'config_identifier="${experiment_directive}_${experiment_seasons}"',
        "module load late/1",
        "# #SBATCH --partition={not.read}",
        'export OUT="$HOME/out/${ee_identifier}"',
        "module load gcc/12 python/3.11",
        "source ${batch_venv}/bin/activate",
        "cms gpu watch --gpu=0 --delay=0.5 > gpu-${experiment_card_name}.log &",
        "exit 0",
    ):
        assert line in lines
    for gone in ("slurm.sbatch", "{data.", "{experiment."):
        assert not any(gone in line for line in lines)


def test_what_is_not_carried_over_is_said(harvest: Callable[[str], str]) -> None:
    said = [line.removeprefix("note: ") for line in harvest("said").splitlines() if line.startswith("note: ")]
    for begin in (
        "'experiment.directive' is the axis 'gpu' here",
        "'experiment.gpu' is the parameter 'gpu_value' here",
        "'experiment.mem' is the resource 'mem_mb' here",
        "harvest.in.slurm: --job-name, --output: fairmesh sets these itself",
        "harvest.in.slurm: '{slurm.sbatch}' is removed: fairmesh writes these lines",
        "harvest.in.slurm:21:23: '{ee.identifier}' is the experiment's id here",
        "harvest.in.slurm:32:1: `cms gpu watch` is not needed",
        "harvest.in.slurm:36:1: `exit 0` hides a failure",
        "'system.host': config/machines.yaml describes hosts",
        "harvest.in.yaml:31:6: 'sum': eval() is not computed",
        "a program that reads batch, data, sum from config.yaml",
        "the program must write metrics.json",
    ):
        assert any(line.startswith(begin) for line in said), begin


def test_values_reach_the_program_as_they_are(here: Path) -> None:
    values = ["a b", 'q"q', "s's", "$(touch gone)", "`touch gone`", "*", "-n", "new\nline", "é;x"]
    (here / "q.in.yaml").write_text(f"experiment:\n  v: {values!r}\ndirs: {{x: 'y z'}}\n")
    (here / "q.in.sh").write_text(
        'printf \'%s|\' "{experiment.v}" "<{experiment.v}>" \'<{experiment.v}>\' --x="{experiment.v}" "{dirs.x}"\n'
        "bash -c \"printf '%s|' {experiment.v}\"\ncat <<EOF\n{experiment.v}\nEOF\n"
    )
    cli.main(["import", "q.in.yaml", "q.in.sh"])
    for value in planned(here, "q").axes["v"]:
        command = ["bash", "q/run.sh", f"v={value}", "dirs_x=y z"]
        out = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout
        assert out == f"{value}|<{value}>|<{value}>|--x={value}|y z|{value}|{value}\n"
    assert not (here / "gone").exists()


def test_an_option_with_several_values_is_derived(here: Path) -> None:
    (here / "m.yaml").write_text("experiment: {mem: '32GB,64GB', n: '1,2', limit: '1:00:00,2:00:00', card: 'x,y'}\n")
    (here / "m.in.slurm").write_text(
        "#!/bin/sh\n#SBATCH --mem={experiment.mem} -n {experiment.n}\n#SBATCH -t {experiment.limit}\n"
        "#SBATCH -C {experiment.card} --partition=a,b --qos=x%y\necho {experiment.limit} {experiment.n}\n"
    )
    assert cli.main(["import", "m.yaml", "m.in.slurm"]) == 0
    plan = planned(here, "m")
    assert plan.axes == {"mem": ["32GB", "64GB"], "n": [1, 2], "limit": ["1:00:00", "2:00:00"], "card": ["x", "y"]}
    last = plan.experiments[-1]
    assert last.resources == {"mem_mb": 65536, "tasks": 2, "runtime": 120, "constraint": "y", "slurm_partition": "a,b"}
    assert 'tasks: "n"' in (here / "config/studies/m.yaml").read_text()
    assert "#SBATCH --qos=x%y" in (here / "m/job.sh.jinja").read_text()


def test_lsf_options_are_read(here: Path) -> None:
    (here / "l.yaml").write_text("experiment: {k: 1, q: 'short,long'}\n")
    (here / "l.in.lsf").write_text(
        "#BSUB -J x\n#BSUB -q {experiment.q}\n#BSUB -W 2:30\n#BSUB -n 4\n"
        '#BSUB -R "span[hosts=1]"\n#BSUB -gpu num=2\nrun\n'
    )
    assert cli.main(["import", "l.yaml", "l.in.lsf"]) == 0
    plan = planned(here, "l")
    assert plan.axes == {"q": ["short", "long"]}
    assert plan.experiments[0].resources == {"runtime": 150, "tasks": 4, "gres": "gpu:2", "lsf_queue": "short"}
    assert "#BSUB -R span[hosts=1]" in (here / "l/job.sh.jinja").read_text()


def test_later_files_replace_blocks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text("data: {x: 1}\nexperiment: {k: '1,2,3'}\n")
    (here / "b.yaml").write_text("experiment: {k: '{data.x},5'}\n")
    assert cli.main(["import", "a.yaml", "b.yaml", "c.ipynb", "--name", "both"]) == 0
    assert planned(here, "both").axes == {"k": [1, 5]}
    said = capsys.readouterr().out
    assert "note: b.yaml:1:1: 'experiment' replaces the block of that name before it" in said
    assert "note: c.ipynb: programs are not run" in said


def test_variables_that_are_named_may_be_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT", "p1")
    (here / "v.yaml").write_text("experiment: {k: '{os.PROJECT}/x'}\n")
    assert cli.main(["import", "v.yaml"]) == 2
    assert cli.main(["import", "v.yaml", "--os", "OTHER,PROJECT"]) == 0
    assert planned(here, "v").experiments[0].parameters == {"k": "p1/x"}


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.yaml").write_text("experiment: {k: '1,2'}\n")
    assert cli.main(["import", "a.yaml"]) == 0
    assert cli.main(["import", "a.yaml"]) == 0, "what is the same is no loss"
    (here / "a/run.sh").write_text("mine")
    assert cli.main(["import", "a.yaml"]) == 2
    assert capsys.readouterr().err == "a/run.sh: exists and differs; --force replaces it\n"
    assert (here / "a/run.sh").read_text() == "mine"
    assert cli.main(["import", "a.yaml", "--force"]) == 0
    assert (here / "a/run.sh").read_text() != "mine"


def test_a_workflow_becomes_stages(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", "flow/flow.yaml"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == (
        "2 stages and the experiment, which ends the workflow: fairmesh plan config/studies/flow.yaml"
    )
    for note in (
        "stages have names of small letters, digits and '_': pick_apples for Pick-Apples",
        "'user' of nodes (ada): ",
        "'host' of nodes (orchard): ",
        "'kind' of nodes (slurm, local): ",
        "labels, shapes and states of nodes: ",
    ):
        assert f"note: {note}" in said
    stages = planned(here, "flow").application.all_stages
    assert {name: stage.needs for name, stage in stages.items()} == {
        "pick_apples": [],
        "press": ["pick_apples"],
        "bottle": ["press"],
    }
    assert (here / "flow/nodes/pick_apples.sh").read_text() == (DATA / "flow/pick.sh").read_text()


def test_a_workflow_of_several_ends_has_one_more_stage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "w.yaml").write_text(
        "workflow:\n  nodes: {a: {exec: x}, b1: {exec: x}, b2: , c: {script: c.ipynb}, idle: {exec: x}}\n"
        "  dependencies: ['a,b[1-2]', 'a,c']\n"
    )
    assert cli.main(["import", "w.yaml"]) == 0
    stages = planned(here, "w").application.all_stages
    assert {name: stage.needs for name, stage in stages.items()} == {
        "a": [],
        "idle": [],
        "b1": ["a"],
        "c": ["a"],
        "b2": ["b1"],
        "experiment": ["idle", "c", "b2"],
    }
    said = capsys.readouterr().out
    assert "'workflow.dependencies' does not name idle: Cloudmesh skips such nodes, and here they run" in said
    assert "'b2.sh' is missing: write nodes/b2.sh in its place" in said
    assert "'c.ipynb' is missing: write nodes/c.sh in its place" in said


def test_a_workflow_may_end_in_a_sweep(here: Path) -> None:
    (here / "w.yaml").write_text("workflow: {nodes: {a: {exec: x}}, dependencies: [a]}\nexperiment: {k: '1,2'}\n")
    (here / "w.in.sh").write_text("module load {experiment.k}\nrun {experiment.k}\n")
    assert cli.main(["import", "w.yaml", "w.in.sh"]) == 0
    plan = planned(here, "w")
    assert (len(plan.experiments), list(plan.application.all_stages)) == (2, ["a", "experiment"])
    export(plan, here / "jobs", here)


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (
            {"a_yaml": "experiments: {k: 1}"},
            ["a.yaml: has neither an 'experiment' block nor a 'workflow' block; did you mean 'experiment'?"],
        ),
        ({"a_yaml": "[1]"}, ["a.yaml:1:1: must be a map of blocks"]),
        ({"a_yaml": "experiment: {k: ''}"}, ["a.yaml:1:17: 'experiment.k' has no value: an axis needs at least one"]),
        ({"a_yaml": "experiment: {k: [1, 1]}"}, ["a.yaml:1:17: 'experiment.k' has the value '1' twice"]),
        ({"a_yaml": "experiment: {k: {a: 1}}"}, ["a.yaml:1:17: 'experiment.k' must be a list or one value, not a map"]),
        ({"a_yaml": "experiment: []"}, ["a.yaml:1:13: 'experiment' must be a map of what is varied, not an empty one"]),
        (
            {"a_yaml": "data: {x: 1}\nexperiment: {k: '1,2'}", "a_in_sh": "run\necho '{experimnt.k} {data.y}'\n"},
            [
                "a.in.sh:2:7: '{experimnt.k}': there is no key 'experimnt.k'; did you mean 'experiment.k'?",
                "a.in.sh:2:21: '{data.y}': there is no key 'data.y'; did you mean 'data.x'?",
            ],
        ),
        (
            {"a_yaml": "workflow: {nodes: {a: {exec: x}, b: {exec: x}}, dependencies: ['a,b,a', 'a,bb']}"},
            [
                "a.yaml:1:63: 'workflow.dependencies' has a cycle: a -> b -> a",
                "a.yaml:1:73: 'workflow.dependencies': there is no node 'bb'; did you mean 'b'? (allowed: a, b)",
            ],
        ),
        ({"a_yaml": "workflow: {nodes: []}"}, ["a.yaml:1:11: 'workflow.nodes' must be a map of nodes"]),
        (
            {"a_txt": "x"},
            [
                f"a.txt: has a suffix that is not known {KINDS}",
            ],
        ),
    ],
)
def test_mistakes_are_all_said(refused: Callable[..., list[str]], texts: dict[str, str], lines: list[str]) -> None:
    assert refused(**texts) == lines


def test_a_missing_file_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", "no.yaml", "no.in.sh"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "no.yaml: cannot be read: No such file or directory",
        "no.in.sh: cannot be read: No such file or directory",
    ]
    (here / "a.yaml").write_text("experiment: {k: 1}")
    assert cli.main(["import", "a.yaml", "--name", "../x"]) == 2
    assert cli.main(["import", "a.yaml", "--os", "a b"]) == 2
    assert cli.main(["import", "a.yaml", "--out", "a.yaml"]) == 2
    (here / "a").mkdir()
    (here / "a/__init__.py").touch()
    assert cli.main(["import", "a.yaml"]) == 2

"""Which templates a machine, an application and a study bring."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fairmesh import schema
from fairmesh.errors import InputError
from fairmesh.jobs.directives import batch_values
from fairmesh.jobs.templates import Templates
from fairmesh.project import MACHINES
from fairmesh.study import load_plan
from fairmesh.workflow.configuration import find_machine
from fairmesh.workflow.folders import job_templates

ROOT = Path(__file__).parents[2]
APPLICATION = {
    "name": "app",
    "version": "1",
    "command": ["true"],
    "parameters": {"x": {"type": "integer", "default": 1}},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own."""
    for name in ("config", "app/templates", "studies"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def templates(study: dict[str, Any], application: dict[str, Any], machine: dict[str, Any]) -> Templates:
    """Return the templates that three files make."""
    MACHINES.write_text(schema.dump_yaml({"local": {"kind": "local"}, "here": {"kind": "local"} | machine}))
    Path("app/application.yaml").write_text(schema.dump_yaml(APPLICATION | application))
    Path("studies/s.yaml").write_text(schema.dump_yaml({"study": "s", "application": "../app"} | study))
    plan = load_plan(Path("studies/s.yaml"), Path(), "here")
    file, machine = find_machine("here", Path(), "--machine")
    return job_templates(plan, Path(), file, "here", machine)


def rendered(made: Templates, **machine: Any) -> str:
    """Render what three files make."""
    experiment = {"key": "0123456789ab", "id": "x=1"}
    values = {"scheduler": "none", "modules": [], "setup": [], "patience": 60} | machine
    return made.render(experiment=experiment, machine=values, directives=["#LINE"], **batch_values(values))


@pytest.mark.parametrize(("scheduler", "says"), [("none", False), ("slurm", True), ("lsf", True)])
def test_the_machines_scheduler_chooses_the_child(scheduler: str, says: bool) -> None:
    assert ("#LINE" in rendered(templates({}, {}, {"scheduler": scheduler}), scheduler=scheduler)) == says


def test_each_file_brings_its_child_by_a_path_from_its_own_folder() -> None:
    for path in ("config/m.jinja", "app/templates/a.jinja", "studies/s.jinja"):
        text = '{% extends "parent" %}\n{% block setup %}\n{{ super() }}# WHO\n{% endblock %}\n'
        Path(path).write_text(text.replace("WHO", path))
    made = templates({"template": "s.jinja"}, {"template": "templates/a.jinja"}, {"template": "m.jinja"})
    script = rendered(made)
    order = ["# config/m.jinja", "# app/templates/a.jinja", "# studies/s.jinja"]
    assert sorted(order, key=script.index) == order


def test_templates_that_are_not_there_are_told_with_their_places() -> None:
    with pytest.raises(InputError) as caught:
        templates({"template": "s.jinja"}, {"template": "templates/a.jinja"}, {"template": "m.jinja"})
    assert set(str(caught.value).splitlines()) == {
        "config/machines.yaml:5:13: 'here.template': there is no file 'm.jinja'",
        "studies/../app/application.yaml:9:11: 'template': there is no file 'templates/a.jinja'",
        "studies/s.yaml:3:11: 'template': there is no file 's.jinja'",
    }


@pytest.mark.parametrize("line", ["echo 'x", "cat <<X", "a \\", "if true; then", ")"])
def test_a_setup_that_would_swallow_the_script_is_refused(line: str) -> None:
    with pytest.raises(InputError, match=r"config/machines\.yaml:6:5: 'here\.setup' is no whole shell script: "):
        templates({}, {}, {"setup": ["true", line]})


def test_a_setup_may_be_a_script_of_several_lines() -> None:
    setup = ["if true; then", "  export A='1\n2'", "fi # done"]
    script = rendered(templates({}, {}, {"setup": setup}), setup=setup)
    assert "\n".join(setup) in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        ({"a100": {"slurm_partion": "x"}}, "unknown resource 'here.gpus.a100.slurm_partion'; did you mean"),
        ({"a100": {"gres": "gpu:1\nreboot"}}, "'here.gpus.a100.gres' must be a text of letters"),
        ({"a100": {"threads": 0}}, "'here.gpus.a100.threads' must be a whole number of at least 1, not 0"),
    ],
)
def test_what_a_gpu_stands_for_is_checked(gpus: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        templates({}, {}, {"gpus": gpus})
    assert "config/machines.yaml:7:" in str(caught.value)
    assert message in str(caught.value)


def test_a_template_changes_no_fingerprint() -> None:
    Path("studies/s.jinja").write_text('{% extends "parent" %}')
    fingerprints = set()
    for study in ({}, {"template": "s.jinja"}):
        templates(study, {}, {})
        fingerprints.add(load_plan(Path("studies/s.yaml"), ROOT, "here").experiments[0].fingerprint)
    assert len(fingerprints) == 1

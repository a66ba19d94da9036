"""Templates that extend what would be used without them, and the mistakes in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.jobs.templates import Templates
from fairmesh.schedulers import names
from tests.jobs.conftest import OURS, MakeJob, experiment, machine
from tests.shells import check_script

NASTY = ["'", '"', "$(reboot)", "`reboot`", "a\nb", "-rf", "a b", "\\", "{{ 7 * 7 }}", "#", "ü"]
PARENT = '{% extends "parent" %}\n'


def write(folder: Path, **texts: str) -> list[Path]:
    """Write templates."""
    paths = [folder / f"{name}.jinja" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text)
    return paths


@pytest.mark.parametrize("scheduler", ["none", *names()])
@pytest.mark.parametrize("teardown", ["", "{% block teardown %}\nrm -rf scratch\n{% endblock %}\n"])
def test_every_script_is_right(make_job: MakeJob, tmp_path: Path, scheduler: str, teardown: str) -> None:
    child = write(tmp_path, child=PARENT + teardown)
    at = machine(scheduler=scheduler, setup=["export A=b"], modules=["cuda/12"])
    job = make_job(*child, at=at, resources={"mem_mb": 900, "runtime": 5}, axes={"gpu": "a100"})
    check_script(job.script)
    assert ("exec python3" in job.script.read_text().splitlines()[-1]) == (not teardown)


@pytest.mark.parametrize("value", NASTY)
def test_a_value_is_never_more_than_a_value(make_job: MakeJob, tmp_path: Path, value: str) -> None:
    text = PARENT + "{% block command %}\nprintf %s {{ experiment.parameters.x | q }} > seen\n{% endblock %}\n"
    (child,) = write(tmp_path, child=text)
    quoted = make_job(child, at=machine(modules=[value]), home="other", key=value)
    check_script(quoted.script, severity="warning")  # below that it wonders about each $ in single quotes
    folder = make_job(child, parameters={"x": value}).folder
    subprocess.run(["bash", "job.sh"], cwd=folder, check=True)
    assert (folder / "seen").read_text() == value


def test_in_every_child_parent_is_what_would_be_used_without_it(tmp_path: Path) -> None:
    names = ["machine", "application", "study"]
    text = PARENT + "{% block setup %}\n{{ super() }}# WHO\n{% endblock %}\n"
    children = write(tmp_path, **{name: text.replace("WHO", name) for name in names})
    script = Templates.of_jobs(OURS, "slurm", children).render(
        experiment=experiment(),
        machine=machine(setup=["# ours"]),
        directives=["#SBATCH --time=1"],
        submit_hint="sbatch",
    )
    order = ["#SBATCH --time=1", "# ours", "# machine", "# application", "# study", "exec python3"]
    assert sorted(order, key=script.index) == order


def test_other_names_are_beside_the_template_or_ours(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write(
        tmp_path / "a", setup="# of a\n", common=PARENT + '{% block setup %}\n{% include "setup.jinja" %}{% endblock %}'
    )
    write(tmp_path / "b", setup="# of b\n")
    (one,) = write(tmp_path / "a", child='{% extends "common.jinja" %}')
    (two,) = write(
        tmp_path / "b", child=PARENT + '{% block setup %}\n{{ super() }}{% include "setup.jinja" %}{% endblock %}\n'
    )
    script = Templates.of_jobs(OURS, "none", [one, two]).render(experiment=experiment(), machine=machine())
    assert script.index("# of a") < script.index("# of b") < script.index("exec python3")
    (three,) = write(tmp_path, child='{% extends "job.sh.jinja" %}')
    assert "exec python3" in Templates.of_jobs(OURS, "none", [three]).render(experiment=experiment(), machine=machine())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ nobody }}\n", "child.jinja:2: 'nobody' is undefined"),
        (
            PARENT + "{% block teardown %}\n\n{{ experiment.nobody }}\n{% endblock %}",
            "child.jinja:4: 'dict object' has no",
        ),
        (PARENT + "{% block setup %}\n{% if %}\n{% endblock %}", "child.jinja:3: Expected an expression"),
        (PARENT + "{% block setup %}{{ 1 / 0 }}{% endblock %}", "child.jinja:2: division by zero"),
        (PARENT + "{% block setup %}{{ 1 + 'a' }}{% endblock %}", "child.jinja:2: unsupported operand"),
        (PARENT + "{% block setup %}{{ ''.__class__.mro() }}{% endblock %}", "child.jinja:2: access to attribute"),
        ("\n\n{% extends 'parrent' %}", "child.jinja:3: there is no template 'parrent' beside this one or in "),
        ("\n{% include 'child.jinja' %}", "child.jinja:2: maximum recursion depth exceeded"),
    ],
)
def test_a_mistake_in_a_child_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FairmeshError) as caught:
        Templates.of_jobs(OURS, "none", write(tmp_path, child=text)).render(experiment=experiment(), machine=machine())
    assert f"/{message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_a_parent_names_the_parent(tmp_path: Path) -> None:
    parent, child = write(
        tmp_path,
        parent=PARENT + "{% block setup %}\n# x\n{{ nobody }}\n{% endblock %}\n",
        child=PARENT + "{# nothing #}",
    )
    with pytest.raises(FairmeshError, match=r"/parent\.jinja:4: 'nobody' is undefined$"):
        Templates.of_jobs(OURS, "none", [parent, child]).render(experiment=experiment(), machine=machine())


def test_a_template_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "child.jinja"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FairmeshError, match=r"child\.jinja: cannot be read: "):
        Templates.of_jobs(OURS, "none", [path]).render(experiment=experiment(), machine=machine())


def test_the_templates_of_the_documentation_make_right_scripts(make_job: MakeJob, tmp_path: Path) -> None:
    page = (OURS.parents[1] / "site/docs/how-to/templates.md").read_text()
    texts = re.findall(r"```jinja\n(.*?)```", page, re.DOTALL)
    assert len(texts) == 3
    for at, text in enumerate(texts):
        job = make_job(*write(tmp_path, child=text), at=machine(scheduler="slurm"), home=f"home{at}")
        check_script(job.script)

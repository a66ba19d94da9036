"""Batch scripts of Cloudmesh: their lines, their options, and odd texts."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmesh.cloudmesh import import_files
from fairmesh.cloudmesh.draft import literal
from fairmesh.cloudmesh.options import convert, read_options
from fairmesh.errors import InputError


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("run {experiment.k} --x={experiment.k}", "run ${experiment_k} --x=${experiment_k}"),
        ('run "x \\" {experiment.k}"', 'run "x \\" ${experiment_k}"'),
        ("run '{experiment.k}'", "run ''\"${experiment_k}\"''"),
        ('run "it\'s {experiment.k}"', 'run "it\'s ${experiment_k}"'),
        ("x=$((1 + {experiment.k}))", "x=$((1 + ${experiment_k}))"),
        ('bash -c "run {experiment.k}"', 'bash -c "run ${experiment_k@Q}"'),
        ("bash -c 'run {experiment.k}'", "bash -c 'run '\"${experiment_k@Q}\"''"),
        ('srun sh -lc "run {experiment.k}"', 'srun sh -lc "run ${experiment_k@Q}"'),
        ('ssh -p 22 host "run {experiment.k}"', 'ssh -p 22 host "run ${experiment_k@Q}"'),
        ('eval "run {experiment.k}"', 'eval "run ${experiment_k@Q}"'),
        ("run # {a.b}", "run # {a.b}"),
        ("    # {experiment.k}", "    # {experiment.k}"),
        ("run ${HOME} ${#a} {a,b} {1..3} {}", "run ${HOME} ${#a} {a,b} {1..3} {}"),
        ("awk '{print $2}'", "awk '{print $2}'"),
    ],
)
def test_a_line_is_copied_with_variables_in_it(tmp_path: Path, line: str, written: str) -> None:
    config, template = tmp_path / "a.yaml", tmp_path / "a.in.sh"
    config.write_text("experiment: {k: 'u,v'}\n")
    template.write_text(f"first\n{line}\n")
    assert written in import_files([config, template]).contents[Path("a/run.sh")].decode().splitlines()


def test_options_end_at_the_first_command(tmp_path: Path) -> None:
    template = tmp_path / "a.in.slurm"
    template.write_text("#!/bin/bash\n# a word\n#SBATCH -N 2 --ntasks-per-gpu=3\n\necho\n#SBATCH --mem=3\n")
    imported = import_files([template])
    assert "\nresources:\n  nodes: 2\n  tasks_per_gpu: 3\n" in imported.contents[Path("a/application.yaml")].decode()
    assert "#SBATCH --mem=3" in imported.contents[Path("a/run.sh")].decode().splitlines()


@pytest.mark.parametrize(
    ("line", "resource", "value"),
    [
        ("#SBATCH --time=1-00:30", "runtime", 1470),
        ("#SBATCH -t30", "runtime", 30),
        ("#SBATCH --mem 500M", "mem_mb", 500),
        ("#SBATCH --mem-per-cpu=2G", "mem_mb_per_cpu", 2048),
        ("#SBATCH --gpus=a100:2", "gres", "gpu:a100:2"),
        ("#SBATCH -A 'my_group'", "slurm_account", "my_group"),
        ("#BSUB -W 90", "runtime", 90),
        ("#BSUB -P mine", "lsf_project", "mine"),
    ],
)
def test_options_are_resources(line: str, resource: str, value: int | str) -> None:
    (option,) = read_options(line, 1)
    assert (option.resource, convert(option, option.value)) == (resource, value)


@given(st.text("ab{}%#$\"'\n ", max_size=30))
def test_a_literal_comes_out_of_a_template_as_it_went_in(text: str) -> None:
    template = jinja2.Environment(keep_trailing_newline=True).from_string(literal(text))  # noqa: S701
    assert template.render() == text


PIECES = [
    *(
        "{experiment.k}",
        "{a.b}",
        "{os.USER}",
        "{x.y}",
        "${HOME}",
        "'",
        '"',
        "`",
        "$(",
        ")",
        "((",
        "))",
        "\\",
        "#",
        "\n",
    ),
    *(
        "<<E",
        "E\n",
        "if x; then\n",
        "fi\n",
        "module load ",
        "export X=",
        "cd ",
        "run ",
        "{%",
        "{{",
        "}}",
        "{#",
        "exit 0\n",
    ),
    *(
        "#SBATCH --mem=",
        "#SBATCH --time={experiment.k}\n",
        "#BSUB -W ",
        "{slurm.sbatch}",
        "{ee.identifier}",
        "é",
        " ",
        ";",
    ),
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(["'1,2'", "64GB", "'a,b'", "'1:00'"])
)
def test_no_template_gives_a_traceback(text: str, values: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, template = Path(folder, "a.yaml"), Path(folder, "a.in.slurm")
        config.write_text(f"experiment: {{k: {values}}}\na: {{b: '{{experiment.k}} x'}}\n")
        template.write_text(text)
        with contextlib.suppress(InputError):
            made = import_files([config, template]).contents.get(Path("a/job.sh.jinja"), b"")
            jinja2.Environment().parse(made.decode())  # noqa: S701

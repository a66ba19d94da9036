"""Batch scripts of Cloudmesh, read line by line."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmesh.cloudmesh import import_files
from fairmesh.cloudmesh.options import convert, read_options
from fairmesh.cloudmesh.requests import literal
from fairmesh.cloudmesh.shell import Context, scan
from fairmesh.cloudmesh.statements import take_apart
from fairmesh.errors import InputError


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("run {a.b}", Context.CODE),
        ("run x={a.b}", Context.CODE),
        ('run "{a.b}"', Context.DOUBLE),
        ('run "x \\" {a.b}"', Context.DOUBLE),
        ("run '{a.b}'", Context.SINGLE),
        ("run 'it'\\''s {a.b}'", Context.SINGLE),
        ('run "it\'s {a.b}"', Context.DOUBLE),
        ("run # {a.b}", Context.COMMENT),
        ("run x#y {a.b}", Context.CODE),
        ("x=${#list[@]} {a.b}", Context.CODE),
        ('x="$(cat {a.b})"', Context.CODE),
        ('x="$(cat "{a.b}")"', Context.DOUBLE),
        ("x=$((1 + {a.b}))", Context.NUMBER),
        ("((x = {a.b}))", Context.NUMBER),
        ("x=`cat {a.b}`", Context.CODE),
        ('x="${y:-{a.b}}"', Context.DOUBLE),
        ("cat <<E\n{a.b}\nE\n", Context.HERE),
        ("cat <<-'E'\n\t{a.b}\n\tE\n", Context.VERBATIM),
        ("cat <<E\nx'\nE\nrun {a.b}", Context.CODE),
        ("cat <<< {a.b}", Context.CODE),
        ('bash -c "run {a.b}"', Context.COMMAND),
        ('srun sh -lc "run {a.b}"', Context.COMMAND),
        ('ssh -p 22 host "run {a.b}"', Context.COMMAND),
        ('eval "run {a.b}"', Context.COMMAND),
    ],
)
def test_a_place_between_quotes_is_known(text: str, context: Context) -> None:
    assert [(each.name, each.context) for each in scan(text).references] == [("a.b", context)]


@pytest.mark.parametrize(
    "text", ["run ${HOME}", "x=${#a}", "ls {a,b} {1..3}", "find -exec rm {} ;", "awk '{print $2}'"]
)
def test_what_is_the_shells_own_is_left_alone(text: str) -> None:
    assert scan(text).references == []


@pytest.mark.parametrize(
    ("text", "setup"),
    [
        ("module load a\nsource x\n. y\nexport Z=1\nconda activate e\nrun\n", 5),
        ("A=1\nexport B=$A\nrun\n", 2),
        ("run\nmodule load a\n", 0),
        ("echo hi\nmkdir -p d\nmodule load a\n", 1),
        ("if true; then\n  module load a\nfi\nmodule load b\n", 1),
        ("f () {\n  module load a\n}\nf\nmodule load b\n", 1),
        ("function f {\n  module load a\n}\nmodule load b\n", 1),
        ("for i in 1 2; do\nmodule load a$i\ndone\nmodule load b\n", 1),
        ("case x in\na) module load a ;;\nesac\nmodule load b\n", 1),
        ("x=$1\nexport Y=$x\nmodule load a\n", 1),
        ("export X=$(pwd)\nexport Y=${X%/*}\n", 2),
        ("module load a 2>/dev/null && source b\n", 1),
        ("source a && run\nmodule load b\n", 0),
        ("X=1 run\nmodule load b\n", 0),
        ("export X='a\nb'\nrun\n", 1),
        ("export X=a\\\nb\nrun\n", 1),
        ("cat > f <<E\nmodule load a\nE\nmodule load b\n", 0),
    ],
)
def test_lines_that_set_up_are_found(text: str, setup: int) -> None:
    script = take_apart(text)
    assert len(script.setup) == setup
    assert not script.options


def test_options_end_at_the_first_command() -> None:
    script = take_apart("#!/bin/bash\n# a word\n#SBATCH -N 2 --ntasks-per-gpu=3\n\necho\n#SBATCH --mem=3\n")
    assert [each.text for each in script.options] == ["--nodes=2", "--ntasks-per-gpu=3"]


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


@given(
    st.lists(
        st.sampled_from(["echo", " ", '"', "'", "{a}", "$x", "\\", "(", ")", "#", "<<E\n", "\n", "E\n", "${", "}"])
    )
)
def test_the_lines_of_a_script_are_all_there(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = scan(text)
    assert len(found.mask) == len(text)
    script = take_apart(text)
    assert {each.text for each in script.program} | {each.text for each in script.setup} <= set(
        _lines(text, found.breaks)
    )


def _lines(text: str, breaks: list[int]) -> list[str]:
    return [text[start:end] for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True)]


def test_the_shell_takes_apart_as_we_do() -> None:
    text = "f () {\n  echo \"$1\" 'x'\n}\nexport A=$(echo 1)\nif [ $A = 1 ]; then\n  f y\nfi\n"
    script = take_apart(text)
    whole = "".join(each.text for each in [*script.setup, *script.program])
    runs = [subprocess.run(["bash", "-c", each], capture_output=True, check=True).stdout for each in (text, whole)]
    assert runs[0] == runs[1] == b"y x\n"

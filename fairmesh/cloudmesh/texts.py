"""The files of an import, written for people who will go on with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from fairmesh.cloudmesh.draft import Draft
from fairmesh.cloudmesh.requests import literal
from fairmesh.cloudmesh.variables import Variable
from fairmesh.names import REPEAT
from fairmesh.schema import dump_yaml

RUN = "run.sh"
TEMPLATE = "job.sh.jinja"
CODE = "code"
WIDEST = 100  # characters of a list in one line


def study_text(draft: Draft, origin: str) -> str:
    """Return the study."""
    parts = [
        comment(f"Made by `fairmesh import {origin}`. `fairmesh plan` shows the experiments."),
        dump_yaml({"study": draft.name, "title": draft.title, "application": f"../../{draft.name}"}),
        comment("What is varied: every value with those of all others. What stands here not has the default of"),
        comment(f"{draft.name}/application.yaml; name it here to vary it."),
        _axes(draft),
    ]
    if draft.repeat is not None:
        parts += [f"{REPEAT}: {draft.repeat}\n"]
    if draft.derive:
        parts += [comment("What follows from the axes: resources, and parameters for the program.")]
        parts += [dump_yaml({"derive": draft.derive})]
    parts += [comment("`exclusive`: one experiment at a time with all cores; `shared`: as many as there are cores.")]
    return "".join([*parts, f"measure: {draft.measure}\n"])


def _axes(draft: Draft) -> str:
    if not draft.axes:
        return "parameters: {}\n"
    return "parameters:\n" + "".join(f"  {_axis(name, values)}" for name, values in draft.axes.items())


def _axis(name: str, values: Sequence[Any]) -> str:
    shown = [_flow(value) for value in values]
    if len(shown) == 1 and not isinstance(values[0], list | dict):
        return f"{name}: {shown[0]}\n"
    line = f"{name}: [{', '.join(shown)}]\n"
    return line if len(line) <= WIDEST else f"{name}:\n" + "".join(f"    - {each}\n" for each in shown)


def _flow(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return dump_yaml(value).rstrip("\n")


def application_text(draft: Draft, origin: str, command: list[str] | None, has_template: bool) -> str:
    """Return the application.

    Parameters
    ----------
    draft : Draft
        What is known of it.
    origin : str
        The files that it was made of.
    command : list of str, optional
        What the experiment runs, if no stage says it.
    has_template : bool
        Whether it brings a child of job.sh's template.
    """
    parts = [
        comment(f"Made by `fairmesh import {origin}`: what runs, and what can be varied."),
        dump_yaml({"name": draft.name, "title": draft.title}),
        comment("Raise the version when the program changes: what was computed before is then computed again."),
        dump_yaml({"version": "1"}),
    ]
    if command is not None:
        parts += [
            comment("A value is an argument of its own, never a piece of a script."),
            dump_yaml({"command": command}),
        ]
    if draft.stages:
        parts += [comment("Each runs once, after those that it needs; the last one is the experiment.")]
        parts += [dump_yaml({"stages": draft.stages})]
    parts += [
        comment("Types were found from the values. `minimum`, `maximum`, `enum` and `unit` make mistakes impossible."),
        dump_yaml({"parameters": {name: each.to_yaml() for name, each in draft.parameters.items()}}),
        *_metrics(draft),
    ]
    if draft.resources:
        parts += [comment("What each asks for, under Snakemake's names.")]
        parts += [dump_yaml({"resources": draft.resources})]
    if has_template:
        parts += [comment("What job.sh has besides what fairmesh writes into it."), dump_yaml({"template": TEMPLATE})]
    return "".join(parts)


def _metrics(draft: Draft) -> Iterable[str]:
    yield comment("What the program writes into metrics.json in the folder that it starts in. Declare it by name:")
    if draft.is_workflow:
        yield comment("The last node writes `finished` (1) at a good end, unless a node has written the file.")
    yield comment('  accuracy: {title: Accuracy, unit: "1", better: higher, primary: true}')
    yield "metrics: {}\n"


_TOLERANT = ("fairmesh_start=$PWD\n", "set +e # there too, a line that fails did not end the job\n")
_STRICT = ('cd "$fairmesh_start" || exit\n', "set -e\n")


def template_text(header: Sequence[str], setup: Sequence[str], used: Iterable[Variable], is_staged: bool) -> str:
    """Return the child of job.sh's template.

    Parameters
    ----------
    header : sequence of str
        Lines for the scheduler, as a template has them.
    setup : sequence of str
        Lines of the shell.
    used : iterable of Variable
        What the lines need.
    is_staged : bool
        Whether stages use it too, which have no parameters of the experiment.
    """
    lines = ['{% extends "parent" %}\n']
    if header:
        lines += ["{% block header %}\n", "{{ super() }}\n", *(f"{each}\n" for each in header), "{% endblock %}\n"]
    if setup:
        before = [_from_job(each, is_staged) for each in used]
        lines += ["{% block setup %}\n", "{{ super() }}\n", *_TOLERANT, *before, *map(literal, setup), *_STRICT]
        lines += ["{% endblock %}\n"]
    return "".join(lines)


def _from_job(variable: Variable, is_staged: bool) -> str:
    if variable.parameter:
        default = ' | default("")' if is_staged else ""
        return f"{variable.name}={{{{ experiment.parameters[{json.dumps(variable.parameter)}]{default} | q }}}}\n"
    if variable.text:
        return f'{variable.name}="{literal(variable.text)}"\n'
    return f"{variable.name}={{{{ experiment.id | q }}}}\n"


def run_text(origin: str, used: Iterable[Variable], program: Sequence[str], has_code: bool) -> str:
    """Return the script that an experiment runs.

    Parameters
    ----------
    origin : str
        What it was made of.
    used : iterable of Variable
        What the lines need, each after those that it is made of.
    program : sequence of str
        The lines.
    has_code : bool
        Whether files of the application belong into the folder that it starts in.
    """
    used = list(used)
    values = [each for each in used if each.parameter]
    lines = [
        "#!/usr/bin/env bash\n",
        comment(f"What an experiment runs; made by `fairmesh import {origin}`."),
        comment("It starts in an empty folder of its own, and fairmesh reads from there what was measured:"),
        comment("""    echo '{"accuracy": 0.9}' > "$attempt/metrics.json" """.rstrip()),
        comment(
            'It may print `# fairmesh status=running progress=50 msg="half way"`; cloudmesh is read like fairmesh.'
        ),
        "# shellcheck disable=SC2034\nattempt=$PWD\n",
    ]
    if values:
        lines += ['for argument in "$@"; do\n    case $argument in\n']
        lines += [f"        {each.parameter}=*) {each.name}=${{argument#*=}} ;;\n" for each in values]
        lines += ["    esac\ndone\n"]
    lines += [_made(each) for each in used if not each.parameter]
    if has_code:
        lines += [f'cp -R "$FAIRMESH_APPLICATION/{CODE}/." .\n']
    return "".join([*lines, "\n", *program])


def _made(variable: Variable) -> str:
    if variable.text:
        return f'{variable.name}="{variable.text}"\n'
    return f"{variable.name}=${{PWD%/attempts/*}}\n{variable.name}=${{{variable.name}##*/}}\n"


def skeleton(used: Sequence[Variable]) -> list[str]:
    """Return the lines of a program that is still to be written."""
    shown = [f'echo "{each.parameter}: ${{{each.name}}}"\n' for each in used]
    return [*shown, f'echo "{RUN}: start your program here, and write metrics.json" >&2\n', "exit 1\n"]


def last_text(file: str, interpreter: str) -> str:
    """Return the script that ends a workflow: the last node, and a metric, for a workflow has none."""
    call = f'{interpreter} "$FAIRMESH_APPLICATION/{file}" || exit\n' if file else ""
    return (
        "#!/usr/bin/env bash\n"
        + comment("The end of the workflow. fairmesh reads metrics.json: put numbers of your own there.")
        + call
        + "[ -e metrics.json ] || echo '{\"finished\": 1}' > metrics.json\n"
    )


def comment(text: str) -> str:
    """Return a line of comment; nothing in the text can end it early."""
    return "# " + "".join(sign if sign.isprintable() else "?" for sign in text) + "\n"

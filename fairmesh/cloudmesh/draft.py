"""A draft of a study and an application, and the text of their files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairmesh.expressions.functions import FUNCTIONS
from fairmesh.names import REPEAT
from fairmesh.schema import dump_yaml
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES

RUN = "run.sh"
TEMPLATE = "job.sh.jinja"
CODE = "code"
WIDEST = 100  # characters of a list in one line

# Words of expressions, and names that mean something else in a command.
_WORDS = "and or not in is if else elif for true false none null True False None stage self loop super caller varargs"
TAKEN = frozenset([*FRAMEWORK_AXES, *ALGEBRA, *FUNCTIONS, *_WORDS.split(), "range", "dict", "namespace"])


@dataclass
class DraftParameter:
    """A parameter of the application.

    Parameters
    ----------
    type : str
        A type of JSON Schema.
    default : Value
        Its default value, of that type.
    origin : str
        Its origin, for the description.
    aliases : list of str
        Other names that a study may use.
    seed : bool
        Whether it is the seed, which is higher at each repeat.
    """

    type: str
    default: Any
    origin: str
    aliases: list[str] = field(default_factory=list)
    seed: bool = False

    def to_yaml(self) -> dict[str, Any]:
        """Return its entry in application.yaml."""
        seed = {"seed": True} if self.seed else {}
        aliases = {"aliases": self.aliases} if self.aliases else {}
        return {"type": self.type, "default": self.default, **seed, **aliases, "description": self.origin}


@dataclass
class Draft:
    """A draft of a study and an application.

    Parameters
    ----------
    name, title, origin : str
        Name and title of both, and the imported files.
    parameters : dict
        The parameters that the application declares.
    axes : dict of str to list
        The axes of the study, in order.
    repeat : int, optional
        The number of repeats.
    derive : dict of str to str
        Expressions of the study.
    resources : dict
        The resources of every experiment.
    stages : dict
        The application's stages before the experiment, as in application.yaml.
    measure : str
        ``exclusive`` or ``shared``.
    is_workflow : bool
        Whether there are stages only, and no template.
    files : dict of str to bytes
        Further files in the application's folder.
    notes : list of str
        Notes for the user: what is not imported, and what has another name.
    """

    name: str
    title: str
    origin: str
    parameters: dict[str, DraftParameter] = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)
    repeat: int | None = None
    derive: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    measure: str = "exclusive"
    is_workflow: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def declare(self, key: str, parameter: DraftParameter) -> str:
        """Add a parameter under an unused name that is similar to the key, and return the name."""
        aliases = (alias for known in self.parameters.values() for alias in known.aliases)
        taken = {*self.parameters, *TAKEN, *aliases}
        name = free_name(key, taken)
        if key and name != key and key not in taken:
            parameter.aliases.append(key)
        self.parameters[name] = parameter
        return name

    def study_text(self) -> str:
        """Return the text of the study file."""
        parts = [
            comment(f"Made by `fairmesh import {self.origin}`. `fairmesh plan` lists the experiments."),
            dump_yaml({"study": self.name, "title": self.title, "application": f"../../{self.name}"}),
            comment("The axes, which are crossed. To vary another parameter of application.yaml, name it here."),
            "parameters:\n" if self.axes else "parameters: {}\n",
            *(f"  {_axis(name, values)}" for name, values in self.axes.items()),
        ]
        if self.repeat is not None:
            parts += [f"{REPEAT}: {self.repeat}\n"]
        if self.derive:
            parts += [
                comment("Resources and parameters that are computed from the axes."),
                dump_yaml({"derive": self.derive}),
            ]
        parts += [
            comment("`exclusive`: one experiment at a time with all cores; `shared`: as many as there are cores.")
        ]
        return "".join([*parts, f"measure: {self.measure}\n"])

    def application_text(self, command: list[str] | None, has_template: bool) -> str:
        """Return the text of application.yaml.

        Parameters
        ----------
        command : list of str, optional
            The experiment's command, if no stage has it.
        has_template : bool
            Whether there is a job.sh.jinja.
        """
        parts = [
            comment(f"Made by `fairmesh import {self.origin}`: the program and its parameters."),
            dump_yaml({"name": self.name, "title": self.title}),
            comment("Raise the version when the program changes, so that its experiments run again."),
            dump_yaml({"version": "1"}),
        ]
        if command is not None:
            parts += [comment("Each value is an argument of its own."), dump_yaml({"command": command})]
        if self.stages:
            parts += [comment("Each stage runs once, after those that it needs; the last one is the experiment.")]
            parts += [dump_yaml({"stages": self.stages})]
        parts += [
            comment("The types follow from the values. Add `minimum`, `maximum`, `enum` and `unit` to catch mistakes."),
            dump_yaml({"parameters": {name: parameter.to_yaml() for name, parameter in self.parameters.items()}}),
            *self._metrics(),
        ]
        if self.resources:
            parts += [comment("The resources of each experiment, under Snakemake's names.")]
            parts += [dump_yaml({"resources": self.resources})]
        if has_template:
            parts += [comment("Lines that job.sh has in addition."), dump_yaml({"template": TEMPLATE})]
        return "".join(parts)

    def _metrics(self) -> Iterator[str]:
        yield comment("The numbers that the program writes to metrics.json in its working folder. Declare each:")
        if self.is_workflow:
            yield comment("The last node writes `finished` (1) when it succeeds, unless a node has written the file.")
        yield comment('  accuracy: {title: Accuracy, unit: "1", better: higher, primary: true}')
        yield "metrics: {}\n"


def free_name(key: str, taken: Collection[str]) -> str:
    """Return an unused identifier that is similar to a key.

    >>> free_name("fit-verbose", []), free_name("gpu", ["gpu"]), free_name("2nd", [])
    ('fit_verbose', 'gpu_value', 'n_2nd')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_")[:80] or "value"
    name = name if name[0].isalpha() else f"n_{name}"
    return unused(f"{name}_value" if name in taken else name, taken)


def unused(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number if it is taken.

    >>> unused("a", ["a", "a_2"])
    'a_3'
    """
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def comment(text: str) -> str:
    """Return a line of comment; characters that could end it early are replaced."""
    return "# " + "".join(character if character.isprintable() else "?" for character in text) + "\n"


def literal(text: str) -> str:
    """Return a text for a Jinja2 template that yields it unchanged.

    >>> print(literal("echo ${#list[@]} {{"))
    echo ${{ '{#' }}list[@]} {{ '{{' }}
    """
    return re.sub(r"\{[{%#]", lambda match: f"{{{{ '{match[0]}' }}}}", text)


def template_text(header: Iterable[str]) -> str:
    """Return the text of job.sh.jinja, with further lines for the scheduler."""
    lines = ['{% extends "parent" %}', "{% block header %}", "{{ super() }}", *header, "{% endblock %}"]
    return "".join(f"{line}\n" for line in lines)


def last_node_text(file: str, interpreter: str) -> str:
    """Return the script that ends a workflow: it runs the last node, if any, and writes a metric if there is none."""
    call = f'{interpreter} "$FAIRMESH_APPLICATION/{file}" || exit\n' if file else ""
    return (
        "#!/usr/bin/env bash\n"
        + comment("The end of the workflow. fairmesh reads metrics.json: write your own numbers to it.")
        + call
        + "[ -e metrics.json ] || echo '{\"finished\": 1}' > metrics.json\n"
    )


def _axis(name: str, values: Sequence[Any]) -> str:
    texts = [_flow(value) for value in values]
    if len(texts) == 1 and not isinstance(values[0], list | dict):
        return f"{name}: {texts[0]}\n"
    line = f"{name}: [{', '.join(texts)}]\n"
    return line if len(line) <= WIDEST else f"{name}:\n" + "".join(f"    - {text}\n" for text in texts)


def _flow(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return dump_yaml(value).rstrip("\n")

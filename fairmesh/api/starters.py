"""Files of ``fairmesh new``: a study with all parameters of its application, or an application that runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem, place
from fairmesh.files import canonical_json, write_new
from fairmesh.installed import installed
from fairmesh.names import number_text
from fairmesh.project import STUDIES
from fairmesh.schema import Node, dump_yaml, load_yaml
from fairmesh.schema.model import check_model
from fairmesh.study import load_plan
from fairmesh.study.application import Application, Parameter
from fairmesh.study.cloudmesh import is_cloudmesh
from fairmesh.study.find import APPLICATION, find_application, find_study
from fairmesh.study.studyfile import StudyFile
from fairmesh.study.validation import load_application

LANGUAGES: dict[str, tuple[str, str, str]] = {
    "python": ("main.py", "progress.py", "python3"),
    "shell": ("main.sh", "progress.sh", "bash"),
}
"""By language: the program, the helper that reports progress, and the interpreter."""
_SEPARATORS = {*",[]"}  # in a text outside of a list, they separate values
STARTER_FILES = Path(__file__).parent / "starter_files"
_PROGRESS = "examples/progress"
SCHEMA = "workflow/schemas/study.schema.json"
_COMMENTS = 34  # the column in which remarks begin
_WIDTH = 120  # columns of a line with its remark


def new_study(name: str, application: str, root: Path) -> Path:
    """Write a study of an application with all of its parameters, most of them as comments.

    Raises
    ------
    InputError
        If the name is not valid or exists already, or there is no such application.
    """
    _check_name(name)
    loaded = load_application(
        find_application(Node(application, text=application, source="--application"), root / STUDIES / "new.yaml", root)
    )
    return _write(root / STUDIES / f"{name}.yaml", _schema_line(root) + study_text(name, application, loaded))


def new_from(name: str, other: str, root: Path) -> Path:
    """Write a copy of a study under another name, with its comments.

    Raises
    ------
    InputError
        If the name is not valid or exists already, or with all mistakes of the other study.
    """
    _check_name(name)
    path = find_study(other, root)
    node = load_yaml(path)
    if is_cloudmesh(node):
        raise InputError([Problem(f"{other} is a Cloudmesh file; convert it with `fairmesh import`", "--from")])
    load_plan(path, root, "local")
    target = root / STUDIES / f"{name}.yaml"
    changed = {"study": name}
    application = node.entries["application"]
    named = application.text or str(application.value)
    if "/" in named and (path.parent / named).exists():
        changed["application"] = os.path.relpath(path.parent / named, target.parent)
    return _write(target, _with_values(path.read_text(encoding="utf-8"), node, changed))


def new_application(name: str, language: str, root: Path) -> list[Path]:
    """Write an application that runs, and a study of it.

    Raises
    ------
    InputError
        If the name is not valid or exists already.
    """
    _check_name(name)
    folder, study = root / name, root / STUDIES / f"{name}.yaml"
    for path in (folder, study):
        if os.path.lexists(path):
            raise _taken(path)
    written = [_write(folder / file, text) for file, text in program_files(name, language).items()]
    return [*written, new_study(name, name, root)]


def program_files(name: str, language: str) -> dict[str, str]:
    """Return the files of an application that runs, by their name: description, program, and helper for progress.

    Parameters
    ----------
    name : str
        The name of the application.
    language : str
        One of ``LANGUAGES``.
    """
    program, progress, starter = LANGUAGES[language]
    command = f"""[{starter}, "{{{{ application }}}}/{program}", "{{{{ darts }}}}", "{{{{ seed }}}}"]"""
    return {
        APPLICATION: starter_file(f"{APPLICATION}.in").format(name=name, command=command),
        program: starter_file(f"{program}.in"),
        progress: installed(f"{_PROGRESS}/{progress}").read_text(encoding="utf-8"),
    }


def starter_file(name: str) -> str:
    """Return the text of a file to start from, by its path among these files."""
    return (STARTER_FILES / name).read_text(encoding="utf-8")


def _check_name(name: str) -> None:
    _, problems = check_model(StudyFile, Node.from_value({"study": name, "application": "any"}), "NAME")
    if problems:
        raise InputError(problems)


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, text)
    except FileExistsError:
        raise _taken(path) from None
    return path


def _taken(path: Path) -> InputError:
    return InputError([Problem(f"{place(path)} exists already; choose another name", "NAME")])


def _schema_line(root: Path) -> str:
    """Return the comment that names the schema of studies to editors, if the project has it."""
    return f"# yaml-language-server: $schema=../../{SCHEMA}\n" if (root / SCHEMA).is_file() else ""


def _with_values(text: str, node: Node, values: dict[str, str]) -> str:
    """Return the text of a file with other values for some keys, each on one line."""
    lines = text.splitlines(keepends=True)
    for key, value in values.items():
        index = node.keys[key][0] - 1
        remark = lines[index].partition(" #")[2].strip()
        lines[index] = dump_yaml({key: value}).rstrip("\n") + (f"  # {remark}" if remark else "") + "\n"
    return "".join(lines)


def study_text(name: str, application: str, loaded: Application) -> str:
    """Return a study of an application with all of its parameters, most of them as comments.

    Parameters
    ----------
    name, application : str
        The name of the study, and how it names the application.
    loaded : Application
        The application.
    """
    return "".join(_study(name, application, loaded))


def _study(name: str, application: str, loaded: Application) -> Iterator[str]:
    yield f"# `fairmesh plan {name}` shows what this comes to, `fairmesh run {name}` runs it.\n"
    yield dump_yaml({"study": name})
    yield _commented(dump_yaml({"title": name}), "what people read")
    yield dump_yaml({"application": application})
    if loaded.parameters:
        yield "# What varies: a list is an axis, such as [1, 2]; so is a range, such as {from: 1, to: 9, step: 2}.\n"
        yield "# Axes are crossed. What is not named takes its default; remove a # to make a line count.\n"
        yield "parameters:\n"
        shown = _example_axis(loaded)
        for key, parameter in loaded.parameters.items():
            yield _parameter(key, parameter, shown)
    seed = f"; {loaded.seed} follows" if loaded.seed else ""
    yield _commented("# repeat: 5\n", f"measure each experiment so many times{seed}")
    yield _commented("measure: exclusive\n", "one at a time with all cores; or shared")


def _example_axis(application: Application) -> str:
    """Return the parameter for the first axis: if possible a number, neither the seed nor used by shared stages."""
    shared = {name for stage in application.shared_stages.values() for name in stage.uses}
    numbers = [
        name
        for name, parameter in application.parameters.items()
        if parameter.type in {"integer", "number"} and not parameter.seed
    ]
    return next(iter([*(name for name in numbers if name not in shared), *numbers, *application.parameters]))


def _parameter(name: str, parameter: Parameter, shown: str) -> str:
    """Return the line of a parameter, a comment unless it is required, with unit, limits and description."""
    counts = name == shown or not parameter.has_default
    value = parameter.default if parameter.has_default else _sample(parameter)
    plain = (
        canonical_json(value) if isinstance(value, list | dict) else dump_yaml({name: value}).strip().partition(": ")[2]
    )
    as_list = name == shown or isinstance(value, list | dict) or (isinstance(value, str) and _SEPARATORS & {*value})
    line = f"  {'' if counts else '# '}{name}: {f'[{plain}]' if as_list else plain}\n"
    unit = "" if parameter.unit == "1" else parameter.unit
    sentence = " ".join(parameter.description.split()).partition(". ")[0].rstrip(".")
    missing = "" if parameter.has_default else "has no default"
    return _commented(line, "; ".join(filter(None, (unit, missing, _limits(parameter), sentence))))


def _sample(parameter: Parameter) -> Any:
    """Return a valid value for a parameter without a default."""
    if parameter.enum:
        return parameter.enum[0]
    kind = parameter.type if isinstance(parameter.type, str) else parameter.type[0]
    if kind in {"integer", "number"}:
        low = parameter.minimum if parameter.minimum is not None else (parameter.exclusive_minimum or 0) + 1
        return int(low) if kind == "integer" else low
    return {"string": "text", "boolean": False, "array": [], "object": {}}.get(kind)


def _limits(parameter: Parameter) -> str:
    """Return the allowed values, in words."""
    if parameter.enum:
        return "one of " + ", ".join(
            value if isinstance(value, str) else canonical_json(value) for value in parameter.enum
        )
    limits = (
        ("at least", parameter.minimum),
        ("above", parameter.exclusive_minimum),
        ("at most", parameter.maximum),
        ("below", parameter.exclusive_maximum),
    )
    return " and ".join(f"{word} {number_text(limit)}" for word, limit in limits if limit is not None)


def _commented(line: str, words: str) -> str:
    """Return a line with a comment behind it, cut at the width."""
    whole = f"{line.rstrip():{_COMMENTS}}  # {words}" if words else line.rstrip()
    return f"{whole if len(whole) <= _WIDTH else whole[: _WIDTH - 1] + '…'}\n"

"""Read configuration files of Cloudmesh's experiment executor (``cms ee``) as studies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.schema import Node, unquote
from fairmesh.schema.wording import describe_value
from fairmesh.study.application import Application, Parameter, Stage, Type
from fairmesh.study.find import find_application
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.study.plan import Plan
from fairmesh.study.references import EXPERIMENT, References
from fairmesh.study.studyfile import RESERVED
from fairmesh.study.validation import ALGEBRA, load_application
from fairmesh.study.values import FRAMEWORK_AXES, GPU

APPLICATION = "application"


@dataclass(frozen=True)
class CloudmeshStudy:
    """A Cloudmesh file, converted to a study.

    Parameters
    ----------
    node : Node
        The study, with the positions of the file.
    application : Application
        The application, with the parameters that the file adds.
    warnings : list of str
        Warnings for the user.
    """

    node: Node
    application: Application
    warnings: list[str]


def is_cloudmesh(node: Node) -> bool:
    """Return whether a file is a Cloudmesh file instead of a study."""
    return EXPERIMENT in node.entries and "study" not in node.entries


def application_node(node: Node) -> Node | None:
    """Return the node that names the application, in a study or a Cloudmesh file."""
    application = node.entries.get(APPLICATION)
    return (
        application.entries.get("name")
        if application is not None and isinstance(application.value, dict)
        else application
    )


def study_name(path: Path) -> str:
    """Return the name of the study for a file.

    >>> study_name(Path("runs/config-rivanna.in.yaml"))
    'config-rivanna'
    """
    stem = re.sub(r"(\.in)?\.(ya?ml|json)$", "", path.name)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100] or "study"
    return f"{name[:94]}-study" if name.lower() in RESERVED else name


def read_cloudmesh(node: Node, path: Path, root: Path, problems: list[Problem]) -> CloudmeshStudy:
    """Read a Cloudmesh file as a study.

    Parameters
    ----------
    node : Node
        Its content.
    path : Path
        The file.
    root : Path
        The folder below which applications are found by name.
    problems : list of Problem
        Mistakes are added to it.

    Raises
    ------
    InputError
        If its application has mistakes, or the experiments are not a map.
    """
    block = node.entries[EXPERIMENT]
    if not block.entries:
        got = "an empty one" if block.value in ({}, []) else describe_value(block)
        problems.append(Problem(f"'{EXPERIMENT}' must be a map of what is varied, not {got}", block.place(path)))
        raise InputError(problems)
    references = References(node, path, problems)
    references.check()
    application, name = _application(node, path, root, references, problems)
    reader = _Reader(path, problems)
    axes = {key: reader.axis(f"{EXPERIMENT}.{key}", references.filled(value)) for key, value in block.entries.items()}
    free = [key for key in axes if key not in application.known_names and key not in (*FRAMEWORK_AXES, *ALGEBRA)]
    extra = {key: Parameter(type=_types(axes[key]), default="") for key in free}
    study = {"study": study_name(path), "title": study_name(path), APPLICATION: name or "none"}
    return CloudmeshStudy(
        replace(
            node, value={key: Node(text) for key, text in study.items()} | {"parameters": replace(block, value=axes)}
        ),
        application.model_copy(update={"parameters": {**application.parameters, **extra}}),
        [*_free(free, name, block.place(path)), *reader.warnings, *_number_of_gpus(axes, path)],
    )


def check_can_run(plan: Plan) -> None:
    """Check that the application of a plan has a command.

    Raises
    ------
    InputError
        If it has none.
    """
    if not plan.application.experiment_stage.command:
        message = "the file does not say what its experiments run, so that they can be planned and no more"
        hint = f"`fairmesh import {plan.source}` makes an application of it"
        raise InputError([Problem(f"{message}; {hint}", str(plan.source))])


def _application(
    node: Node, path: Path, root: Path, references: References, problems: list[Problem]
) -> tuple[Application, str]:
    """Return the named application and its name; if it is unknown, one without a command."""
    named = application_node(node)
    if named is not None and isinstance(named.value, str) and len(named.value) < 200:
        named = references.filled(named)
        try:
            file = find_application(named, path, root)
        except InputError:
            return _placeholder(path), ""
        try:
            application = load_application(file)
        except InputError as error:
            raise InputError([*problems, *error.problems]) from error
        return application, application.name
    return _placeholder(path), ""


def _placeholder(path: Path) -> Application:
    stages = {EXPERIMENT: Stage.model_construct(command=[])}
    return Application.model_construct(name="", version="", stages=stages, parameters={}, folder=path.parent)


class _Reader:
    """Reads the values of axes as Cloudmesh does: all are texts, and duplicates in its notation count once."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self._path, self._problems = path, problems
        self.warnings: list[str] = []

    def axis(self, key: str, node: Node) -> Node:
        """Return an axis in the form of a study."""
        if isinstance(node.value, list):
            return replace(node, value=[_without_quotes(member) for member in node.members])
        if not isinstance(node.value, str):
            return node
        if not node.value.strip():
            message = f"{key!r} has no value: an axis needs at least one"
            self._problems.append(Problem(message, node.place(self._path)))
        return self._listed(key, node) if is_notation(node.value) else node

    def _listed(self, key: str, node: Node) -> Node:
        """Expand a notation with gaps or duplicates to a list; return one with mistakes unchanged."""
        try:
            texts = expand_notation(str(node.value), gaps=True)
        except ValueError:
            return node
        distinct = list(dict.fromkeys(texts))
        twice = [repr(text) for text in distinct if texts.count(text) > 1] if len(distinct) < len(texts) else []
        for applies, what in (
            (twice, f"has {', '.join(twice)} more than once"),
            (_has_gaps(node), "has an empty part"),
        ):
            if applies:
                self.warnings.append(f"{node.place(self._path)}: {key!r} {what}; as in Cloudmesh that adds nothing")
        if not twice and not _has_gaps(node):
            return node
        return replace(node, value=[unquote(replace(node, value=text)) for text in distinct], text=None)


def _without_quotes(node: Node) -> Node:
    """Return a member of a list without quotes, which Cloudmesh ignores; ``"null"`` stays a text."""
    plain = unquote(node) if isinstance(node.value, str) else node
    return node if plain.value is None else plain


def _has_gaps(node: Node) -> bool:
    try:
        expand_notation(str(node.value))
    except ValueError:
        return True
    return False


def _types(node: Node) -> Type | list[Type]:
    """Return the types of an undeclared parameter: string, and those of lists and maps among its values."""
    kinds: list[Type] = ["string"]
    kinds += ["array"] if any(isinstance(member.value, list) for member in node.members) else []
    kinds += ["object"] if any(isinstance(member.value, dict) for member in node.members) else []
    return kinds if len(kinds) > 1 else kinds[0]


def _free(keys: Iterable[str], application: str, where: str) -> Iterator[str]:
    listed = ", ".join(keys)
    if listed:
        why = f"{application} has no such parameters" if application else "no application is known by name"
        hint = "`fairmesh import` makes an application with their types"
        yield f"{where}: {why}: {listed} are free text; {hint}"


def _number_of_gpus(axes: dict[str, Node], path: Path) -> Iterator[str]:
    node = axes.get(GPU)
    if node is not None and type(node.value) is int:
        yield f"{node.place(path)}: '{EXPERIMENT}.{GPU}' is the model of a GPU here, and {node.value} is hardly one"

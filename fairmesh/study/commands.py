"""Check the commands of an application: names must be known, and arguments must not be too long."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fairmesh.errors import Problem, nearest
from fairmesh.expressions import ExpressionError, Template, parse_template
from fairmesh.schema import Node
from fairmesh.study.application import ApplicationFile

APPLICATION = "application"  # its folder, unless a parameter has this name
_NOTHING = Node(None)
MAX_ARGUMENT = (128 << 10) - 1  # bytes of one argument: Linux' MAX_ARG_STRLEN, less the byte that ends it
_POINTER = 8  # bytes that each argument and variable takes besides its own
_PLAIN = re.compile(r"\{\{\s*\w+(?:\.\w+)?\s*\}\}")


def command_problems(content: ApplicationFile, node: Node, path: Path) -> Iterator[Problem]:
    """Yield the mistakes in the commands of an application file, each with its place.

    Parameters
    ----------
    content : ApplicationFile
        The file's keys.
    node : Node
        The file, for the places.
    path : Path
        Its path.
    """
    for key, below, known in _commands(content, node):
        for index, member in enumerate(below.members):
            for message, allowed, near in _mistakes(member, known):
                yield Problem(f"'{key}[{index}]' {message}", member.place(path), allowed, near)


def _commands(content: ApplicationFile, node: Node) -> Iterator[tuple[str, Node, list[str]]]:
    """Yield the key of each command, its node, and the names that are known in it."""
    if content.stages is None:
        yield "command", node.entries.get("command", _NOTHING), [*content.parameters, APPLICATION]
        return
    for name, stage in content.stages.items():
        below = node.entries["stages"].entries[name].entries.get("command", _NOTHING)
        parameters = content.parameters if stage is content.experiment_stage else stage.uses
        yield f"stages.{name}.command", below, [*parameters, APPLICATION, *(f"stage.{need}" for need in stage.needs)]


def _mistakes(node: Node, known: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    text = node.text if node.text is not None else str(node.value)
    try:
        names = parse_template(text).names if "{" in text else frozenset()
    except ExpressionError as error:
        yield f"cannot be filled in: {error}", "", ""
        return
    for name in sorted(names - set(known)):
        yield f"names {name!r}, which is not known there", ", ".join(known), nearest(name, known)


class CommandProblem(NamedTuple):
    """The reason why a program cannot be started with a command.

    Parameters
    ----------
    argument : int or None
        The index of the wrong argument; None if all together are too long.
    message : str
        The problem.
    """

    argument: int | None
    message: str


def find_command_problem(command: Sequence[str], parameters: Mapping[str, Any]) -> CommandProblem | None:
    """Return the reason why a program cannot be started with these parameters; None if it can.

    The folders of stages are not known yet, so their length does not count.
    """
    sizes = []
    for number, text in enumerate(command):
        try:
            argument = _filled(text, parameters)
        except ExpressionError as error:
            return CommandProblem(number, f"cannot be filled in: {error}")
        size = len(os.fsencode(argument)) if len(argument) > MAX_ARGUMENT / 4 else len(argument)  # 4 bytes a character
        if size > MAX_ARGUMENT:
            return CommandProblem(number, f"has {size:,} bytes; an argument of a program has {MAX_ARGUMENT:,} at most")
        if "\0" in argument:
            return CommandProblem(number, "contains a NUL character, which arguments cannot contain")
        sizes.append(size + 1 + _POINTER)
    if sum(sizes) <= MAX_ARGUMENT:
        return None
    inherited = sum(len(name) + len(value) + 2 + _POINTER for name, value in os.environb.items())
    limit = os.sysconf("SC_ARG_MAX") - inherited
    if sum(sizes) > limit:
        return CommandProblem(
            None, f"has {sum(sizes):,} bytes in all; a program and its environment have {limit:,} at most"
        )
    return None


def _filled(text: str, parameters: Mapping[str, Any]) -> str:
    """Fill in the parameters; return a text that is certainly short unchanged, since this is done for each point."""
    if "{" not in text:
        return text
    template, names, count = _read(text)
    if count:
        values = "".join([str(parameters.get(name, "")) for name in names])
        if len(values) * count + len(text) < MAX_ARGUMENT / 4 and "\0" not in values:
            return text
    stages = [name.partition(".")[2] for name in names if name.startswith("stage.")]
    return template({APPLICATION: "", **parameters, "stage": dict.fromkeys(stages, "")})


@cache
def _read(text: str) -> tuple[Template, list[str], int]:
    """Return the template, its names, and the number of its references; 0 if it has other expressions."""
    template = parse_template(text)
    return template, list(template.names), 0 if "{" in _PLAIN.sub("", text) else text.count("{{")

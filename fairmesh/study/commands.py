"""The commands of an application: every name in them must be a parameter, or a stage that is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fairmesh.errors import Problem, nearest
from fairmesh.expressions import ExpressionError, template
from fairmesh.study.application import ApplicationFile
from fairmesh.yaml12 import Node

_NOTHING = Node(None)


def command_problems(content: ApplicationFile, node: Node, path: Path) -> Iterator[Problem]:
    """Give the mistakes in the commands of an application file, each with its place.

    Parameters
    ----------
    content : ApplicationFile
        The file's keys.
    node : Node
        The file, for the places.
    path : Path
        Where it is.
    """
    for key, below, known in _commands(content, node):
        for at, member in enumerate(below.members):
            for message, allowed, near in _mistakes(member, known):
                yield Problem(f"'{key}[{at}]' {message}", member.place(path), allowed, near)


def _commands(content: ApplicationFile, node: Node) -> Iterator[tuple[str, Node, list[str]]]:
    """Give the key of each command, its node, and the names that are known in it."""
    if content.stages is None:
        yield "command", node.entries.get("command", _NOTHING), list(content.parameters)
        return
    for name, stage in content.stages.items():
        below = node.entries["stages"].entries[name].entries.get("command", _NOTHING)
        parameters = content.parameters if stage is content.experiment_stage else stage.uses
        yield f"stages.{name}.command", below, [*parameters, *(f"stage.{need}" for need in stage.needs)]


def _mistakes(node: Node, known: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    text = node.text if node.text is not None else str(node.value)
    try:
        names = template(text).names if "{" in text else frozenset()
    except ExpressionError as error:
        yield f"cannot be filled in: {error}", "", ""
        return
    for name in sorted(names - set(known)):
        yield f"names {name!r}, which is not known there", ", ".join(known), nearest(name, known)

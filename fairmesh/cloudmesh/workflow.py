"""A workflow of ``cms cc``: its nodes become stages, and the last one is the experiment."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from fairmesh.cloudmesh.draft import Draft, unused
from fairmesh.errors import Problem, nearest
from fairmesh.files import canonical_json
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_value
from fairmesh.study.notation import expand_notation

NODES = "nodes"
DEPENDENCIES = "dependencies"
FOLDER = "nodes"
LAST = "experiment"
"""The name of the stage that ends a workflow with several ends."""

_PLACES = ("user", "host", "kind", "venv")
_DRAWING = ("label", "label_format", "shape", "style", "status", "progress")
_INTERPRETERS = {".sh": "bash", ".bash": "bash", ".py": "python3"}


class WorkflowReader:
    """Adds the nodes of a workflow to a draft.

    Parameters
    ----------
    node : Node
        The block ``workflow``.
    folder : Path
        The folder that has its scripts.
    draft : Draft
        Gets the stages, and the scripts.
    problems : list of Problem
        Mistakes are added to it.
    """

    def __init__(self, node: Node, folder: Path, draft: Draft, problems: list[Problem]) -> None:
        self._node, self._folder, self._draft, self._problems = node, folder, draft, problems
        self._nodes = node.entries.get(NODES, Node(None)).entries

    def read(self) -> list[str]:
        """Add all nodes as stages, in order, and return the stages that no other needs."""
        if not self._nodes:
            self._note(f"'workflow.{NODES}' must be a map of nodes", self._node)
            return []
        needs = self._read_needs()
        order = self._order(needs)
        stages: dict[str, str] = {}
        for name in order:
            stages[name] = _stage_name(name, [*stages.values(), LAST])
        for name in order:
            self._add(name, stages[name], sorted(stages[need] for need in needs[name]))
        self._add_notes(stages)
        needed = set().union(*needs.values())
        return [stages[name] for name in order if name not in needed]

    def _read_needs(self) -> dict[str, set[str]]:
        """Return the nodes that each node waits for."""
        needs: dict[str, set[str]] = {name: set() for name in self._nodes}
        mentioned: set[str] = set()
        given = self._node.entries.get(DEPENDENCIES, Node([]))
        for chain in given.members if isinstance(given.value, list) else [given]:
            names = self._read_chain(chain)
            mentioned.update(names)
            for before, after in pairwise(names):
                needs[after].add(before)
        alone = [name for name in self._nodes if name not in mentioned]
        if alone:
            why = "Cloudmesh skips such nodes, and here they run"
            self._draft.notes.append(f"'workflow.{DEPENDENCIES}' does not name {', '.join(alone)}: {why}")
        return needs

    def _read_chain(self, node: Node) -> list[str]:
        """Read ``a,b,c``: each after the one before it."""
        key = f"'workflow.{DEPENDENCIES}'"
        if not isinstance(node.value, str):
            self._note(f"{key} must be a list of texts such as 'a,b,c', not {describe_value(node)}", node)
            return []
        try:
            names = expand_notation(node.value)
        except ValueError as error:
            self._note(f"{key} {error}", node)
            return []
        for name in names:
            if name not in self._nodes:
                self._note(
                    f"{key}: there is no node {name!r}", node, ", ".join(self._nodes), nearest(name, self._nodes)
                )
        return [name for name in names if name in self._nodes]

    def _order(self, needs: Mapping[str, set[str]]) -> list[str]:
        """Return the nodes, each after those that it needs, and otherwise in the file's order."""
        sorter = TopologicalSorter({name: sorted(before) for name, before in needs.items()})
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            self._note(f"'workflow.{DEPENDENCIES}' has a cycle: {circle}", self._node.entries[DEPENDENCIES])
            return []
        order: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=list(self._nodes).index)
            order += ready
            sorter.done(*ready)
        return order

    def _add(self, name: str, stage: str, needs: list[str]) -> None:
        content, suffix = self._script(name, stage)
        file = f"{FOLDER}/{stage}{suffix}"
        self._draft.files[file] = content
        command = ["bash", "-c", f'exec {_INTERPRETERS[suffix]} "$FAIRMESH_APPLICATION/{file}"']
        self._draft.stages[stage] = {"title": name, "command": command} | ({"needs": needs} if needs else {})

    def _script(self, name: str, stage: str) -> tuple[bytes, str]:
        """Return the script of a node, and the suffix that determines its interpreter."""
        node = self._nodes[name]
        given = node.entries.get("script", Node(None)).value
        source = self._folder / (str(given) if given else f"{name}.sh")
        content = _content(source) if source.suffix != ".ipynb" else None
        if content is not None:
            return content, source.suffix if source.suffix in _INTERPRETERS else ".sh"
        shell = node.entries.get("exec", Node(None)).value
        if isinstance(shell, str) and not given:
            return f"{shell}\n".encode(), ".sh"
        message = f"{str(source)!r} is missing: write {FOLDER}/{stage}.sh in its place"
        self._draft.notes.append(f"{node.source}: {message}")
        return b'echo "the script of this node was missing when the workflow was imported" >&2\nexit 1\n', ".sh"

    def _add_notes(self, stages: Mapping[str, str]) -> None:
        """Add notes on keys of nodes that stages do not have."""
        renamed = [f"{stage} for {name}" for name, stage in stages.items() if name != stage]
        if renamed:
            self._draft.notes.append(f"stages have names of small letters, digits and '_': {', '.join(renamed)}")
        for key in _PLACES:
            values = self._values(key)
            if values:
                why = "machines and profiles say where stages run"
                self._draft.notes.append(f"'{key}' of nodes ({', '.join(values)}): {why}")
        if any(key in node.entries for node in self._nodes.values() for key in _DRAWING):
            self._draft.notes.append("labels, shapes and states of nodes: `fairmesh plan --graph` draws the stages")

    def _values(self, key: str) -> list[str]:
        """Return the distinct values of a key of the nodes."""
        given = [node.entries[key] for node in self._nodes.values() if key in node.entries]
        texts = [node.value if isinstance(node.value, str) else canonical_json(node.plain()) for node in given]
        return list(dict.fromkeys(text for text in texts if text not in ("", "null")))

    def _note(self, message: str, node: Node, allowed: str = "", near: str = "") -> None:
        self._problems.append(Problem(message, node.source, allowed, near))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _stage_name(name: str, taken: Collection[str]) -> str:
    """Return the name of a stage for a node.

    >>> _stage_name("Fetch-Data", [])
    'fetch_data'
    """
    stage = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40] or "node"
    return unused(stage if stage[0].isalpha() else f"n_{stage}", taken)

"""A workflow of ``cms cc``: its nodes become stages, and what comes last is the experiment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from fairmesh.cloudmesh.draft import Draft
from fairmesh.errors import Problem, nearest
from fairmesh.files import canonical_json
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_value
from fairmesh.study.notation import expand_notation

NODES = "nodes"
DEPENDENCIES = "dependencies"
FOLDER = "nodes"
LAST = "experiment"
"""The name of the stage that ends a workflow of several ends."""

_PLACES = ("user", "host", "kind", "venv")
_DRAWING = ("label", "label_format", "shape", "style", "status", "progress")
_INTERPRETERS = {".sh": "bash", ".bash": "bash", ".py": "python3"}


class WorkflowReader:
    """Reads a workflow.

    Parameters
    ----------
    node : Node
        The block ``workflow``.
    folder : Path
        Where its scripts are.
    draft : Draft
        Gets the stages, and the scripts.
    problems : list of Problem
        Takes the mistakes.
    """

    def __init__(self, node: Node, folder: Path, draft: Draft, problems: list[Problem]) -> None:
        self._node, self._folder, self._draft, self._problems = node, folder, draft, problems
        self._nodes = node.entries.get(NODES, Node(None)).entries
        self.stages: dict[str, str] = {}  # the stage of each node

    def read(self) -> list[str]:
        """Add all nodes as stages, in order; give those that no other needs."""
        if not self._nodes:
            self._note(f"'workflow.{NODES}' must be a map of nodes", self._node)
            return []
        needs = self._needs()
        order = self._order(needs)
        for name in order:
            self.stages[name] = _stage_name(name, [*self.stages.values(), LAST])
        for name in order:
            self._add(name, sorted(self.stages[need] for need in needs[name]))
        self._tell(needs)
        needed = set().union(*needs.values())
        return [self.stages[name] for name in order if name not in needed]

    def _needs(self) -> dict[str, set[str]]:
        """Return what each node waits for."""
        needs: dict[str, set[str]] = {name: set() for name in self._nodes}
        mentioned: set[str] = set()
        given = self._node.entries.get(DEPENDENCIES, Node([]))
        for chain in given.members if isinstance(given.value, list) else [given]:
            names = self._chain(chain)
            mentioned.update(names)
            for before, after in pairwise(names):
                needs[after].add(before)
        alone = [name for name in self._nodes if name not in mentioned]
        if alone:
            why = "Cloudmesh skips such nodes, and here they run"
            self._draft.notes.append(f"'workflow.{DEPENDENCIES}' names {', '.join(alone)} nowhere: {why}")
        return needs

    def _chain(self, node: Node) -> list[str]:
        """Read ``a,b,c``: each after the one before it."""
        if not isinstance(node.value, str):
            self._note(
                f"'workflow.{DEPENDENCIES}' must be a list of texts such as 'a,b,c', not {describe_value(node)}", node
            )
            return []
        try:
            names = expand_notation(node.value)
        except ValueError as error:
            self._note(f"'workflow.{DEPENDENCIES}' {error}", node)
            return []
        for name in names:
            if name not in self._nodes:
                message = f"'workflow.{DEPENDENCIES}': there is no node {name!r}"
                self._note(message, node, ", ".join(self._nodes), nearest(name, self._nodes))
        return [name for name in names if name in self._nodes]

    def _order(self, needs: Mapping[str, set[str]]) -> list[str]:
        """Return the nodes, each after those that it needs, and otherwise in the file's order."""
        sorter = TopologicalSorter({name: sorted(before) for name, before in needs.items()})
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            self._note(f"'workflow.{DEPENDENCIES}' run in a circle: {circle}", self._node.entries[DEPENDENCIES])
            return []
        order: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=list(self._nodes).index)
            order += ready
            sorter.done(*ready)
        return order

    def _add(self, name: str, needs: list[str]) -> None:
        stage = self.stages[name]
        file, interpreter = self._script(name, stage)
        command = f'exec {interpreter} "$FAIRMESH_APPLICATION/{FOLDER}/{file}"'
        entry = {"title": name, "command": ["bash", "-c", command]}
        self._draft.stages[stage] = entry | ({"needs": needs} if needs else {})

    def _script(self, name: str, stage: str) -> tuple[str, str]:
        """Return the script of a node, which is added to the files, and what runs it."""
        node = self._nodes[name]
        given = node.entries.get("script", Node(None)).value
        source = self._folder / (str(given) if given else f"{name}.sh")
        interpreter = _INTERPRETERS.get(source.suffix, "bash")
        file = f"{stage}{source.suffix if source.suffix in _INTERPRETERS else '.sh'}"
        found = _content(source) if source.suffix != ".ipynb" else None
        shell = node.entries.get("exec", Node(None)).value
        if found is None and isinstance(shell, str) and not given:
            found, interpreter, file = f"{shell}\n".encode(), "bash", f"{stage}.sh"
        if found is None:
            what = f"{str(source)!r} is missing: write {FOLDER}/{stage}.sh in its place"
            self._draft.notes.append(f"{node.source}: {what}")
            text = 'echo "the script of this node was not there when the workflow was imported" >&2\nexit 1\n'
            found, interpreter, file = text.encode(), "bash", f"{stage}.sh"
        self._draft.files[f"{FOLDER}/{file}"] = found
        return file, interpreter

    def _tell(self, needs: Mapping[str, set[str]]) -> None:
        """Say what nodes have that stages have not."""
        renamed = [f"{stage} for {name}" for name, stage in self.stages.items() if name != stage]
        if renamed:
            self._draft.notes.append(f"stages have names of small letters, digits and '_': {', '.join(renamed)}")
        for key in _PLACES:
            values = list(dict.fromkeys(_values(self._nodes, key)))
            if values:
                why = "what runs where is said by machines and profiles, not by stages"
                self._draft.notes.append(f"'{key}' of nodes ({', '.join(values)}): {why}")
        if any(key in node.entries for node in self._nodes.values() for key in _DRAWING):
            self._draft.notes.append("labels, shapes and states of nodes: `fairmesh plan --graph` draws the stages")

    def _note(self, message: str, node: Node, allowed: str = "", near: str = "") -> None:
        self._problems.append(Problem(message, node.source, allowed, near))


def _values(nodes: Mapping[str, Node], key: str) -> Iterator[str]:
    for node in nodes.values():
        found = node.entries.get(key)
        if found is not None and found.value not in (None, ""):
            yield found.value if isinstance(found.value, str) else canonical_json(found.plain())


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _stage_name(name: str, taken: Collection[str]) -> str:
    """Return a node's name as stages have them.

    >>> _stage_name("Fetch-Data", [])
    'fetch_data'
    """
    stage = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40] or "node"
    stage = stage if stage[0].isalpha() else f"n_{stage}"
    numbered = (f"{stage}_{number}" for number in range(2, len(taken) + 3))
    return stage if stage not in taken else next(each for each in numbered if each not in taken)

"""From the nodes of a study file to its parameter space."""

from __future__ import annotations

from collections.abc import Sequence

from fairmesh.errors import Problem
from fairmesh.schema import Node
from fairmesh.schema.wording import shown
from fairmesh.study.axes import AxisReader
from fairmesh.study.settle import ALGEBRA
from fairmesh.study.space import Product, Space, Union, Zip


class SpaceReader:
    """Reads spaces: a map, whose entries are crossed; each is an axis, a product, a zip or a union of spaces.

    Parameters
    ----------
    axes : AxisReader
        Reads the axes, and collects the mistakes.
    """

    def __init__(self, axes: AxisReader) -> None:
        self._axes = axes

    def read(self, key: str, node: Node, distinct: bool = True) -> Space:
        """Read a space; what has mistakes is left out of it.

        Parameters
        ----------
        key : str
            The key that holds it.
        node : Node
            What is there.
        distinct : bool
            Whether no axis may have a value twice, as inside a zip it may.
        """
        if not isinstance(node.value, dict):
            self._axes.note(f"{key!r} must be a map of axes, or of product, zip and union, not {shown(node)}", node)
        members: list[Space] = []
        names: dict[str, str] = {}  # the key that each axis comes from
        for given, value in node.entries.items():
            where = node.key_place(self._axes.path, given)
            member = self._entry(key, given, value, where, distinct)
            if member is not None:
                members.append(member)
                self._distinct(names, f"{key}.{given}", member, where)
        return self._product(key, members, node)

    def _entry(self, key: str, given: str, value: Node, where: str, distinct: bool) -> Space | None:
        if given in ALGEBRA:
            return self._combination(f"{key}.{given}", given, value, distinct and given != "zip")
        name = self._axes.name(given, key, where)
        if name is None:
            return None
        return self._axes.axis(name, f"{key}.{given}", value, distinct)

    def _distinct(self, names: dict[str, str], key: str, member: Space, where: str) -> None:
        """Note the axes that two members of a product or zip share; they could not both choose a value."""
        for name in sorted(member.names & names.keys()):
            message = f"{key!r} has the axis {name!r}, which {names[name]!r} has already"
            self._axes.problems.append(Problem(message, where))
        names.update(dict.fromkeys(member.names, key))

    def _combination(self, key: str, kind: str, node: Node, distinct: bool) -> Space | None:
        members = self._members(key, kind, node, distinct)
        if kind == "union":
            return Union(members) if members else None
        names: dict[str, str] = {}
        for at, member in enumerate(members):
            self._distinct(names, f"{key}[{at}]", member, node.place(self._axes.path))
        if not members:
            return None
        return self._zip(key, members, node) if kind == "zip" else self._product(key, members, node)

    def _members(self, key: str, kind: str, node: Node, distinct: bool) -> list[Space]:
        """Read the list of spaces; a zip or product may also be one map of axes."""
        if kind != "union" and node.entries:
            each = [
                Node({name: value}, keys={name: node.keys.get(name, (0, 0))}) for name, value in node.entries.items()
            ]
            return [member for one in each for member in [self.read(key, one, distinct)] if member.names]
        if not node.members:
            got = "an empty one" if node.value in ([], {}) else shown(node)
            wanted = "a list of maps, each a space of its own"
            wanted += "" if kind == "union" else ", or one map of axes"
            self._axes.note(f"{key!r} must be {wanted}, not {got}", node)
        return [self.read(f"{key}[{at}]", each, distinct) for at, each in enumerate(node.members)]

    def _zip(self, key: str, members: list[Space], node: Node) -> Zip:
        where = node.place(self._axes.path)
        found = Zip(members, key, where)
        for member in members:
            beside = member.looks_at & (found.names - member.names)
            if beside:
                message = f"{key!r} pairs {_listed(member.names)} with {_listed(beside)}, from which it is computed"
                self._axes.problems.append(Problem(message, where, "a computed axis stands outside of the zip"))
        problem = found.problem([each.size() for each in members]) if found.is_fixed else None
        self._axes.problems += [problem] if problem else []
        return found

    def _product(self, key: str, members: Sequence[Space], node: Node) -> Space:
        """Cross members, those that look at others after them."""
        left, ordered = list(members), list[Space]()
        while left:
            ready = next((each for each in left if not _waits(each, left)), None)
            if ready is None:
                names = _listed(frozenset().union(*(each.names for each in left)))
                other = "each other" if len(left) > 1 else "itself"
                self._axes.note(f"{key!r} computes {names} from {other}", node)
                return Product(members)
            left.remove(ready)
            ordered.append(ready)
        return ordered[0] if len(ordered) == 1 else Product(ordered)


def _waits(space: Space, others: Sequence[Space]) -> bool:
    """Return whether a space looks at axes of others, or a computed axis at itself."""
    return any(space.looks_at & each.names for each in others)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))

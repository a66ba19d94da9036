"""The layers of fairmesh, as its imports draw them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LAYERS = (
    ("cli",),
    ("client", "monitor", "service"),
    ("workflow",),
    ("api", "fair", "site", "submission"),
    ("results",),
    ("cloudmesh", "reference", "status"),
    ("dispatch",),
    ("machines",),
    ("jobs", "study"),
    (
        "expressions",
        "extras",
        "files",
        "identifiers",
        "installed",
        "names",
        "printing",
        "project",
        "proxies",
        "stages",
        "runner",
        "schedulers",
        "target",
        "schema",
        "short_names",
        "user",
        "web",
    ),
    ("errors",),
)
"""Packages and modules of fairmesh from top to bottom: a package imports from lower layers only."""

BASE = len(LAYERS) - 2
"""The first of the two lowest layers: their members may import each other, as long as no module is in a circle."""


TRAVELING = {"runner", "schedulers", "target"}
"""Packages that are copied to machines where nothing is installed: they import each other and the standard library."""


@dataclass(frozen=True)
class Layer:
    """A package in its layer.

    Attributes
    ----------
    number : int
        1 is the lowest layer.
    purpose : str
        The first sentence of its docstring.
    imports : tuple of str
        The other packages of fairmesh that its modules import.
    """

    number: int
    package: str
    purpose: str
    imports: tuple[str, ...]


def layers(package: Path) -> list[Layer]:
    """Return the packages of fairmesh from the top layer down.

    Parameters
    ----------
    package : Path
        The folder of the package ``fairmesh``.
    """
    uses = _package_imports(import_graph(package))
    return [
        Layer(len(LAYERS) - index, name, _purpose(package, name), tuple(sorted(uses[name])))
        for index, names in enumerate(LAYERS)
        for name in names
        if name in uses
    ]


def violations(package: Path) -> list[str]:
    """Return the imports that do not go down, and a circle if there is one."""
    graph = import_graph(package)
    placed = {name for names in LAYERS for name in names}
    wrong = [f"{name} is in none of the LAYERS" for name in {*map(_top, graph)} - placed - {""}]
    wrong += [
        f"{module} imports {used}" for module, uses in graph.items() for used in uses if not _goes_down(module, used)
    ]
    try:
        TopologicalSorter({module: uses - _parents(module, uses) for module, uses in graph.items()}).prepare()
    except CycleError as error:
        wrong.append("circle: " + " -> ".join(error.args[1]))
    return sorted(wrong)


def import_graph(package: Path) -> dict[str, set[str]]:
    """Return the modules of a package, each with the modules of the package that it imports."""
    files = {module_name(path, package): path for path in package.rglob("*.py")}
    graph = {}
    for module, path in files.items():
        names = {part for name in imported_names(path, module) for part in (name, name.rpartition(".")[0])}
        graph[module] = names & files.keys() - {module}
    return graph


def imported_names(path: Path, module: str) -> Iterator[str]:
    """Yield what a module imports, at its top and inside functions, except for type checkers alone."""
    for level, source, names in _import_statements(path.read_text(encoding="utf-8")):
        parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        base = ".".join(parts[: len(parts) - level + 1]) if level else ""
        yield from (".".join(filter(None, (base, source, name))) for name in names)


def module_name(path: Path, package: Path) -> str:
    """Return the dotted name of a module from its path."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _import_statements(code: str) -> list[tuple[int, str | None, list[str]]]:
    """Return the level, the source and the names of each statement; a level of 0 is an absolute import."""
    return [
        (getattr(node, "level", 0), getattr(node, "module", None), [alias.name for alias in node.names])
        for node in _nodes(ast.parse(code))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _nodes(child)


def _package_imports(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    uses: dict[str, set[str]] = {}
    for module, imported in graph.items():
        own = _top(module)
        uses.setdefault(own, set()).update({_top(name) for name in imported} - {own, ""})
    return uses


def _top(module: str) -> str:
    """Return the package or module directly below ``fairmesh``; empty for ``fairmesh`` itself."""
    return (*module.split("."), "")[1]


def _purpose(package: Path, name: str) -> str:
    path = package / name / "__init__.py"
    docstring = ast.get_docstring(ast.parse((path if path.exists() else package / f"{name}.py").read_text()))
    return " ".join((docstring or "").partition("\n\n")[0].split())


def _parents(module: str, uses: set[str]) -> set[str]:
    """Return the packages that contain a module: Python loads them before the module itself."""
    return {used for used in uses if module.startswith(f"{used}.")}


def _goes_down(module: str, used: str) -> bool:
    upper, lower = _top(module), _top(used)
    if upper == lower:
        return True
    above, below = _index(upper), _index(lower)
    is_down = above < below or min(above, below) >= BASE
    return is_down and (upper not in TRAVELING or lower in TRAVELING)


def _index(name: str) -> int:
    """Return the place of a package in `LAYERS`; ``fairmesh`` itself, which imports names on demand, is at the base."""
    return next((index for index, names in enumerate(LAYERS) if name in names), BASE)

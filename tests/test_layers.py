"""The floors of the house: an import goes down only, and never in a circle."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "cli": 7,
    "client": 6,
    "service": 6,
    "monitor": 6,
    "api": 4,
    "workflow": 5,
    "site": 4,
    "fair": 4,
    "submission": 4,
    "results": 3,
    "status": 2,
    "cloudmesh": 2,
    "reference": 2,
    "study": 1,
    "jobs": 1,
    **dict.fromkeys(
        (
            "__init__",
            "errors",
            "expressions",
            "files",
            "schema",
            "identifiers",
            "names",
            "printing",
            "proxies",
            "runner",
            "user",
        ),
        0,
    ),
}


def imports(path: Path, module: str) -> Iterator[str]:
    """Yield what a module imports when it is loaded or called; what only type checkers read does not count."""
    for node in _nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _nodes(child)


def graph(package: Path) -> dict[str, set[str]]:
    """Return the modules of a package with the modules of it that each imports."""
    files = {_module(path, package): path for path in package.rglob("*.py")}
    return {
        module: {known for name in imports(path, module) for known in (name, name.rpartition(".")[0]) if known in files}
        - {module}
        for module, path in files.items()
    }


def _module(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def faults(package: Path) -> list[str]:
    """Return the arrows that go up, and a circle if there is one."""
    found = graph(package)
    arrows = [(module, used) for module, uses in found.items() for used in uses]
    wrong = [f"{module} imports {used}" for module, used in arrows if not _is_down(module, used)]
    try:
        TopologicalSorter({module: uses - _above(module, uses) for module, uses in found.items()}).prepare()
    except CycleError as error:
        wrong.append("circle: " + " -> ".join(error.args[1]))
    return sorted(wrong)


def _above(module: str, uses: set[str]) -> set[str]:
    """Return the packages that hold a module: importing from beside oneself loads them first anyway."""
    return {used for used in uses if module.startswith(f"{used}.")}


def _is_down(module: str, used: str) -> bool:
    upper, lower = ((*name.split("."), "__init__")[1] for name in (module, used))
    if upper == lower:
        return True
    return upper != "runner" and (FLOORS[upper] > FLOORS[lower] or FLOORS[upper] == FLOORS[lower] == 0)


def test_every_import_goes_down() -> None:
    assert faults(ROOT / "fairmesh") == []


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("results/load.py", "import fairmesh.site", "fairmesh.results.load imports fairmesh.site"),
        ("study/load.py", "from fairmesh.jobs import lookup", "fairmesh.study.load imports fairmesh.jobs.lookup"),
        ("files.py", "from fairmesh import cli", "fairmesh.files imports fairmesh.cli"),
        ("runner/owner.py", "from fairmesh import files", "fairmesh.runner.owner imports fairmesh.files"),
        ("errors.py", "def f():\n    from fairmesh import files", "circle: "),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, file: str, line: str, fault: str) -> None:
    package = tmp_path / "fairmesh"
    shutil.copytree(ROOT / "fairmesh", package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / file).open("a") as code:
        code.write(f"\n{line}\n")
    assert any(found.startswith(fault) for found in faults(package))


def test_the_application_and_the_framework_know_nothing_of_each_other() -> None:
    for package, other in (("cloudmask", "fairmesh"), ("fairmesh", "cloudmask")):
        for path in (ROOT / package).rglob("*.py"):
            names = imports(path, _module(path, ROOT / package))
            assert other not in {name.split(".")[0] for name in names}, path


def test_the_runner_imports_the_standard_library_alone() -> None:
    for path in (ROOT / "fairmesh/runner").glob("*.py"):
        for name in imports(path, _module(path, ROOT / "fairmesh")):
            assert name.split(".")[0] in {*sys.stdlib_module_names, "fairmesh"}, f"{path}: {name}"

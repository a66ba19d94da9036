"""The size of the code: modules, lines without docstrings and comments, and lengths of functions.

``python -m benchmarks.code`` prints a table for each package of the repository.
"""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("fairmesh", "cloudmask", "snakemake_logger_plugin_fairmesh", "snakemake_executor_plugin_fairmesh", "tests")
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module


@dataclass
class Size:
    """The size of a package.

    Attributes
    ----------
    lines : int
        Number of lines without blank lines, comments and docstrings.
    functions : list of int
        The number of lines of each function, from ``def`` to its end, without the docstring.
    """

    modules: int = 0
    lines: int = 0
    functions: list[int] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Add a module."""
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        code = _code_lines(source) - _docstring_lines(tree)
        self.modules += 1
        self.lines += len(code)
        self.functions += [
            len(code & {*range(node.lineno, (node.end_lineno or node.lineno) + 1)})
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]


def measure(paths: Iterable[Path]) -> Size:
    """Return the size of modules.

    Examples
    --------
    >>> measure([Path(__file__)]).modules
    1
    """
    size = Size()
    for path in paths:
        size.add(path)
    return size


def _code_lines(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {line for token in tokens if token.type not in _NO_CODE for line in range(token.start[0], token.end[0] + 1)}


def _docstring_lines(tree: ast.Module) -> set[int]:
    return {line for node in _docstrings(tree) for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        first = node.body[0] if isinstance(node, _Definition) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            yield first.value


def main() -> None:
    """Print a row for each package."""
    print(f"{'package':36} {'modules':>7} {'lines':>7}  function: median  90 %  longest")
    for package in PACKAGES:
        size = measure(sorted((ROOT / package).rglob("*.py")))
        if size.functions:
            ninth = statistics.quantiles(size.functions, n=10)[-1]
            median, longest = statistics.median(size.functions), max(size.functions)
            print(f"{package:36} {size.modules:7} {size.lines:7}  {median:16.0f} {ninth:5.0f} {longest:8}")


if __name__ == "__main__":
    main()

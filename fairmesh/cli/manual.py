"""Write the reference pages of commands, Python interface and tables of results: ``python -m fairmesh.cli.manual``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fairmesh.cli.commands import FIRST_STEPS, by_group
from fairmesh.cli.parser import HelpFormatter, build_parser, subcommands
from fairmesh.fair.columns import OWN, TELEMETRY
from fairmesh.files import write_if_changed

PAGES = Path("site/docs/reference")
PUBLIC = (
    "fairmesh",
    "fairmesh.study",
    "fairmesh.results",
    "fairmesh.results.compare",
    "fairmesh.results.machines",
    "fairmesh.results.paired",
    "fairmesh.results.statistics",
)
_QUOTED = re.compile(r"(: |-> )'([^']*)'")
_WIDTH = 98  # columns of the help texts, independent of the terminal

_CLI = """# Command line

The exit status is 0 for success, 1 for failure, 2 for wrong input and 130 after an interrupt. Errors are one line each.
`fairmesh COMMAND --help` prints the texts below; `fairmesh completion` prints a completion script for your shell.
Commands that read have the option `--json`. Color and progress bars appear only on a terminal; `NO_COLOR=1` turns color
off. `make docs` generates this page from the program.

"""
_PYTHON = """# Python

The public interface for scripts and notebooks. `make docs` generates this page from the docstrings.

```python
import fairmesh

run = fairmesh.run(fairmesh.Study.load("quick"))
run.wait()
frame = fairmesh.load_results("results/quick")
```
"""
_RESULTS = """# Tables of results

`results.csv` has a row for each experiment: the columns below, one for each parameter, and one for each metric, with
`_low` and `_high` if the program reports an interval. The record of an experiment has the same values
([Files](files.md)), and `datapackage.json` of a study has type, unit and limits of each column. `make docs` generates
this page.

## results.csv

| column | unit | meaning |
|---|---|---|
"""
_TELEMETRY = """
## telemetry.csv

A row for each sample, about one per second.

| column | type | meaning |
|---|---|---|
"""


def cli_page() -> str:
    """Return the page of the command line."""
    steps = "".join(f"{call}  # {purpose}\n" for call, purpose in FIRST_STEPS.items())
    parts = [_CLI, "| | |\n|---|---|\n"]
    groups = by_group()
    parts += [f"| {group} | {', '.join(map(_link, names))} |\n" for group, names in groups.items()]
    parts += [f"\n```bash\n{steps}```\n"]
    for group, names in groups.items():
        parts += [f"\n## {group}\n", *(part for name in names for part in _sections(name))]
    return "".join(parts)


def _link(name: str) -> str:
    return f"[{name}](#fairmesh-{name})"


def _sections(name: str) -> Iterator[str]:
    """Yield the sections of a command and of the commands below it."""
    parser = build_parser(name)[1][name]
    for section in (parser, *subcommands(parser)):
        section.formatter_class = lambda prog: HelpFormatter(prog, width=_WIDTH)
        yield f"\n### {section.prog}\n\n```text\n{section.format_help()}```\n"


def results_page() -> str:
    """Return the page of the tables of results."""
    columns = "".join(f"| `{name}` | {unit} | {text} |\n" for name, (text, unit) in OWN.items())
    samples = "".join(f"| `{name}` | {kind} | {text} |\n" for name, (kind, text) in TELEMETRY.items())
    return _RESULTS + columns + _TELEMETRY + samples


def python_page() -> str:
    """Return the page of the Python interface."""
    return "".join([_PYTHON, *(part for name in PUBLIC for part in _module(name))])


def _module(name: str) -> Iterator[str]:
    module = import_module(name)
    yield f"\n## {name}\n\n{_first_line(module)}\n"
    for public in getattr(module, "__all__", None) or _public_names(module):
        yield from _entry(public, getattr(module, public))


def _public_names(module: Any) -> list[str]:
    """Return the public functions and classes that a module defines."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def _entry(name: str, value: Any) -> Iterator[str]:
    if not callable(value) or not inspect.getdoc(value):
        return
    call = "" if inspect.isclass(value) else f"```python\n{name}{_signature(value)}\n```\n\n"
    yield f"\n### {name}\n\n{call}```text\n{inspect.getdoc(value)}\n```\n"
    if methods := list(_methods(value)):
        yield "\n| | |\n|---|---|\n" + "".join(methods)


def _methods(value: Any) -> Iterator[str]:
    """Yield a table row for each public method and property that a class defines."""
    for name, method in vars(value).items() if inspect.isclass(value) else ():
        made = getattr(method, "__func__", method)  # of a class method
        if name.startswith("_") or not inspect.getdoc(made) or not (callable(made) or isinstance(made, property)):
            continue
        call = "" if isinstance(made, property) else _signature(made).partition(" -> ")[0]
        yield f"| `{name}{call.replace('|', chr(92) + '|')}` | {_first_line(made)} |\n"


def _signature(function: Any) -> str:
    """Return a signature as in the source, where annotations are not evaluated."""
    return _QUOTED.sub(r"\1\2", str(inspect.signature(function)))


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n", 1)[0]


def main() -> None:
    """Write the pages that have changed."""
    for name, text in (("cli", cli_page()), ("python", python_page()), ("results", results_page())):
        path = Path.cwd() / PAGES / f"{name}.md"
        if write_if_changed(path, text):
            print(f"wrote {PAGES / path.name}")


if __name__ == "__main__":
    main()

"""``python -m fairmesh.cli.manual``: write the reference pages of command line, Python interface and result tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fairmesh.cli import VERBS, parser
from fairmesh.cli.groups import FIRST_STEPS
from fairmesh.cli.parsing import HelpFormatter, grouped
from fairmesh.fair.columns import OWN, TELEMETRY
from fairmesh.files import write_if_changed

PAGES = Path("site/docs/reference")
PUBLIC = (
    "fairmesh",
    "fairmesh.study",
    "fairmesh.results",
    "fairmesh.results.compare",
    "fairmesh.results.statistics",
)
_QUOTED = re.compile(r"(: |-> )'([^']*)'")
_WIDTH = 98  # columns of the help texts, whatever the terminal

_CLI = """# Command line

Every verb ends with 0 if all is good, with 1 if the work failed, with 2 if something in the input is wrong, and says in
one line what. `fairmesh VERB --help` shows what is below; `fairmesh completion` makes your shell complete all of it.
What reads has `--json`. There is colour, and a bar for long work, on a terminal only; `NO_COLOR=1` turns colour off.
This page is written by `make docs` from the program itself.

"""
_PYTHON = """# Python

What scripts and notebooks may use. This page is written by `make docs` from the docstrings.

```python
import fairmesh

run = fairmesh.run(fairmesh.Study.load("quick"))
run.wait()
frame = fairmesh.load_results("results/quick")
```
"""
_RESULTS = """# Tables of results

`results.csv` has a row for each experiment: the columns below, one for each parameter, and one for each metric, with
`_low` and `_high` where the program gives an interval. The same values are in an experiment's record
([Files](files.md)), and `datapackage.json` of a study says of every column its type, unit and limits. This page is
written by `make docs`.

## results.csv

| column | unit | meaning |
|---|---|---|
"""
_TELEMETRY = """
## telemetry.csv

A row for each sample, about one a second.

| column | type | meaning |
|---|---|---|
"""


def cli_page() -> str:
    """Return the page of the command line."""
    steps = "".join(f"{call}  # {what}\n" for call, what in FIRST_STEPS.items())
    parts = [_CLI, "| | |\n|---|---|\n"]
    groups = grouped(VERBS)
    parts += [f"| {group} | {', '.join(map(_link, verbs))} |\n" for group, verbs in groups.items()]
    parts += [f"\n```bash\n{steps}```\n"]
    for group, verbs in groups.items():
        parts += [f"\n## {group}\n", *(f"\n### fairmesh {verb}\n\n```text\n{_help(verb)}```\n" for verb in verbs)]
    return "".join(parts)


def _link(verb: str) -> str:
    return f"[{verb}](#fairmesh-{verb})"


def _help(verb: str) -> str:
    own = parser(verb)[1][verb]
    own.formatter_class = lambda prog: HelpFormatter(prog, width=_WIDTH)
    return own.format_help()


def results_page() -> str:
    """Return the page of the tables of results."""
    own = "".join(f"| `{name}` | {unit} | {text} |\n" for name, (text, unit) in OWN.items())
    samples = "".join(f"| `{name}` | {kind} | {text} |\n" for name, (kind, text) in TELEMETRY.items())
    return _RESULTS + own + _TELEMETRY + samples


def python_page() -> str:
    """Return the page of the Python interface."""
    return "".join([_PYTHON, *(part for name in PUBLIC for part in _module(name))])


def _module(name: str) -> Iterator[str]:
    module = import_module(name)
    yield f"\n## {name}\n\n{_first_line(module)}\n"
    for public in getattr(module, "__all__", None) or _own(module):
        yield from _entry(public, getattr(module, public))


def _own(module: Any) -> list[str]:
    """Return the public functions and classes that a module itself defines."""
    return [
        name
        for name, found in vars(module).items()
        if not name.startswith("_") and getattr(found, "__module__", "") == module.__name__
    ]


def _entry(name: str, found: Any) -> Iterator[str]:
    if not callable(found) or not inspect.getdoc(found):
        return
    call = "" if inspect.isclass(found) else f"```python\n{name}{_signature(found)}\n```\n\n"
    yield f"\n### {name}\n\n{call}```text\n{inspect.getdoc(found)}\n```\n"
    if methods := list(_methods(found)):
        yield "\n| | |\n|---|---|\n" + "".join(methods)


def _methods(found: Any) -> Iterator[str]:
    """Yield a row of a table for each public method and property that a class itself defines."""
    for name, method in vars(found).items() if inspect.isclass(found) else ():
        made = getattr(method, "__func__", method)  # of a class method
        if name.startswith("_") or not inspect.getdoc(made) or not (callable(made) or isinstance(made, property)):
            continue
        call = "" if isinstance(made, property) else _signature(made).partition(" -> ")[0]
        yield f"| `{name}{call.replace('|', chr(92) + '|')}` | {_first_line(made)} |\n"


def _signature(found: Any) -> str:
    """Return a signature as the source has it: its annotations are texts."""
    return _QUOTED.sub(r"\1\2", str(inspect.signature(found)))


def _first_line(found: Any) -> str:
    return (inspect.getdoc(found) or "").split("\n", 1)[0]


def main() -> None:
    """Write what has changed, and say so."""
    for name, text in (("cli", cli_page()), ("python", python_page()), ("results", results_page())):
        path = Path.cwd() / PAGES / f"{name}.md"
        if write_if_changed(path, text):
            print(f"wrote {PAGES / path.name}")


if __name__ == "__main__":
    main()

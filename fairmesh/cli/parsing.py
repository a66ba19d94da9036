"""The parser of the command line: help in groups, examples at its end, mistakes in one line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn, TypeAlias

from fairmesh.cli.groups import EXAMPLES, FIRST_STEPS, GROUPS
from fairmesh.errors import InputError, Problem, nearest

PROGRAM = "fairmesh"
DESCRIPTION = "From one study file to a published, citable benchmark."
_ENDLESS = 100_000  # columns
# An option with its value, what is in brackets (once nested), or a word.
_PART = re.compile(r"--[\w-]+ [^\s\[-]\S*|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\((?:[^()]*)\)|\S+")
_ENDS = "Exit status: 0 good, 1 the work failed, 2 something in the input is wrong."


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps the usage line itself, since each version of Python wraps it in another way."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """Add the usage line."""
        if usage is None:
            one_line = argparse.HelpFormatter(self._prog, width=_ENDLESS)
            one_line.add_usage(None, actions, groups, prefix="")
            usage = wrapped_usage(self._prog, one_line.format_help().strip(), self._width).replace("%", "%%")
        super().add_usage(usage, actions, groups, prefix)


def wrapped_usage(program: str, usage: str, width: int) -> str:
    """Wrap a usage of one line, each part whole, below the first part after the program.

    >>> print(wrapped_usage("fairmesh plan", "fairmesh plan [-h] [--first N] [--table | --json] STUDY", 44))
    fairmesh plan [-h] [--first N]
                         [--table | --json]
                         STUDY
    """
    pad = " " * len(f"usage: {program} ")
    rows = [""]
    for part in _PART.findall(usage.removeprefix(program)):
        if rows[-1] and len(f"{pad}{rows[-1]} {part}") > width:
            rows.append("")
        rows[-1] = f"{rows[-1]} {part}".lstrip()
    return f"{program} " + f"\n{pad}".join(rows)


class Parser(argparse.ArgumentParser):
    """Says a mistake in one line, with what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake."""
        raise InputError([Problem(f"{message}; `{self.prog} --help` tells more", self.prog)])


Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"


def whole(verbs: Mapping[str, str]) -> tuple[Parser, Verbs]:
    """Make the parser of everything, and what holds the parsers of verbs."""
    made = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} VERB ...",
        description=DESCRIPTION,
        epilog=overview(verbs),
        formatter_class=HelpFormatter,
    )
    made.add_argument("--version", action="store_true", help="print the version and end")
    return made, made.add_subparsers(
        prog=PROGRAM, dest="verb", metavar="VERB", help=argparse.SUPPRESS, parser_class=Parser
    )


def add_verb(verbs: Verbs, verb: str, title: str) -> Parser:
    """Add the parser of a verb."""
    return verbs.add_parser(
        verb,
        help=title,
        description=f"{title[0].upper()}{title[1:]}.",
        epilog=lines("examples", EXAMPLES.get(verb, ())),
        formatter_class=HelpFormatter,
    )


def overview(verbs: Mapping[str, str]) -> str:
    """Return the verbs by group, and the first steps."""
    width = max(map(len, verbs))
    parts = [
        lines(group, (f"{name:{width}}  {verbs[name]}" for name in names)) for group, names in grouped(verbs).items()
    ]
    longest = max(map(len, FIRST_STEPS))
    steps = lines("examples", (f"{call:{longest}}  # {what}" for call, what in FIRST_STEPS.items()))
    return "\n\n".join([*parts, steps, f"`{PROGRAM} VERB --help` tells more. {_ENDS}"])


def grouped(verbs: Iterable[str]) -> dict[str, list[str]]:
    """Return the verbs that there are, by group."""
    known = list(verbs)
    return {group: [name for name in names.split() if name in known] for group, names in GROUPS.items()}


def lines(head: str, texts: Iterable[str]) -> str:
    """Return lines below a head, as argparse sets its own."""
    return "\n".join([f"{head}:", *(f"  {text}" for text in texts)])


def unknown_verb(verb: str, verbs: Iterable[str]) -> InputError:
    """Make the error of a verb that there is not."""
    near = nearest(verb, verbs)
    hint = "" if near else f"; `{PROGRAM} --help` lists all"
    return InputError([Problem(f"there is no verb {verb!r}{hint}", PROGRAM, near=near)])


def unknown_options(verb: argparse.ArgumentParser, given: Iterable[str]) -> InputError:
    """Make the error of arguments that a verb does not take."""
    known = [option for action in verb._actions for option in action.option_strings]
    names = [each.partition("=")[0] for each in given]
    return InputError(
        Problem(
            f"there is no {'option' if name.startswith('-') else 'place for'} {name!r}",
            verb.prog,
            near=nearest(name, known),
        )
        for name in names
    )

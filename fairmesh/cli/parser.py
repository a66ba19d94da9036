"""The parser of the command line: help in groups, with examples, and errors in one line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from importlib import import_module
from keyword import iskeyword
from typing import NoReturn, TypeAlias

from fairmesh.cli.commands import COMMANDS, FIRST_STEPS, by_group
from fairmesh.cli.options import add_project
from fairmesh.errors import InputError, Problem, nearest

PROGRAM = "fairmesh"
DESCRIPTION = "From one study file to a published, citable benchmark."
_ONE_LINE = 100_000  # columns
# An option with its value, what is in brackets (once nested), or a word.
_PART = re.compile(r"--[\w-]+ [^\s\[-]\S*|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\((?:[^()]*)\)|\S+")
_WRONG_COMMAND = re.compile(r"argument COMMAND: invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)
EXIT_STATUS = "Exit status: 0 success, 1 failure, 2 wrong input, 130 interrupted."


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help formatter that wraps the usage line in the same way with every version of Python."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """Add the usage line."""
        if usage is None:
            one_line = argparse.HelpFormatter(self._prog, width=_ONE_LINE)
            one_line.add_usage(None, actions, groups, prefix="")
            usage = wrapped_usage(self._prog, one_line.format_help().strip(), self._width).replace("%", "%%")
        super().add_usage(usage, actions, groups, prefix)


def wrapped_usage(program: str, usage: str, width: int) -> str:
    """Wrap a usage line between its parts, and align them behind the program.

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
    """Argument parser whose errors are an ``InputError``."""

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        if choice := _WRONG_COMMAND.match(message):
            name, known = choice[1], choice[2].replace("'", "").split(", ")
            raise InputError([Problem(f"unknown command {name!r}", self.prog, ", ".join(known), nearest(name, known))])
        raise InputError([Problem(f"{message}; see `{self.prog} --help`", self.prog)])


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def build_parser(*names: str) -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of ``fairmesh``, and those of its commands.

    Parameters
    ----------
    *names : str
        Commands whose modules are imported to add their arguments; the others have none, which saves time.
    """
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND ...",
        description=DESCRIPTION,
        epilog=overview(),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and where it is installed")
    add_project(parser, default=None)
    commands: Commands = parser.add_subparsers(
        prog=PROGRAM, dest="command", metavar="COMMAND", help=argparse.SUPPRESS, parser_class=Parser
    )
    for name in COMMANDS:
        _add_command(commands, name, has_arguments=name in names)
    return parser, dict(commands.choices)


def _add_command(commands: Commands, name: str, has_arguments: bool) -> None:
    command = COMMANDS[name]
    parser = commands.add_parser(
        name,
        help=command.help,
        description=_sentence(command.help),
        epilog=_section("examples", command.examples),
        formatter_class=HelpFormatter,
    )
    if has_arguments:
        module = import_module(f"fairmesh.cli.{name}{'_' if iskeyword(name) else ''}")
        module.add_arguments(parser)
        add_project(parser)
        parser.set_defaults(run=module.run)


def add_subcommand(commands: Commands, name: str, help_text: str) -> Parser:
    """Add a command below a command, as ``check`` in ``fairmesh machines check``; return its parser."""
    return commands.add_parser(name, help=help_text, description=_sentence(help_text), formatter_class=HelpFormatter)


def subcommands(parser: argparse.ArgumentParser) -> list[Parser]:
    """Return the parsers of the commands below a command."""
    return [
        subparser
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for subparser in action.choices.values()
    ]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def overview() -> str:
    """Return the commands by group, and the first steps."""
    width = max(map(len, COMMANDS))
    parts = [
        _section(group, (f"{name:{width}}  {COMMANDS[name].help}" for name in names))
        for group, names in by_group().items()
    ]
    longest = max(map(len, FIRST_STEPS))
    steps = _section("examples", (f"{call:{longest}}  # {purpose}" for call, purpose in FIRST_STEPS.items()))
    return "\n\n".join([*parts, steps, f"`{PROGRAM} COMMAND --help` describes a command. {EXIT_STATUS}"])


def _section(heading: str, lines: Iterable[str]) -> str:
    """Return indented lines below a heading, in the style of argparse."""
    return "\n".join([f"{heading}:", *(f"  {line}" for line in lines)])


def unknown_command(name: str) -> InputError:
    """Return the error for an unknown command."""
    near = nearest(name, COMMANDS)
    hint = "" if near else f"; `{PROGRAM} --help` lists all"
    return InputError([Problem(f"unknown command {name!r}{hint}", PROGRAM, near=near)])


def unknown_arguments(parser: argparse.ArgumentParser, arguments: Iterable[str]) -> InputError:
    """Return the error for arguments that a command does not have."""
    known = [option for action in parser._actions for option in action.option_strings]
    names = [argument.partition("=")[0] for argument in arguments]
    return InputError(
        Problem(
            f"{'unknown option' if name.startswith('-') else 'unexpected argument'} {name!r}",
            parser.prog,
            near=nearest(name, known),
        )
        for name in names
    )

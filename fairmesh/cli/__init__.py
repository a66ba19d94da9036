"""The command line ``fairmesh``: one module for each command, imported when it is called.

Imports: everything below it. Begin with ``commands``, the table of all commands, and ``main``.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import fairmesh
from fairmesh.cli.commands import COMMANDS
from fairmesh.cli.parser import PROGRAM, build_parser, unknown_arguments, unknown_command
from fairmesh.errors import FairmeshError, InputError
from fairmesh.printing import print_lines
from fairmesh.status.launch import INTERRUPTED

PROJECT = "--project"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong input, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # escape what the encoding lacks, like standard error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except FairmeshError as error:
        print_lines(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # not handled by the command, such as a full disk
        print_lines(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 1
    return status


def _version() -> str:
    """Return the version and where it is installed, in the form of ``pip --version``."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{PROGRAM} {fairmesh.__version__} from {Path(fairmesh.__file__).parent} (Python {python})"


def _run(arguments: list[str]) -> int:
    """Run the command that the arguments name, and return its exit status."""
    name = _command(arguments)
    if name and not name.startswith("-") and name not in COMMANDS:
        raise unknown_command(name)
    parser, commands = build_parser(name)
    command = commands.get(name)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise unknown_arguments(command or parser, unknown)
    if options.version:
        print_lines(_version())
        return 0
    if command is None:
        parser.print_help(sys.stderr)
        return InputError.exit_code
    if extra := COMMANDS[name].extra:
        from fairmesh.extras import require  # noqa: PLC0415  most commands need none

        require(extra, command.prog)
    return int(options.run(options))


def _command(arguments: list[str]) -> str:
    """Return the name of the command, which only the option of the project may precede."""
    rest = iter(arguments)
    for argument in rest:
        if argument == PROJECT:
            next(rest, "")
        elif not argument.startswith(f"{PROJECT}="):
            return argument
    return ""

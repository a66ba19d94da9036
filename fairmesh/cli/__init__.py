"""The command line ``fairmesh``: one module a verb, imported when it is called."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

import fairmesh
from fairmesh.cli import parsing
from fairmesh.errors import FairmeshError, InputError
from fairmesh.printing import print_lines

INTERRUPTED = 130

VERBS = {
    "new": "write a study to begin with, or an application",
    "import": "make a study and an application of what you have in Cloudmesh",
    "check": "find all mistakes in studies, applications and configuration",
    "doctor": "look whether installation, profile, cluster and disk are in order, and say what to mend",
    "machines": "list the machines: what each has, which profile runs there, which studies do",
    "completion": "print what makes bash, zsh or fish complete fairmesh's words",
    "plan": "list the experiments of a study: how many, which, and why each would run",
    "diff": "tell how the experiments of two studies differ",
    "estimate": "tell what a study will take: hours asked for, time and energy by earlier results",
    "render": "write job folders and a script that starts them, for a machine without Snakemake",
    "run": "run a study with a profile, as snakemake --profile does",
    "retry": "run again what ended without a result",
    "reproduce": "measure a recorded result again, and tell whether it agrees",
    "status": "tell how a study stands, now or until its run ends",
    "logs": "print what experiments wrote to their logs",
    "cancel": "end experiments that run, and take those that are to come out of the run",
    "monitor": "watch and steer studies in a browser, while they run",
    "serve": "answer over HTTP: the REST service, for programs and other computers",
    "results": "show what came out: the leaderboard, or every experiment",
    "compare": "put experiments or studies side by side: what differs, and whether it is noise",
    "merge": "bring results of several machines or people into one folder",
    "site": "build the website of all results",
    "crate": "write the metadata of a study, and one archive of it for a repository",
    "fair": "assess how findable, accessible, interoperable and reusable results are",
    "publish": "make a website for the world, with crates: without logs, without names of users, hosts and folders",
    "submission": "make a folder of the best results for MLCommons Science, and check its logs",
}
"""What each verb does: ``fairmesh.cli.VERB`` (``VERB_`` for a word of Python) has its ``add_arguments`` and ``run``.

``fairmesh.cli.groups`` has the place of each in the help, and its examples.
"""


def parser(*called: str) -> tuple[argparse.ArgumentParser, dict[str, parsing.Parser]]:
    """Make the parser, and those of the verbs; only the ones that are called are imported, and have their arguments."""
    made, verbs = parsing.whole(VERBS)
    for verb, title in VERBS.items():
        own = parsing.add_verb(verbs, verb, title)
        if verb in called:
            module = import_module(f"fairmesh.cli.{verb}{'_' if iskeyword(verb) else ''}")
            module.add_arguments(own)
            own.set_defaults(run=module.run)
    return made, dict(verbs.choices)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0 good, 1 the work failed, 2 wrong input, 130 interrupted.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal's encoding lacks is escaped, as on standard error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(given)
        sys.stdout.flush()
    except FairmeshError as error:
        print_lines(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what no verb has better words for, as a full disk
        print_lines(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 1
    return status


def _run(given: list[str]) -> int:
    """Do what the arguments say."""
    called = given[0] if given else ""
    if called and not called.startswith("-") and called not in VERBS:
        raise parsing.unknown_verb(called, VERBS)
    made, verbs = parser(called)
    verb = verbs.get(called)
    arguments, rest = made.parse_known_args(given)
    if rest:
        raise parsing.unknown_options(verb or made, rest)
    if arguments.version:
        print_lines(f"{parsing.PROGRAM} {fairmesh.__version__}")
        return 0
    if verb is None:
        made.print_help(sys.stderr)
        return InputError.exit_code
    return int(arguments.run(arguments))

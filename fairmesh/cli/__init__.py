"""The command line ``fairmesh``: one module a verb, imported when it is called."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

from fairmesh.errors import FairmeshError

INTERRUPTED = 130

VERBS = {
    "plan": "list the experiments of a study: how many, which, and why each would run",
    "diff": "tell how the experiments of two studies differ",
    "run": "run a study with a profile, as snakemake --profile does",
    "status": "tell how a study stands, now or until its run ends",
    "logs": "print what experiments wrote to their logs",
    "cancel": "end experiments that run, and take those that are to come out of the run",
    "retry": "run again what ended without a result",
    "serve": "answer over HTTP: the REST service, for programs and other computers",
    "render": "write job folders and a script that starts them, for a machine without Snakemake",
    "crate": "write the metadata of a study, and one archive of it for a repository",
    "fair": "assess how findable, accessible, interoperable and reusable results are",
    "reproduce": "measure a recorded result again, and tell whether it agrees",
    "site": "build the website of all results",
    "publish": "make a website for the world, with crates: without logs, without names of users, hosts and folders",
    "submission": "make a folder of the best results for MLCommons Science, and check its logs",
    "import": "make a study and an application of what you have in Cloudmesh",
}
"""What each verb does; ``fairmesh.cli.VERB`` (``VERB_`` for a word of Python) has its ``add_arguments`` and ``run``."""


def parser(called: str) -> argparse.ArgumentParser:
    """Make the parser; only the verb that is called, which alone is imported, has its arguments."""
    made = argparse.ArgumentParser(prog="fairmesh", description="From one study file to a published benchmark.")
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, title in VERBS.items():
        own = verbs.add_parser(verb, help=title, description=f"{title[0].upper()}{title[1:]}.")
        if verb == called:
            module = import_module(f"fairmesh.cli.{verb}{'_' if iskeyword(verb) else ''}")
            module.add_arguments(own)
            own.set_defaults(run=module.run)
    return made


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
    arguments = parser(next((each for each in given if each in VERBS), "")).parse_args(given)
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
    except FairmeshError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # what no verb has better words for, as a full disk
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 1
    return status

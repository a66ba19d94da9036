"""The command line ``fairmesh``: one function a verb, each importing what it needs when it is called."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import FairmeshError

INTERRUPTED = 130


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Parameters
    ----------
    title : str
        What it does, for the help.
    arguments : callable
        Adds its arguments to a parser.
    run : callable
        Does it and gives the exit status.
    """

    title: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def find_root(start: Path) -> Path:
    """Give the nearest folder upward that has a Snakefile, or else the one that the package lies in."""
    folders = (start, *start.parents)
    return next((each for each in folders if (each / "Snakefile").is_file()), Path(__file__).resolve().parent.parent)


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="a name in config/studies, or the path of a study file")
    parser.add_argument("--machine", metavar="NAME", default="local", help="where it would run (local)")
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")
    parser.add_argument("--limit", metavar="N", type=_count, help="show the first N experiments only")


def _plan(arguments: argparse.Namespace) -> int:
    from fairmesh.study import load_plan  # noqa: PLC0415  --help stays fast

    plan = load_plan(arguments.study, find_root(Path.cwd()), arguments.machine)
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if arguments.json:
        import json  # noqa: PLC0415  --help stays fast

        content = plan.to_json()
        content["experiments"] = content["experiments"][: arguments.limit]
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return 0
    rows = [(each.id, each.key, each.fingerprint[:12]) for each in plan.experiments[: arguments.limit]]
    print(table(("id", "key", "fingerprint"), rows))
    print(f"{len(plan.experiments)} experiments of {plan.study} on {arguments.machine}")
    return 0


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns.

    >>> print(table(("id", "key"), [("epochs=1", "abc")]))
    id        key
    epochs=1  abc
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows))
    return "\n".join(lines)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


VERBS = {"plan": Verb("list the experiments of a study", _plan_arguments, _plan)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fairmesh", description="From one study file to a published benchmark.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb.arguments(verbs.add_parser(name, help=verb.title, description=verb.title.capitalize() + "."))
    return parser


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
    arguments = _parser().parse_args(argv)
    try:
        status = VERBS[arguments.verb].run(arguments)
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
    return status


if __name__ == "__main__":
    sys.exit(main())

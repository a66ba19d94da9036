"""``fairmesh submission``: write a submission to MLCommons Science."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from fairmesh.cli import options
from fairmesh.cli.output import warn_of_unreadable
from fairmesh.errors import InputError, Problem
from fairmesh.extras import install_command
from fairmesh.names import number_text
from fairmesh.printing import print_lines
from fairmesh.results import load_study
from fairmesh.study.settings import Status
from fairmesh.submission import compliance, folder, identity
from fairmesh.submission.submission import Request, Submission, gather
from fairmesh.workflow.configuration import publisher

_OPTIONS = {
    "org": ("org", "NAME", "the submitting organization"),
    "contact": ("poc_name", "NAME", "the contact for MLCommons"),
    "email": ("poc_email", "ADDRESS", "the contact's e-mail address"),
    "platform": ("platform", "NAME", "the name of the system"),
    "commit": (identity.COMMIT, "HASH", "the commit of the code (from the logs)"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results_study(parser)
    parser.add_argument(
        "--to", metavar="DIR", type=Path, required=True, help="the folder with the folders of organizations"
    )
    for name, (_, value, meaning) in _OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=value, default="", help=meaning)
    parser.add_argument("--status", choices=get_args(Status), default="", help="the availability of the system")
    parser.add_argument(
        "--descriptor", metavar="NAME", default="", help="name of the innermost folder (name of the study)"
    )
    parser.add_argument("--repository", metavar="URL", default="", help="the address of the code repository (from git)")
    parser.add_argument(
        "--pdf", metavar="FILE", type=Path, help="the description of the scientific contribution, as PDF"
    )
    parser.add_argument(
        "--reference",
        metavar="METRIC=VALUE",
        action="append",
        default=[],
        type=_reference,
        help="the value of the reference model (target of the application)",
    )
    parser.add_argument("--check", action="store_true", help="fail if the compliance checker is not installed")


def run(arguments: argparse.Namespace) -> int:
    """Write the submission, and check its logs."""
    if arguments.check and not compliance.is_installed():
        raise InputError([Problem(_missing_checker(), "--check")])
    if arguments.pdf and not arguments.pdf.is_file():
        raise InputError([Problem(f"there is no file {str(arguments.pdf)!r}", "--pdf")])
    paths = options.results_study(arguments)
    study = load_study(paths.home, paths.study)
    try:
        submission = gather(study, _request(arguments))
        written = folder.write(submission, arguments.to)
        _print(submission, written)
        failed = _check(submission, written)
    finally:
        unreadable = warn_of_unreadable(study.problems)
    return failed | unreadable


def _request(arguments: argparse.Namespace) -> Request:
    named = {key: getattr(arguments, name) for name, (key, _, _) in _OPTIONS.items()} | {"status": arguments.status}
    given = {name: text for name, text in named.items() if text}
    return Request(
        identity.of_publisher(publisher(options.optional_project(arguments))) | given,
        arguments.descriptor,
        arguments.repository,
        arguments.pdf,
        dict(arguments.reference),
    )


def _print(submission: Submission, written: Path) -> None:
    choice = submission.choice
    point, value = choice.point, number_text(choice.point.summary.mean)
    mean = f", the mean of {point.summary.n} repeats" if point.summary.n > 1 else ""
    best = f"{point.name} on {point.machine} is the best of {len(choice.ranked)}"
    print_lines(f"{best}: {choice.metric.title} {value}{mean}")
    print_lines(f"{written}: {len(choice.submitted)} logs, {folder.README}, {folder.CONFIG}, {folder.RUN}")
    for note in submission.notes:
        print_lines(f"missing: {note}", file=sys.stderr)


def _check(submission: Submission, written: Path) -> int:
    """Run the compliance checker on all logs; return 1 if one fails."""
    if not compliance.is_installed():
        print_lines(f"not checked: {_missing_checker()}", file=sys.stderr)
        return 0
    rules = compliance.rules_for(submission.code)
    failed = 0
    for log in folder.results(written):
        findings = compliance.check(log, rules)
        failed += bool(findings)
        print_lines(f"compliance checker: {log.name}: {'FAILED' if findings else 'SUCCESS'}")
        for finding in findings:
            print_lines(f"    {finding}")
    return int(failed > 0)


def _missing_checker() -> str:
    return f"the compliance checker is not installed: {install_command(['mlperf-logging'])}"


def _reference(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be METRIC=VALUE, such as accuracy=0.9, not {text!r}") from None

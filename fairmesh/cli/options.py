"""Arguments and options that several commands have, and their values."""

from __future__ import annotations

import argparse
import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.cli.output import warn_of_plan
from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_lines
from fairmesh.project import CONFIG, configured_study, find_project, is_path, project_folder
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobSelection
from fairmesh.status.launch import PROFILE
from fairmesh.status.places import find_studies, home_folder
from fairmesh.status.places import find_study as find_results

if TYPE_CHECKING:
    from fairmesh.study import Plan


NAME_HELP = "axes that tell it from other experiments (size=512,method=slices,#2), its id or key"


def count(text: str) -> int:
    """Return the number in an argument, which must be a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def add_project(parser: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    """Add the option of the project; a command keeps the value of ``fairmesh`` itself if it is not given again."""
    parser.add_argument(
        "--project",
        metavar="DIR",
        type=Path,
        default=default,
        help=f"the project folder (the nearest one upward with {CONFIG})",
    )


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the argument of a study."""
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        default="",
        help="a name in config/studies, or the path of a study file (from config.yaml)",
    )


def add_results_study(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a study with results."""
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        default="",
        help="a name; or the path of a study file, or of a results folder (from config.yaml)",
    )
    add_results(parser)


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add the option of a profile."""
    parser.add_argument(
        "--profile", metavar="PROFILE", default=PROFILE, help=f"the name or the folder of a profile ({PROFILE})"
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the option of a machine."""
    parser.add_argument("--machine", metavar="NAME", default="local", help="the machine to plan for (local)")


def add_results(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add the option of the results folder; with ``SUPPRESS``, a subcommand keeps the value of its command."""
    parser.add_argument(
        "--results", metavar="DIR", type=Path, default=default, help="the results folder (from config.yaml)"
    )


def add_listening(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options of a server."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this computer only)")
    parser.add_argument("--port", type=int, default=port, help=f"the port to listen on ({port})")
    add_results(parser)
    parser.add_argument("--token-file", metavar="FILE", type=Path, help="the token file (~/.config/fairmesh/token)")
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        dest="names",
        help="a host name under which it is reached",
    )
    parser.add_argument(
        "--root-path", metavar="PATH", default="", help="the path below which a proxy shows it, such as /fairmesh"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select experiments of a plan, or change its study."""
    parser.add_argument(
        "--where", metavar="EXPR", default="", help='only experiments for which EXPR is true: "epochs > 1"'
    )
    parser.add_argument("--part", metavar="K/N", default="", help="the K-th of N parts of the study")
    parser.add_argument("--first", metavar="N", type=count, help="the first N experiments")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        dest="settings",
        help="values that replace those in the study file: epochs=1,5",
    )


def add_experiments(parser: argparse.ArgumentParser) -> None:
    """Add the option that names experiments."""
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        action="append",
        default=[],
        dest="names",
        help="only the experiments of this point: size=512,method=slices; can be repeated",
    )


def selected_plan(arguments: argparse.Namespace, machine: str = "", uses_estimates: bool = True) -> Plan:
    """Return the plan that the arguments select, and print its warnings."""
    from fairmesh.dispatch.placed import result_finder  # noqa: PLC0415  as load_plan
    from fairmesh.study import load_plan  # noqa: PLC0415  a quarter of a second, not needed by status and logs
    from fairmesh.study.selection import PlanSelection, read_settings  # noqa: PLC0415

    chosen = study(arguments)
    settings = read_settings(arguments.settings)
    finder = cache(lambda: result_finder(results_folder(arguments)))  # most studies need none

    def has_result(*names: str) -> bool:
        return "results" in arguments and finder()(*names)

    folder = project_for(arguments, chosen)
    plan = load_plan(
        chosen,
        folder,
        machine or arguments.machine,
        settings,
        has_result=has_result,
        uses_estimates=uses_estimates,
    )
    warn_of_plan(plan)
    if plan.names_machines and not machine and arguments.machine != "local":
        warn_of_machines(plan)
    return PlanSelection(arguments.where, arguments.part, arguments.first).of(plan)


def warn_of_machines(plan: Plan) -> None:
    """Print that the option ``--machine`` changes nothing."""
    names = ", ".join(plan.machines)
    hint = "--set 'machines={each: [NAME]}' plans for another one"
    print_lines(f"warning: --machine is not used, since the study names its machines: {names}; {hint}", file=sys.stderr)


def project(arguments: argparse.Namespace) -> Path:
    """Return the project folder; it is printed once if it is not the current folder.

    Raises
    ------
    InputError
        If there is no project.
    """
    if "found_project" not in arguments:
        arguments.found_project = project_folder(arguments.project)
        if arguments.found_project != Path.cwd():
            print_lines(f"project: {arguments.found_project}", file=sys.stderr)
    found: Path = arguments.found_project
    return found


def optional_project(arguments: argparse.Namespace) -> Path | None:
    """Return the project folder, for commands that need none."""
    return project(arguments) if arguments.project or find_project() else None


def project_for(arguments: argparse.Namespace, *given: str) -> Path:
    """Return the project folder; for paths alone, which need no project, it may be the current folder."""
    needs_project = not all(map(is_path, given))
    return project(arguments) if needs_project else optional_project(arguments) or Path.cwd()


def study(arguments: argparse.Namespace) -> str:
    """Return the study in the arguments, by default from config.yaml."""
    return arguments.study or configured_study(project(arguments))


def results_folder(arguments: argparse.Namespace) -> Path:
    """Return the results folder in the arguments, by default from config.yaml."""
    return home_folder(arguments.results, partial(project, arguments))


def study_or_path(arguments: argparse.Namespace, given: str) -> Path:
    """Return the folder of the study with this name, or the file or folder with this path."""
    results = arguments.results if "results" in arguments else None
    if is_path(given) or not (results or optional_project(arguments)):
        return Path(given)
    folder = home_folder(results, partial(project, arguments)) / given
    return folder if folder.is_dir() else Path(given)


def results_study(arguments: argparse.Namespace) -> StudyPaths:
    """Return the study in the arguments, which must have results.

    Raises
    ------
    InputError
        If there is none, or the name of a study is in the place of that of an experiment.
    """
    given = [] if arguments.study else getattr(arguments, "names", [])
    for name in given:
        if not is_path(name) and StudyPaths(results_folder(arguments), name).plan.is_file():
            raise InputError([Problem(f"{name} is a study, not an experiment; name it by `--study {name}`")])
    return find_results(arguments.study, arguments.results, partial(project, arguments))


def results_studies(arguments: argparse.Namespace) -> list[StudyPaths]:
    """Return the studies in the arguments, which must have results."""
    return find_studies(arguments.study, arguments.results, partial(project, arguments))


def add_jobs(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the arguments that select a study, and experiments or stages of it."""
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"{NAME_HELP}; {purpose}")
    parser.add_argument(
        "--study", metavar="STUDY", default="", help="a name, or the path of a study file or of its results"
    )
    add_results(parser)
    parser.add_argument(
        "--where", metavar="EXPR", default="", help="only experiments for which EXPR is true: \"gpu == 'a100'\""
    )
    parser.add_argument(
        "--state", metavar="STATE", action="append", default=[], dest="states", help=f"one of {', '.join(STATES)}"
    )


def selected_jobs(arguments: argparse.Namespace) -> JobSelection:
    """Return the selection in the arguments.

    Raises
    ------
    InputError
        If a name is a study or its file: these commands have an option for the study.
    """
    for name in arguments.names:
        if name.endswith((".yaml", ".yml")):
            raise InputError([Problem(f"{name!r} is not an experiment; to name a study, write --study {name}")])
        if _is_study(name, arguments):
            raise InputError([Problem(f"{name!r} is a study, not an experiment; write --study {name}")])
    return JobSelection(tuple(arguments.names), arguments.where, tuple(arguments.states))


def _is_study(name: str, arguments: argparse.Namespace) -> bool:
    """Return whether a name is that of a study with results, and of no stage."""
    home = results_study(arguments).home
    has_results = "=" not in name and StudyPaths(home, name).plan.is_file()
    return has_results and not any(home.glob(f"stages/*/{name}*"))

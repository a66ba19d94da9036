"""The keys of ``config/config.yaml`` and ``config/machines.yaml``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.files import expand_path
from fairmesh.printing import print_lines
from fairmesh.schedulers import names
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import Count, Model, NotYet, SafeName, Text, check_model, load_model, meaning
from fairmesh.study.application import Address, Author, Doi, Email, Licence
from fairmesh.study.studyfile import CodePolicy
from fairmesh.study.values import RESOURCES, read_value
from fairmesh.study.website import Website

Status = Literal["cloud", "onprem", "preview", "research"]
Redacted = Literal["homes", "users", "hosts"]
if TYPE_CHECKING:
    SchedulerName = str
else:
    SchedulerName = Literal[("none", *names())]
_REDACTED: tuple[Redacted, ...] = ("homes", "users", "hosts")


def _true_or_false(value: object) -> object:
    """Convert ``true`` and ``false``, which ``--config`` passes as texts."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


class Contact(Model):
    """Whom to ask about the results."""

    name: Annotated[str, meaning("Given name and family name.", "Ada Example")] = ""
    email: Annotated[Email, meaning("E-mail address; it appears in submissions.", "ada@example.org")] = ""


class Funding(Model):
    """Money that the work was done with."""

    funder: Annotated[Text, meaning("Name of the funder.", "National Science Foundation")]
    url: Annotated[Address, meaning("Address of the funder, preferably its ROR.", "https://ror.org/021nxhr62")] = ""
    award: Annotated[str, meaning("Number of the grant.", "2200409")] = ""
    title: Annotated[str, meaning("Title of the grant.")] = ""


class Publisher(Model):
    """Who publishes the results."""

    title: Annotated[str, meaning("Title of the website.", "CloudMask benchmark")] = ""
    authors: Annotated[list[Author], meaning("The authors of the published results.", [{"name": "Ada Example"}])] = (
        Field(default_factory=list)
    )
    licence: Annotated[Licence, meaning("License of the results, as an SPDX identifier.", "CC-BY-4.0")] = ""
    keywords: Annotated[
        list[Text], meaning("Keywords of the results, in addition to those of the application.", ["benchmark"])
    ] = Field(default_factory=list)
    funding: Annotated[list[Funding], meaning("Grants that funded the work.", [{"funder": "NSF"}])] = Field(
        default_factory=list
    )
    access: Annotated[str, meaning("Who may access the data, in one sentence.", "Open to everybody.")] = ""
    url: Annotated[Address, meaning("Address at which the website is published.", "https://example.org/results/")] = ""
    dois: Annotated[
        dict[SafeName, Doi],
        meaning("DOIs of deposited studies, by the name of the study.", {"quick": "10.5281/zenodo.1234567"}),
    ] = Field(default_factory=dict)
    redact: Annotated[
        list[Redacted],
        meaning("What to remove from published copies: paths of homes and of the project, user names, host names."),
    ] = Field(default_factory=lambda: list(_REDACTED))
    hide: Annotated[list[Text], meaning("Further words to remove from published copies.", ["project-42"])] = Field(
        default_factory=list
    )
    logs: Annotated[bool, BeforeValidator(_true_or_false), meaning("Whether published copies contain the logs.")] = (
        False
    )
    organisation: Annotated[
        str, meaning("The organization that publishes, and that submits to MLCommons.", "University of Virginia")
    ] = ""
    organisation_url: Annotated[
        Address, meaning("Address of that organization, preferably its ROR.", "https://ror.org/0153tk833")
    ] = ""
    contact: Annotated[Contact, meaning("Contact for MLCommons: `name` and `email`.")] = Contact()
    status: Annotated[
        Status | None,
        meaning("Availability of the system, in the terms of MLCommons.", "onprem"),
    ] = None
    platform: Annotated[str, meaning("Name of the system in a submission.", "dgx-a100")] = ""


def _path(text: str) -> str:
    if not expand_path(text):
        raise ValueError("must name a folder")
    return expand_path(text)


class Finish(Model):
    """The command at the end of a run; only config/config.yaml can set it."""

    command: Annotated[
        list[Text],
        meaning(
            "Program and arguments, started without a shell; the summary is its standard input, as JSON.",
            ["notify-send", "fairmesh"],
        ),
    ] = Field(default_factory=list)
    when: Annotated[
        Literal["always", "failure"],
        meaning("When to call it: at every end of a run, or only if an experiment failed or was cancelled."),
    ] = "always"


class Requests(Model):
    """What requests to `fairmesh serve` and forms of `fairmesh monitor` may ask for."""

    points: Annotated[Count, meaning("Largest number of experiments that a requested study may have.")] = 100_000
    folders: Annotated[
        list[Text],
        meaning(
            "Folders that must contain the files which requests name; relative to the working folder. "
            "Without folders, requests cannot name files.",
            ["/data/scenes"],
        ),
    ] = Field(default_factory=list)


class Config(Model):
    """What a run of the workflow does, where it writes, and who publishes."""

    study: Annotated[
        Text, meaning("The study: a name in config/studies, or the path of a file.", "quick", "./my-study.yaml")
    ]
    results: Annotated[
        Text,
        AfterValidator(_path),
        meaning("Folder of all results. `~` and `$NAME` are replaced.", "$SCRATCH/results"),
    ] = "results"
    site: Annotated[
        Text,
        AfterValidator(_path),
        meaning("Folder of the website; each build replaces it. `~` and `$NAME` are replaced.", "~/public_html"),
    ] = "site/public"
    machine: Annotated[
        SafeName, meaning("Machine of machines.yaml where the jobs run; a profile names it in its machine.yaml.")
    ] = "local"
    publisher: Annotated[Publisher, meaning("Publisher of the results: authors, license, funding.")] = Publisher()
    website: Annotated[Website, meaning("The website: title, logo, colors, links; only this file can set them.")] = (
        Website()
    )
    finish: Annotated[Finish, meaning("Command to call at the end of a run; only this file can set it.")] = Finish()
    requests: Annotated[
        Requests,
        meaning("Limits of requests to the REST service and the monitor: `points`, `folders`."),
    ] = Requests()
    where: Annotated[str, meaning("Run only the experiments for which this expression is true.", "epochs > 1")] = ""
    first: Annotated[Count | None, meaning("Run only the first so many experiments of the plan.", 10)] = None
    part: Annotated[str, meaning("Run only part K of N: `K/N`. All N parts together are the whole plan.", "1/3")] = ""
    only: Annotated[
        str, meaning("Run only the experiments that this file lists, one id or key per line.", "failed.txt")
    ] = ""
    set: Annotated[dict[str, Any], meaning("Values that replace those of the study, by axis.", {"epochs": "1,5"})] = (
        Field(default_factory=dict)
    )
    again: Annotated[
        bool,
        BeforeValidator(_true_or_false),
        meaning("Whether the selected experiments run again that have a result, which is kept as history."),
    ] = False
    on_code_change: Annotated[
        CodePolicy,
        meaning(
            "What happens to results that were measured with other code of the application, unless the study says it: "
            "`warn` keeps them and says so, `rerun` measures again."
        ),
    ] = "warn"
    wait: Annotated[
        bool,
        BeforeValidator(_true_or_false),
        meaning("Whether to wait for another run of the same study, instead of ending at once."),
    ] = False
    scheduler_patience: Annotated[
        float,
        Field(ge=0),
        meaning("How many minutes a run waits for an answer of a scheduler that may have jobs of a killed run."),
    ] = 10
    probe: Annotated[
        bool,
        BeforeValidator(_true_or_false),
        meaning("Whether the cheapest experiment of each kind runs first, and the others only if these succeed."),
    ] = False


class Machine(Model):
    """A named place where jobs run."""

    kind: Annotated[
        Literal["local", "profile"],
        meaning("`local`: this computer. `profile`: where the executor of the profile runs jobs."),
    ]
    scheduler: Annotated[SchedulerName, meaning("Scheduler of the machine; job.sh is written for it.")] = "none"
    setup: Annotated[
        list[str], meaning("Lines of bash at the beginning of each job.", ["source /opt/tensorflow/activate"])
    ] = Field(default_factory=list)
    modules: Annotated[
        list[str], meaning("Environment modules that each job loads, before its setup.", ["cuda/12.4"])
    ] = Field(default_factory=list)
    resources: Annotated[
        dict[str, Any],
        meaning(
            "Resources of every job on this machine; those of the study, the application or the GPU take precedence.",
            {"slurm_account": "climate", "slurm_partition": "standard"},
        ),
    ] = Field(default_factory=dict)
    gpus: Annotated[
        dict[str, dict[str, Any]],
        meaning(
            "Resources that a value of the axis `gpu` stands for on this machine.",
            {"a100": {"slurm_partition": "gpu", "gres": "gpu:a100:1"}},
        ),
    ] = Field(default_factory=dict)
    unsatisfiable_jobs: Annotated[
        Literal["cancel", "wait"],
        meaning("What to do with a job that can never start, according to the scheduler."),
    ] = "cancel"
    patience: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        meaning(
            "How many minutes an experiment waits if its folder cannot be written, because the file system is "
            "unavailable or full. Its program continues.",
        ),
    ] = 10.0
    template: Annotated[
        Text | None,
        meaning(
            "Jinja2 template that extends the template of job.sh, relative to this file. `~` and `$NAME` are replaced.",
            "dgx.sh.jinja",
        ),
    ] = None
    host: NotYet = None
    base: NotYet = None
    slots: NotYet = None
    container: NotYet = None
    power: NotYet = None


def load_config(path: Path) -> Config:
    """Read the configuration file.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    return load_model(Config, load_yaml(path), path)


def load_machines(path: Path) -> dict[str, Machine]:
    """Read the machines by name.

    Raises
    ------
    InputError
        With all mistakes of the file.
    """
    node = load_yaml(path)
    for name, machine in node.entries.items():
        _rename_old_key(name, machine, path)
    machines, problems = check_model(_Machines, Node({"machines": node}, keys={"machines": (1, 1)}), path)
    if machines is not None:
        problems = [
            problem for name, machine in node.entries.items() for problem in _resource_problems(name, machine, path)
        ]
    if machines is None or problems:
        raise InputError(
            Problem(problem.message.replace("machines.", "", 1), problem.where, problem.allowed, problem.near)
            for problem in problems
        )
    return machines.machines


def _rename_old_key(name: str, machine: Node, path: Path) -> None:
    """Read the old name of a key for one version, and print a notice."""
    entries = machine.entries
    if _OLD_KEY in entries and _NEW_KEY not in entries:
        where = machine.key_place(path, _OLD_KEY)
        entries[_NEW_KEY] = entries.pop(_OLD_KEY)
        machine.keys[_NEW_KEY] = machine.keys.pop(_OLD_KEY)
        _print_notice(f"{where}: '{name}.{_OLD_KEY}' is now '{_NEW_KEY}'; the next version does not read the old key")


_OLD_KEY, _NEW_KEY = "impossible", "unsatisfiable_jobs"


@cache
def _print_notice(text: str) -> None:
    print_lines(f"notice: {text}", file=sys.stderr)


def _resource_problems(machine: str, node: Node, path: Path) -> Iterator[Problem]:
    """Yield the mistakes in the resources of a machine and of its GPUs."""
    maps = {f"gpus.{gpu}": resources for gpu, resources in node.entries.get("gpus", Node({})).entries.items()}
    maps["resources"] = node.entries.get("resources", Node({}))
    for key, resources in maps.items():
        for name, value in resources.entries.items():
            yield from _resource_problem(f"{machine}.{key}.{name}", name, value, resources.key_place(path, name), path)


def _resource_problem(key: str, name: str, value: Node, where: str, path: Path) -> Iterator[Problem]:
    if name not in RESOURCES:
        yield Problem(f"unknown resource {key!r}", where, ", ".join(RESOURCES), nearest(name, RESOURCES))
        return
    try:
        read_value(RESOURCES[name], value)
    except ValueError as error:
        yield Problem(f"{key!r} {error}", value.place(path))


MachinesByName = dict[SafeName, Machine]


class _Machines(Model):
    machines: MachinesByName

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
from fairmesh.study.values import RESOURCES, read_value

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
    email: Annotated[Email, meaning("E-mail address; a submission shows it.", "ada@example.org")] = ""


class Funding(Model):
    """Money that the work was done with."""

    funder: Annotated[Text, meaning("Who gave it.", "National Science Foundation")]
    url: Annotated[Address, meaning("Address of the funder, best its ROR.", "https://ror.org/021nxhr62")] = ""
    award: Annotated[str, meaning("Number of the grant.", "2200409")] = ""
    title: Annotated[str, meaning("Title of the grant.")] = ""


class Publisher(Model):
    """Who publishes the results."""

    title: Annotated[str, meaning("What the website is called.", "CloudMask benchmark")] = ""
    authors: Annotated[list[Author], meaning("The authors of the published results.", [{"name": "Ada Example"}])] = (
        Field(default_factory=list)
    )
    licence: Annotated[Licence, meaning("Licence of the results, as an SPDX identifier.", "CC-BY-4.0")] = ""
    keywords: Annotated[
        list[Text], meaning("Words by which the results are found, besides the application's.", ["benchmark"])
    ] = Field(default_factory=list)
    funding: Annotated[list[Funding], meaning("What the work was paid from.", [{"funder": "NSF"}])] = Field(
        default_factory=list
    )
    access: Annotated[str, meaning("Who may have the data, in a sentence.", "Open to everybody.")] = ""
    url: Annotated[Address, meaning("Address at which the website is published.", "https://example.org/results/")] = ""
    dois: Annotated[
        dict[SafeName, Doi], meaning("The DOI of a study after its deposit.", {"quick": "10.5281/zenodo.1234567"})
    ] = Field(default_factory=dict)
    redact: Annotated[
        list[Redacted],
        meaning("What a copy for others does not tell: paths of homes and of the project, user names, host names."),
    ] = Field(default_factory=lambda: list(_REDACTED))
    hide: Annotated[list[Text], meaning("Further words that a copy for others does not tell.", ["project-42"])] = Field(
        default_factory=list
    )
    logs: Annotated[bool, BeforeValidator(_true_or_false), meaning("Whether a copy for others has the logs in it.")] = (
        False
    )
    organisation: Annotated[
        str, meaning("The organization that publishes, and that submits to MLCommons.", "University of Virginia")
    ] = ""
    organisation_url: Annotated[
        Address, meaning("Address of that organization, best its ROR.", "https://ror.org/0153tk833")
    ] = ""
    contact: Annotated[Contact, meaning("Whom MLCommons may ask: `name` and `email`.")] = Contact()
    status: Annotated[
        Status | None,
        meaning("How others can get at the system, in the words of MLCommons.", "onprem"),
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
        meaning("Program and arguments, without a shell; it reads the summary as JSON.", ["notify-send", "fairmesh"]),
    ] = Field(default_factory=list)
    when: Annotated[
        Literal["always", "failure"], meaning("At every end of a run, or only if something failed or was cancelled.")
    ] = "always"


class Requests(Model):
    """What requests to `fairmesh serve` and forms of `fairmesh monitor` may ask for."""

    points: Annotated[
        Count, meaning("How many experiments a study may have that is planned for them; more are refused.")
    ] = 100_000
    folders: Annotated[
        list[Text],
        meaning(
            "Folders below which the files must lie that they name; a relative one begins at the working folder. "
            "Without any, they can name none.",
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
        meaning("Folder for everything that is measured. `~` and `$NAME` are filled in.", "$SCRATCH/results"),
    ] = "results"
    site: Annotated[
        Text,
        AfterValidator(_path),
        meaning("Folder of the website; it is replaced as a whole. `~` and `$NAME` are filled in.", "~/public_html"),
    ] = "site/public"
    machine: Annotated[
        SafeName, meaning("Where the jobs run, one of machines.yaml; a profile names it in its machine.yaml.")
    ] = "local"
    publisher: Annotated[Publisher, meaning("Who publishes, and on which terms: authors, licence, funding.")] = (
        Publisher()
    )
    finish: Annotated[Finish, meaning("The command that is called at the end of a run; only this file can set it.")] = (
        Finish()
    )
    requests: Annotated[
        Requests,
        meaning("What requests to the REST service and forms of the monitor may ask for: `points`, `folders`."),
    ] = Requests()
    where: Annotated[str, meaning("Only the experiments for which this expression is true.", "epochs > 1")] = ""
    first: Annotated[Count | None, meaning("Only so many experiments, from the beginning of the plan.", 10)] = None
    part: Annotated[str, meaning("K/N: only the K-th of N parts, which together make up the whole.", "1/3")] = ""
    only: Annotated[str, meaning("Only the experiments that this file names, an id or key a line.", "failed.txt")] = ""
    set: Annotated[
        dict[str, Any], meaning("Values in place of the study's own, by the name of the axis.", {"epochs": "1,5"})
    ] = Field(default_factory=dict)
    wait: Annotated[
        bool,
        BeforeValidator(_true_or_false),
        meaning("Whether to wait for the end of another run of the same study, rather than to end at once."),
    ] = False
    scheduler_patience: Annotated[
        float,
        Field(ge=0),
        meaning("Minutes that a run waits for a silent scheduler that may have jobs of a killed run in its queue."),
    ] = 10
    probe: Annotated[
        bool,
        BeforeValidator(_true_or_false),
        meaning("Whether the cheapest experiment of each kind runs first, and the rest only if all of these succeed."),
    ] = False


class Machine(Model):
    """A named place where jobs run."""

    kind: Annotated[Literal["local", "profile"], meaning("This computer, or what the executor of the profile reaches.")]
    scheduler: Annotated[SchedulerName, meaning("What takes jobs there; job.sh is written for it.")] = "none"
    setup: Annotated[
        list[str], meaning("Lines of bash that each job begins with.", ["source /opt/tensorflow/activate"])
    ] = Field(default_factory=list)
    modules: Annotated[
        list[str], meaning("Environment modules that each job loads, before its setup.", ["cuda/12.4"])
    ] = Field(default_factory=list)
    resources: Annotated[
        dict[str, Any],
        meaning(
            "What every job asks for there unless the study, the application or its GPU says otherwise.",
            {"slurm_account": "climate", "slurm_partition": "standard"},
        ),
    ] = Field(default_factory=dict)
    gpus: Annotated[
        dict[str, dict[str, Any]],
        meaning(
            "What a value of the axis gpu stands for there: resources by the name of the GPU.",
            {"a100": {"slurm_partition": "gpu", "gres": "gpu:a100:1"}},
        ),
    ] = Field(default_factory=dict)
    unsatisfiable_jobs: Annotated[
        Literal["cancel", "wait"],
        meaning("What happens to a job of which the scheduler says that it can never start."),
    ] = "cancel"
    patience: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        meaning(
            "Minutes that an experiment waits for its folder when that cannot be written, as its file system is away "
            "or full; its program goes on meanwhile.",
        ),
    ] = 10.0
    template: Annotated[
        Text | None,
        meaning(
            "Jinja2 file that extends the one of job.sh, relative to this file. `~` and `$NAME` are filled in.",
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

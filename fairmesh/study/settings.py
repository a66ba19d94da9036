"""The keys of ``config/config.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from fairmesh.files import expand_path
from fairmesh.schema import load_yaml
from fairmesh.schema.model import Count, Model, SafeName, Text, load_model, meaning
from fairmesh.study.application import Address, Author, Doi, Email, Licence
from fairmesh.study.studyfile import CodePolicy
from fairmesh.study.website import Website

Status = Literal["cloud", "onprem", "preview", "research"]
Redacted = Literal["homes", "users", "hosts"]
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
    person: Annotated[
        str,
        meaning(
            "Name of the author who runs the experiments, as the owner of the results; by default the only author.",
            "Ada Example",
        ),
    ] = ""
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

    @field_validator("person")
    @classmethod
    def _is_an_author(cls, name: str, info: ValidationInfo) -> str:
        authors = [author.name for author in info.data.get("authors", ())]
        if name and name not in authors:
            raise ValueError(f"must be the name of one of the authors: {', '.join(authors) or 'there are none'}")
        return name


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


def load_config(path: Path) -> Config:
    """Read the configuration file.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    return load_model(Config, load_yaml(path), path)

"""The keys of a study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from fairmesh.schema.model import Count, Identifier, Model, SafeName, Text, meaning
from fairmesh.study.containers import EXAMPLE, IMAGE, Image

CodePolicy = Literal["warn", "rerun"]
RESERVED = ("stages", "environments", "applications")


def _free(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(f"must not be {name!r}: the results folder has a folder of that name")
    return name


def _distinct(names: list[str]) -> list[str]:
    if not names:
        raise ValueError("names no machine")
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise ValueError(f"names {twice!r} twice")
    return names


Names = Annotated[
    list[SafeName], AfterValidator(_distinct), Field(json_schema_extra={"minItems": 1, "uniqueItems": True})
]


class Machines(Model):
    """Where the experiments and stages of a study run."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["each", "any"]}, "minProperties": 1})

    @property
    def is_choice(self) -> bool:
        """Whether it names the machines of the experiments."""
        return bool(self.each or self.any)

    @model_validator(mode="before")
    @classmethod
    def _explain_form(cls, content: Any) -> Any:
        """Show the form to those who wrote another one.

        Raises
        ------
        ValueError
            If the content is no map, or a key has one name in place of a list.
        """
        if not isinstance(content, dict):
            raise ValueError("must be a map such as {each: [local, dgx]} or {any: [local, dgx]}")  # noqa: TRY004
        for key in ("each", "any"):
            if isinstance(content.get(key), str):
                raise ValueError(f"must have a list for {key!r}: [{content[key]}]")  # noqa: TRY004  pydantic reports it
        return content

    each: Annotated[
        Names | None, meaning("Machines that all run every experiment, to compare them.", ["local", "dgx"])
    ] = None
    any: Annotated[
        Names | None,
        meaning(
            "Machines that share the experiments: each experiment runs on one of them, more on those with more slots.",
            ["local", "dgx"],
        ),
    ] = None
    stages: Annotated[
        dict[Identifier, SafeName],
        meaning("The machine of a shared stage; others run on the machine of the profile.", {"store": "dgx"}),
    ] = Field(default_factory=dict)


class StudyFile(Model):
    """What to run: an application, the values of its parameters, and how to measure."""

    study: Annotated[
        SafeName,
        AfterValidator(_free),
        meaning(
            "Name of the study and of its folder in the results. A file in config/studies has the same name.", "quick"
        ),
        Field(json_schema_extra={"not": {"enum": list(RESERVED)}}),
    ]
    title: Annotated[str, meaning("Title of the study on the website.", "CloudMask in minutes")] = ""
    application: Annotated[
        Text,
        meaning(
            "What to run: a folder with an application.yaml in the project, in its examples/ or tests/; the name of an "
            "installed application; or a path relative to this file.",
            "cloudmask",
            "../../examples/pi",
        ),
    ]
    parameters: Annotated[
        dict[str, Any],
        meaning(
            "The space of parameters: axes, which are crossed, and products, zips and unions of spaces.",
            {"epochs": [1, 30, 60], "gpu": "a100,v100"},
        ),
    ] = Field(default_factory=dict)
    repeat: Annotated[
        Count | None, meaning("Number of runs of each point; the application's seed increases by one each time.", 5)
    ] = None
    derive: Annotated[
        dict[str, Any],
        meaning(
            "Expressions by the name of their result: a parameter, a resource, or a name of your own that begins "
            "with _.",
            {"runtime": "30 + epochs * 8"},
        ),
    ] = Field(default_factory=dict)
    exclude: Annotated[
        list[Any],
        meaning(
            "Points to leave out: those that match all values of a map, or for which an expression is true.",
            [{"gpu": "v100", "epochs": 60}, "learning_rate > 0.005 and epochs == 1"],
        ),
    ] = Field(default_factory=list)
    include: Annotated[
        list[Any],
        meaning(
            "Spaces whose points are added at the end, even if they are excluded.", [{"epochs": 100, "gpu": "a100"}]
        ),
    ] = Field(default_factory=list)
    measure: Annotated[
        Literal["exclusive", "shared"],
        meaning(
            "`exclusive`: one experiment at a time, with all cores of its machine. "
            "`shared`: as many at a time as there are cores."
        ),
    ] = "exclusive"
    on_code_change: Annotated[
        CodePolicy | None,
        meaning(
            "What happens to results that were measured with other code of the application: `warn` keeps them and says "
            "so, `rerun` measures again. Without it, config.yaml decides."
        ),
    ] = None
    template: Annotated[
        Text | None,
        meaning(
            "Jinja2 template that extends the template of job.sh, relative to this file.", "job-with-notes.sh.jinja"
        ),
    ] = None
    container: Annotated[
        Image | None,
        meaning(f"Image of a container, in place of that of the machine or the application. {IMAGE}", EXAMPLE),
    ] = None
    machines: Annotated[
        Machines | None,
        meaning(
            "Where experiments and stages run; without it, on the machine of the profile.", {"each": ["local", "dgx"]}
        ),
    ] = None

"""The keys of ``application.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from fairmesh.model import Identifier, Many, Model, One, OneOrMany, SafeName, Text

StageName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,49}$",
        json_schema_extra={
            "patternErrorMessage": "a name of at most 50 small letters, digits and '_' that begins with a letter"
        },
    ),
]
Command = Annotated[list[Text], Field(min_length=1)]
Number = int | float


class Author(Model):
    """A person who wrote something."""

    name: Text
    orcid: str = ""
    affiliation: str = ""


class Environment(Model):
    """What the application's programs need installed."""

    conda: str = ""


Type = Literal["integer", "number", "string", "boolean", "array", "object", "null"]


def _named_null(value: Any) -> Any:
    """Take YAML's ``null`` for the type of that name."""
    return ["null" if each is None else each for each in value] if isinstance(value, list) else value


class Items(Model):
    """What the members of a list are, in the words of JSON Schema."""

    type: Literal["integer", "number", "string", "boolean"]
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = Field(None, alias="exclusiveMinimum")
    exclusive_maximum: float | None = Field(None, alias="exclusiveMaximum")
    enum: Annotated[list[Any], Field(min_length=1)] | None = None


class Parameter(Model):
    """A parameter of the application, in the words of JSON Schema."""

    type: Annotated[
        Annotated[Type, One] | Annotated[Annotated[list[Type], Field(min_length=1)], Many],
        OneOrMany,
        BeforeValidator(_named_null),
    ]
    default: Any = None
    items: Items | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = Field(None, alias="exclusiveMinimum")
    exclusive_maximum: float | None = Field(None, alias="exclusiveMaximum")
    enum: Annotated[list[Any], Field(min_length=1)] | None = None
    unit: str = ""
    description: str = ""
    aliases: list[Text] = Field(default_factory=list)
    seed: bool = False

    @property
    def json_schema(self) -> dict[str, Any]:
        """What a value must be."""
        keys = {"type", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "items"}
        schema = self.model_dump(include=keys, by_alias=True, exclude_none=True)
        return schema if self.enum is None else schema | {"enum": self.enum}  # null may be one of them

    @property
    def has_default(self) -> bool:
        """Whether a study may leave it out; null is a default too, where the type allows it."""
        return "default" in self.model_fields_set


class Stage(Model):
    """A step of the application; it runs once for each distinct combination of the parameters that it uses."""

    command: Command
    uses: list[str] = Field(default_factory=list)
    needs: list[str] = Field(default_factory=list)
    resources: dict[str, Any] = Field(default_factory=dict)
    environment: Environment = Environment()
    title: str = ""


class Metric(Model):
    """A number that the application measures."""

    title: str = ""
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    primary: bool = False
    target: float | None = None
    tolerance: Annotated[float, Field(ge=0)] | None = None
    description: str = ""


class Plot(Model):
    """The columns of a table that make a picture of it."""

    x: Text
    y: Text


class Table(Model):
    """A further CSV file that the application writes."""

    title: str = ""
    description: str = ""
    plot: Plot | None = None


class ApplicationFile(Model):
    """A program that can be benchmarked."""

    name: SafeName
    title: str = ""
    version: Text
    licence: str = ""
    authors: list[Author] = Field(default_factory=list)
    citation: str = ""
    description: str = ""
    environment: Environment = Environment()
    command: Command | None = None
    stages: Annotated[dict[StageName, Stage], Field(min_length=1)] | None = None
    parameters: dict[Identifier, Parameter] = Field(default_factory=dict)
    metrics: dict[SafeName, Metric] = Field(default_factory=dict)
    tables: dict[SafeName, Table] = Field(default_factory=dict)
    resources: dict[str, Any] = Field(default_factory=dict)
    keep: list[Text] = Field(default_factory=list)
    template: Text | None = None

    @property
    def experiment_stage(self) -> Stage:
        """The last stage, which is the experiment itself."""
        return list(self.all_stages.values())[-1]

    @property
    def shared_stages(self) -> dict[str, Stage]:
        """The stages that several experiments share, in the file's order."""
        return dict(list(self.all_stages.items())[:-1])

    @property
    def all_stages(self) -> dict[str, Stage]:
        """All stages; a `command` alone is the only one."""
        return self.stages or {"experiment": Stage(command=self.command or [])}


class Application(ApplicationFile):
    """An application whose file was found and checked.

    Parameters
    ----------
    folder : Path
        Where its ``application.yaml`` is.
    """

    folder: Path

    @property
    def seed(self) -> str | None:
        """The parameter that follows the repeat."""
        return next((name for name, parameter in self.parameters.items() if parameter.seed), None)

    @property
    def known_names(self) -> dict[str, str]:
        """The parameter of each name that a study may use: its own and its aliases."""
        own = {name: name for name in self.parameters}
        return own | {alias: name for name, parameter in self.parameters.items() for alias in parameter.aliases}

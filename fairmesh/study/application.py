"""The keys of ``application.yaml``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from fairmesh import identifiers
from fairmesh.schema.model import Identifier, Many, Model, One, OneOrMany, SafeName, Text, meaning

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


def _optional(read: Callable[[str], str]) -> AfterValidator:
    """Return a validator that normalizes a text unless it is empty."""
    return AfterValidator(lambda text: read(text) if text else text)


Address = Annotated[str, _optional(identifiers.normalize_url)]
Licence = Annotated[str, _optional(identifiers.normalize_license)]
Doi = Annotated[Text, _optional(identifiers.normalize_doi)]
Email = Annotated[str, _optional(identifiers.normalize_email)]


class Author(Model):
    """A person or an organization that wrote something."""

    name: Annotated[Text, meaning("Given name and family name, `Family, Given`, or the one name.", "Ada Example")]
    type: Annotated[
        Literal["person", "organisation"] | None,
        meaning("What it is; with `ror` an organization, else a person.", "organisation"),
    ] = None
    orcid: Annotated[
        str, _optional(identifiers.normalize_orcid), meaning("The person's ORCID.", "0000-0002-1825-0097")
    ] = ""
    ror: Annotated[
        str, _optional(identifiers.normalize_ror), meaning("The organization's ROR.", "https://ror.org/0153tk833")
    ] = ""
    affiliation: Annotated[str, meaning("Where the person works.", "University of Virginia")] = ""
    affiliation_url: Annotated[
        Address, meaning("Address of that organization, best its ROR.", "https://ror.org/0153tk833")
    ] = ""

    @field_validator("orcid", "ror")
    @classmethod
    def _goes_with_type(cls, text: str, info: ValidationInfo) -> str:
        kind = info.data.get("type")
        if text and info.field_name == "orcid" and kind == "organisation":
            raise ValueError("goes with a person; an organization has a ror")
        if text and info.field_name == "ror" and (kind == "person" or info.data.get("orcid")):
            raise ValueError("goes with an organization; a person has an orcid, and the ROR is the affiliation_url")
        return text


def _pattern(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("must be a pattern of files below this folder")
    if any("**" in part and part != "**" for part in path.parts):
        raise ValueError("must have ** as a whole name between slashes")
    return text


class Environment(Model):
    """The environment that the application's programs need."""

    conda: Annotated[str, meaning("Conda environment file, relative to this file.", "environment.yaml")] = ""


Type = Literal["integer", "number", "string", "boolean", "array", "object", "null"]


def _named_null(value: Any) -> Any:
    """Return types with the name ``null`` in place of YAML's null."""
    return ["null" if kind is None else kind for kind in value] if isinstance(value, list) else value


Minimum = Annotated[float | None, meaning("Values are at least this.", 0)]
Maximum = Annotated[float | None, meaning("Values are at most this.", 100)]
ExclusiveMinimum = Annotated[float | None, Field(alias="exclusiveMinimum"), meaning("Values are above this.", 0)]
ExclusiveMaximum = Annotated[float | None, Field(alias="exclusiveMaximum"), meaning("Values are below this.", 1)]
Choices = Annotated[
    Annotated[list[Any], Field(min_length=1)] | None, meaning("The values that are allowed.", ["adam", "sgd"])
]


class Items(Model):
    """The type and bounds of a list's members, as in JSON Schema."""

    type: Annotated[Literal["integer", "number", "string", "boolean"], meaning("What each member is.")]
    minimum: Minimum = None
    maximum: Maximum = None
    exclusive_minimum: ExclusiveMinimum = None
    exclusive_maximum: ExclusiveMaximum = None
    enum: Choices = None


class Parameter(Model):
    """A parameter of the application, described as in JSON Schema."""

    type: Annotated[
        Annotated[Type, One] | Annotated[Annotated[list[Type], Field(min_length=1)], Many],
        OneOrMany,
        BeforeValidator(_named_null),
        meaning("What its values are; a list of types allows each of them.", "integer", ["number", "null"]),
    ]
    default: Annotated[
        Any, meaning("Its value where a study names none; without a default every study must name it.", 30)
    ] = None
    items: Annotated[Items | None, meaning("With the type array: what the members are.", {"type": "integer"})] = None
    minimum: Minimum = None
    maximum: Maximum = None
    exclusive_minimum: ExclusiveMinimum = None
    exclusive_maximum: ExclusiveMaximum = None
    enum: Choices = None
    format: Annotated[
        Literal["path"] | None,
        meaning(
            "`path` where its values, or the members of its lists, name files or folders: what a request names must "
            "lie below a folder of `requests` in config/config.yaml.",
            "path",
        ),
    ] = None
    unit: Annotated[str, meaning("Unit of its values.", "pixel")] = ""
    description: Annotated[str, meaning("What it is, in a sentence.", "Passes over all training patches.")] = ""
    aliases: Annotated[list[Text], meaning("Other names that a study may use for it.", ["epoch"])] = Field(
        default_factory=list
    )
    seed: Annotated[
        bool, meaning("Whether it is the seed, which is one higher at each repeat; of one integer parameter only.")
    ] = False

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of a value."""
        keys = {"type", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "items"}
        schema = self.model_dump(include=keys, by_alias=True, exclude_none=True)
        return schema if self.enum is None else schema | {"enum": self.enum}  # null may be one of them

    @property
    def has_default(self) -> bool:
        """Whether a study may omit it; null is a default, too, if the type allows it."""
        return "default" in self.model_fields_set


class Stage(Model):
    """A step of the application; it runs once for each distinct combination of the parameters that it uses."""

    command: Annotated[
        Command,
        meaning(
            "Program and arguments, each a Jinja2 text over parameters and stage.NAME.",
            ["python", "-m", "cloudmask", "store", "--scenes", "{{ stage.scenes }}"],
        ),
    ]
    uses: Annotated[
        list[str], meaning("The parameters that it depends on; the last stage depends on all.", ["rows", "columns"])
    ] = Field(default_factory=list)
    needs: Annotated[list[str], meaning("The stages whose folders it reads.", ["scenes"])] = Field(default_factory=list)
    resources: Annotated[
        dict[str, Any], meaning("What it asks for beyond the application's resources.", {"mem_mb": 2000})
    ] = Field(default_factory=dict)
    environment: Annotated[Environment, meaning("What it needs installed.")] = Environment()
    title: Annotated[str, meaning("What people call it.", "Training and inference")] = ""


class Metric(Model):
    """A number that the application measures."""

    title: Annotated[str, meaning("What people call it.", "Accuracy")] = ""
    unit: Annotated[str, meaning("Unit of its values; 1 for a ratio.", "s")] = ""
    better: Annotated[
        Literal["higher", "lower"] | None,
        meaning("Which direction is better; without it nothing is ranked by the metric.", "higher"),
    ] = None
    primary: Annotated[
        bool, meaning("Whether it ranks the experiments; of one metric only, which cannot be optional.")
    ] = False
    optional: Annotated[
        bool, meaning("Whether metrics.json may lack it; an experiment fails that lacks another declared metric.")
    ] = False
    target: Annotated[float | None, meaning("The value to reach, in its unit.", 0.9)] = None
    tolerance: Annotated[
        Annotated[float, Field(ge=0)] | None, meaning("A difference up to this counts as none, in its unit.", 0.01)
    ] = None
    description: Annotated[str, meaning("What it measures, in a sentence.")] = ""


class Plot(Model):
    """The columns of a table that make a picture of it."""

    x: Annotated[Text, meaning("Column for the horizontal axis.", "scene")]
    y: Annotated[Text, meaning("Column for the vertical axis.", "accuracy")]


class Table(Model):
    """A further CSV file that the application writes."""

    title: Annotated[str, meaning("What people call it.", "Accuracy by scene")] = ""
    description: Annotated[str, meaning("What its rows and columns are, in a sentence.")] = ""
    plot: Annotated[Plot | None, meaning("How to draw it.", {"x": "scene", "y": "accuracy"})] = None


class ApplicationFile(Model):
    """A program that can be benchmarked."""

    name: Annotated[SafeName, meaning("Name of the application.", "cloudmask")]
    title: Annotated[str, meaning("What people call it.", "CloudMask")] = ""
    version: Annotated[Text, meaning("Its version; another version is measured anew.", "0.1.0")]
    licence: Annotated[Licence, meaning("Its licence, as an SPDX identifier.", "Apache-2.0")] = ""
    authors: Annotated[list[Author], meaning("Who wrote it.", [{"name": "Ada Example"}])] = Field(default_factory=list)
    citation: Annotated[str, meaning("How to cite it, with a DOI if it has one.")] = ""
    description: Annotated[str, meaning("What it does, in a few sentences.")] = ""
    url: Annotated[Address, meaning("Address of its code, or of a page about it.", "https://example.org/cloudmask")] = (
        ""
    )
    keywords: Annotated[list[Text], meaning("Words by which its results are found.", ["cloud mask"])] = Field(
        default_factory=list
    )
    environment: Annotated[Environment, meaning("What it needs installed.")] = Environment()
    command: Annotated[
        Command | None,
        meaning(
            "Program and arguments, each a Jinja2 text over the parameters.", ["python", "-m", "pi", "{{ darts }}"]
        ),
    ] = None
    stages: Annotated[
        Annotated[dict[StageName, Stage], Field(min_length=1)] | None,
        meaning("In place of `command`: steps by name, of which the last is the experiment itself."),
    ] = None
    parameters: Annotated[
        dict[Identifier, Parameter], meaning("What a study can vary.", {"epochs": {"type": "integer", "default": 30}})
    ] = Field(default_factory=dict)
    metrics: Annotated[
        dict[SafeName, Metric], meaning("What it writes to metrics.json.", {"accuracy": {"better": "higher"}})
    ] = Field(default_factory=dict)
    tables: Annotated[
        dict[SafeName, Table], meaning("The CSV files that it writes to tables/.", {"scenes": {"title": "By scene"}})
    ] = Field(default_factory=dict)
    resources: Annotated[
        dict[str, Any],
        meaning("What each job asks for: values, or expressions over the parameters.", {"mem_mb": "500 + 10 * width"}),
    ] = Field(default_factory=dict)
    keep: Annotated[
        list[Text], meaning("Patterns of the files to keep of an attempt; all, if there is none.", ["*.json", "*.csv"])
    ] = Field(default_factory=list)
    code: Annotated[
        list[Annotated[Text, AfterValidator(_pattern)]],
        meaning(
            "Patterns of the files that a copy for others holds, from this folder; all but environments and caches, if "
            "there is none.",
            ["*.py", "src/**"],
        ),
    ] = Field(default_factory=list)
    template: Annotated[
        Text | None, meaning("Jinja2 file that extends the one of job.sh, relative to this file.", "job.sh.jinja")
    ] = None

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
    """An application from a valid file.

    Parameters
    ----------
    folder : Path
        The folder of its ``application.yaml``.
    """

    folder: Path

    @property
    def seed(self) -> str | None:
        """The parameter that is the seed, which is higher at each repeat; None if there is none."""
        return next((name for name, parameter in self.parameters.items() if parameter.seed), None)

    @property
    def required_metrics(self) -> list[str]:
        """The metrics that each experiment must measure: all declared ones that are not optional."""
        return [name for name, metric in self.metrics.items() if not metric.optional]

    @property
    def known_names(self) -> dict[str, str]:
        """The parameter of each name that a study may use: its own and its aliases."""
        names = {name: name for name in self.parameters}
        return names | {alias: name for name, parameter in self.parameters.items() for alias in parameter.aliases}

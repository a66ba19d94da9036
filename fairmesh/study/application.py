"""The keys of ``application.yaml``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from fairmesh import identifiers
from fairmesh.schema.model import Identifier, Many, Model, One, OneOrMany, SafeName, Text, meaning
from fairmesh.study.containers import EXAMPLE, IMAGE, Image

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
        meaning(
            "`person` or `organisation`; by default a person, or an organization if there is a `ror`.", "organisation"
        ),
    ] = None
    orcid: Annotated[
        str, _optional(identifiers.normalize_orcid), meaning("The person's ORCID.", "0000-0002-1825-0097")
    ] = ""
    ror: Annotated[
        str, _optional(identifiers.normalize_ror), meaning("The organization's ROR.", "https://ror.org/0153tk833")
    ] = ""
    affiliation: Annotated[str, meaning("Organization where the person works.", "University of Virginia")] = ""
    affiliation_url: Annotated[
        Address, meaning("Address of that organization, preferably its ROR.", "https://ror.org/0153tk833")
    ] = ""

    @field_validator("orcid", "ror")
    @classmethod
    def _goes_with_type(cls, text: str, info: ValidationInfo) -> str:
        kind = info.data.get("type")
        if text and info.field_name == "orcid" and kind == "organisation":
            raise ValueError("is for persons; an organization has a ror")
        if text and info.field_name == "ror" and (kind == "person" or info.data.get("orcid")):
            raise ValueError("is for organizations; a person has an orcid, and the ROR is the affiliation_url")
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
    requirements: Annotated[
        str,
        meaning(
            "Locked packages for pip, relative to this file; `fairmesh container` writes the recipe of an image.",
            "requirements.lock",
        ),
    ] = ""
    container: Annotated[Image | None, meaning(f"Image of a container. {IMAGE}", EXAMPLE)] = None


Type = Literal["integer", "number", "string", "boolean", "array", "object", "null"]


def _named_null(value: Any) -> Any:
    """Return types with the name ``null`` in place of YAML's null."""
    return ["null" if kind is None else kind for kind in value] if isinstance(value, list) else value


Minimum = Annotated[float | None, meaning("Smallest allowed value.", 0)]
Maximum = Annotated[float | None, meaning("Largest allowed value.", 100)]
ExclusiveMinimum = Annotated[
    float | None, Field(alias="exclusiveMinimum"), meaning("Lower bound; the bound itself is not allowed.", 0)
]
ExclusiveMaximum = Annotated[
    float | None, Field(alias="exclusiveMaximum"), meaning("Upper bound; the bound itself is not allowed.", 1)
]
Choices = Annotated[Annotated[list[Any], Field(min_length=1)] | None, meaning("Allowed values.", ["adam", "sgd"])]


class Items(Model):
    """The type and bounds of a list's members, as in JSON Schema."""

    type: Annotated[Literal["integer", "number", "string", "boolean"], meaning("Type of the members.")]
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
        meaning("Type of the values; with a list, each of the types is allowed.", "integer", ["number", "null"]),
    ]
    default: Annotated[
        Any, meaning("Value if the study has none. Without a default, every study must set the parameter.", 30)
    ] = None
    items: Annotated[Items | None, meaning("Members of an array.", {"type": "integer"})] = None
    minimum: Minimum = None
    maximum: Maximum = None
    exclusive_minimum: ExclusiveMinimum = None
    exclusive_maximum: ExclusiveMaximum = None
    enum: Choices = None
    format: Annotated[
        Literal["path"] | None,
        meaning(
            "`path` if the values, or the members of lists, name files or folders. Those that a request names must "
            "lie below a folder of `requests` in config/config.yaml.",
            "path",
        ),
    ] = None
    unit: Annotated[str, meaning("Unit of the values.", "pixel")] = ""
    description: Annotated[str, meaning("Description in one sentence.", "Passes over all training patches.")] = ""
    aliases: Annotated[list[Text], meaning("Other names that studies may use for the parameter.", ["epoch"])] = Field(
        default_factory=list
    )
    seed: Annotated[
        bool,
        meaning(
            "Whether this is the seed, which increases by one with each repeat. "
            "Only one parameter, an integer, can be the seed."
        ),
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
            "Program and arguments; each is a Jinja2 template with the parameters, `application` (the folder of this "
            "file), and `stage.NAME`.",
            ["python", "-m", "cloudmask", "store", "--scenes", "{{ stage.scenes }}"],
        ),
    ]
    uses: Annotated[
        list[str], meaning("Parameters that the stage depends on; the last stage depends on all.", ["rows", "columns"])
    ] = Field(default_factory=list)
    needs: Annotated[list[str], meaning("Stages whose folders this stage reads.", ["scenes"])] = Field(
        default_factory=list
    )
    resources: Annotated[
        dict[str, Any], meaning("Resources that differ from those of the application.", {"mem_mb": 2000})
    ] = Field(default_factory=dict)
    environment: Annotated[Environment, meaning("Software that must be installed.")] = Environment()
    title: Annotated[str, meaning("Title shown instead of the name.", "Training and inference")] = ""


class Metric(Model):
    """A number that the application measures."""

    title: Annotated[str, meaning("Title shown instead of the name.", "Accuracy")] = ""
    unit: Annotated[str, meaning("Unit of the values; `1` for a ratio.", "s")] = ""
    better: Annotated[
        Literal["higher", "lower"] | None,
        meaning("Direction that is better; without it, nothing is ranked by the metric.", "higher"),
    ] = None
    primary: Annotated[
        bool,
        meaning(
            "Whether this metric ranks the experiments. Only one metric can be primary, and it cannot be optional."
        ),
    ] = False
    optional: Annotated[
        bool,
        meaning("Whether metrics.json may lack the metric. An experiment without a metric that is not optional fails."),
    ] = False
    target: Annotated[float | None, meaning("Value to reach, in the unit of the metric.", 0.9)] = None
    tolerance: Annotated[
        Annotated[float, Field(ge=0)] | None,
        meaning("Differences up to this value, in the unit of the metric, are ignored.", 0.01),
    ] = None
    description: Annotated[str, meaning("Description in one sentence.")] = ""


class Plot(Model):
    """The columns of a table that make a picture of it."""

    x: Annotated[Text, meaning("Column for the horizontal axis.", "scene")]
    y: Annotated[Text, meaning("Column for the vertical axis.", "accuracy")]


class Table(Model):
    """A further CSV file that the application writes."""

    title: Annotated[str, meaning("Title shown instead of the name.", "Accuracy by scene")] = ""
    description: Annotated[str, meaning("Description of the rows and columns in one sentence.")] = ""
    plot: Annotated[Plot | None, meaning("Kind of chart.", {"x": "scene", "y": "accuracy"})] = None


class ApplicationFile(Model):
    """A program that can be benchmarked."""

    name: Annotated[SafeName, meaning("Name of the application.", "cloudmask")]
    title: Annotated[str, meaning("Title shown instead of the name.", "CloudMask")] = ""
    version: Annotated[Text, meaning("Version; results of another version are measured again.", "0.1.0")]
    licence: Annotated[Licence, meaning("License, as an SPDX identifier.", "Apache-2.0")] = ""
    authors: Annotated[list[Author], meaning("Authors.", [{"name": "Ada Example"}])] = Field(default_factory=list)
    citation: Annotated[str, meaning("Citation, with a DOI if there is one.")] = ""
    description: Annotated[str, meaning("Description in a few sentences.")] = ""
    url: Annotated[Address, meaning("Address of the code, or of a page about it.", "https://example.org/cloudmask")] = (
        ""
    )
    keywords: Annotated[list[Text], meaning("Keywords of the results.", ["cloud mask"])] = Field(default_factory=list)
    environment: Annotated[Environment, meaning("Software that must be installed.")] = Environment()
    command: Annotated[
        Command | None,
        meaning(
            "Program and arguments; each is a Jinja2 template with the parameters.",
            ["python", "-m", "pi", "{{ darts }}"],
        ),
    ] = None
    stages: Annotated[
        Annotated[dict[StageName, Stage], Field(min_length=1)] | None,
        meaning("Instead of `command`: steps by name; the last one is the experiment itself."),
    ] = None
    parameters: Annotated[
        dict[Identifier, Parameter],
        meaning("Parameters that studies can set.", {"epochs": {"type": "integer", "default": 30}}),
    ] = Field(default_factory=dict)
    metrics: Annotated[
        dict[SafeName, Metric],
        meaning("Metrics that the program writes to metrics.json.", {"accuracy": {"better": "higher"}}),
    ] = Field(default_factory=dict)
    tables: Annotated[
        dict[SafeName, Table],
        meaning("CSV files that the program writes to tables/.", {"scenes": {"title": "By scene"}}),
    ] = Field(default_factory=dict)
    resources: Annotated[
        dict[str, Any],
        meaning("Resources of each job: values, or expressions with the parameters.", {"mem_mb": "500 + 10 * width"}),
    ] = Field(default_factory=dict)
    keep: Annotated[
        list[Text], meaning("Patterns of the files of an attempt to keep; all files if left out.", ["*.json", "*.csv"])
    ] = Field(default_factory=list)
    code: Annotated[
        list[Annotated[Text, AfterValidator(_pattern)]],
        meaning(
            "Patterns of the files that the application is made of, from this folder. Their hash is in each result; a "
            "copy for others holds them. Without any, a copy holds all but environments and caches, and the hash also "
            "leaves out data, documents and files of more than 10 MB.",
            ["*.py", "src/**"],
        ),
    ] = Field(default_factory=list)
    template: Annotated[
        Text | None,
        meaning("Jinja2 template that extends the template of job.sh, relative to this file.", "job.sh.jinja"),
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

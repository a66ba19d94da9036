"""What is sent, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from fairmesh.api.project import NAME
from fairmesh.service.models import State

Text = Annotated[str, Field(max_length=2000)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=10_000)]


def _whole(value: Any) -> Any:
    """Take 3.0 for 3, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class Asked(BaseModel):
    """Base of what is sent: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Part(Asked):
    """Which experiments of a study, where."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"profile": "local", "where": "epochs > 1"}]})

    profile: Annotated[str, Field(pattern=f"^{NAME}$", description="The name of a profile: see `machines`.")] = "local"
    where: Annotated[Text, Field(description="Those for which this expression is true.", examples=["epochs > 1"])] = ""
    part: Annotated[
        str, Field(pattern=r"^([1-9][0-9]{0,5}/[1-9][0-9]{0,5})?$", description="K/N: the K-th of N parts.")
    ] = ""
    first: Annotated[Whole | None, Field(ge=1, le=1_000_000, description="At most so many.")] = None
    set: Annotated[
        dict[Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]{0,99}$")], JsonValue],
        Field(description="Values in place of the study's, by axis.", examples=[{"epochs": "1,5"}], max_length=100),
    ] = Field(default_factory=dict)


class Start(Part):
    """A run that is wanted."""

    probe: Annotated[
        bool, Field(description="Whether the cheapest of each kind run first, and the rest only if all succeed.")
    ] = False
    wait: Annotated[bool, Field(description="Whether to wait for the end of a run that goes on.")] = False


class Chosen(Asked):
    """Which experiments of a run; all if nothing is said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"where": "epochs > 30", "states": ["running"]}]})

    names: Annotated[Names, Field(description="Ids, keys, or unambiguous beginnings.")] = Field(default_factory=list)
    where: Annotated[Text, Field(description="Those for which this expression is true.")] = ""
    states: Annotated[list[State], Field(description="Those in one of these states.", max_length=20)] = Field(
        default_factory=list
    )


class Again(Chosen):
    """Which experiments to run again; all that ended without a result if nothing is said."""

    wait: Annotated[bool, Field(description="Whether to wait for the end of a run that goes on.")] = False


class StudyText(Asked):
    """The text of a study file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "study: mine\napplication: cloudmask\nparameters: {epochs: [1, 2]}\n"}]
        }
    )

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200_000,
            description="YAML. The application is named, not a path; there is no template of its own.",
        ),
    ]

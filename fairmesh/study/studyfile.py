"""The keys of a study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fairmesh.model import Model, NotYet, SafeName, Text

RESERVED = ("stages", "environments", "applications")


def _free(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(f"must not be {name!r}: the results folder has a folder of that name")
    return name


class StudyFile(Model):
    """What to run."""

    study: Annotated[SafeName, AfterValidator(_free)]
    title: str = ""
    application: Text
    parameters: dict[str, Any] = Field(default_factory=dict)
    repeat: Annotated[int, Field(ge=1)] | None = None
    derive: dict[str, Any] = Field(default_factory=dict)
    exclude: list[Any] = Field(default_factory=list)
    include: list[Any] = Field(default_factory=list)
    measure: Literal["exclusive", "shared"] = "exclusive"
    template: Text | None = None
    machines: NotYet = None

"""The keys that name containers: how a machine runs them, and the image of a study or an application."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fairmesh.schema.model import Model, Text, meaning

# A name that can be no option of the program; a file may begin with `~` or `$NAME`.
IMAGE_PATTERN = r"^[A-Za-z0-9/~$][A-Za-z0-9_.:/@$~+-]*$"
Image = Annotated[Text, Field(pattern=IMAGE_PATTERN)]
IMAGE = (
    "A name in a registry, preferably with its digest, or a file for apptainer; "
    "without a machine that has `container`, it is not used."
)
EXAMPLE = "docker.io/library/python@sha256:" + "0123456789abcdef" * 4
Argument = Annotated[Text, Field(pattern=r"^\S(.*\S)?$")]


class Container(Model):
    """How the programs of a machine's jobs run in containers."""

    program: Annotated[
        Literal["podman", "docker", "apptainer", "singularity"], meaning("Program that runs containers.", "apptainer")
    ]
    image: Annotated[
        Image | None,
        meaning(
            "Image of all jobs on the machine, in place of that of the application. A study can name another one.",
            "~/images/cloudmask.sif",
        ),
    ] = None
    mounts: Annotated[
        list[Argument],
        meaning(
            "Further files and folders that programs see, under the same paths; `:ro` at the end forbids writing. "
            "`~` and `$NAME` are replaced on the machine.",
            ["/data/scenes:ro"],
        ),
    ] = Field(default_factory=list)
    gpus: Annotated[Literal["none", "nvidia", "amd"], meaning("GPUs that programs see.")] = "none"
    network: Annotated[
        Literal["host", "none"], meaning("Network of programs: that of the machine, or none at all.")
    ] = "host"
    options: Annotated[
        list[Argument],
        meaning("Further arguments of the program that runs containers, before the image.", ["--shm-size=8g"]),
    ] = Field(default_factory=list)

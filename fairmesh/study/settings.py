"""The keys of ``config/config.yaml`` and ``config/machines.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.model import Model, NotYet, SafeName, Text, check_model, load_model
from fairmesh.study.application import Author
from fairmesh.study.values import RESOURCES, read_value
from fairmesh.yaml12 import Node, load


class Publisher(Model):
    """Who publishes the results."""

    title: str = ""
    authors: list[Author] = Field(default_factory=list)
    licence: str = ""


class Config(Model):
    """What a run of the workflow is set up with."""

    study: Text
    results: Text = "results"
    site: Text = "site/public"
    machine: SafeName = "local"
    publisher: Publisher = Publisher()
    where: str = ""
    first: Annotated[int, Field(ge=1)] | None = None
    part: str = ""
    set: dict[str, Any] = Field(default_factory=dict)
    wait: NotYet = None


class Machine(Model):
    """A named place where jobs run."""

    kind: Literal["local", "profile", "ssh"]
    scheduler: Literal["none", "slurm", "lsf"] = "none"
    host: str = ""
    base: str = ""
    slots: Annotated[int, Field(ge=1)] | None = None
    setup: list[str] = Field(default_factory=list)
    modules: list[str] = Field(default_factory=list)
    container: str = ""
    gpus: dict[str, dict[str, Any]] = Field(default_factory=dict)
    power: dict[str, Any] = Field(default_factory=dict)
    template: Text | None = None


def load_config(path: Path) -> Config:
    """Read the configuration file.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    return load_model(Config, load(path), path)


def load_machines(path: Path) -> dict[str, Machine]:
    """Read the machines by name.

    Raises
    ------
    InputError
        With all mistakes of the file.
    """
    node = load(path)
    machines, problems = check_model(_Machines, Node({"machines": node}, keys={"machines": (1, 1)}), path)
    if machines is not None:
        problems = [each for name, machine in node.entries.items() for each in _gpu_problems(name, machine, path)]
    if machines is None or problems:
        raise InputError(
            Problem(each.message.replace("machines.", "", 1), each.where, each.allowed, each.near) for each in problems
        )
    return machines.machines


def _gpu_problems(machine: str, node: Node, path: Path) -> Iterator[Problem]:
    """Give the mistakes in what a machine's GPUs stand for: resources under Snakemake's names."""
    gpus = node.entries.get("gpus", Node({}))
    for gpu, resources in gpus.entries.items():
        for name, value in resources.entries.items():
            key = f"{machine}.gpus.{gpu}.{name}"
            if name not in RESOURCES:
                where = resources.key_place(path, name)
                yield Problem(f"unknown resource {key!r}", where, ", ".join(RESOURCES), nearest(name, RESOURCES))
                continue
            try:
                read_value(RESOURCES[name], value)
            except ValueError as error:
                yield Problem(f"{key!r} {error}", value.place(path))


class _Machines(Model):
    machines: dict[SafeName, Machine]

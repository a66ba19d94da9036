"""Announce something to the terminal: in a log record of Snakemake, which the logger plugin shows.

Without the plugin, Snakemake prints the text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from fairmesh.names import plain_text
from fairmesh.runner.protocol import ANNOUNCEMENT, marker_name
from fairmesh.study import Plan

Name = tuple[str, str]
"""Machine and id of an experiment; a stage has no machine."""

_logger = logging.getLogger("snakemake.logging")


def announce(kind: str, text: str = "", **fields: Any) -> None:
    """Announce something; the kinds are those of the plugin's ``Terminal``."""
    _logger.info(text, extra={ANNOUNCEMENT: {"kind": kind, **fields}})


def experiment_names(plan: Plan) -> dict[Name, str]:
    """Return the short names of the selected experiments, with the machine if there are several."""
    return {experiment.name: plan.full_name(experiment) for experiment in plan.selected}


def stage_names(plan: Plan) -> Iterator[tuple[Name, str]]:
    """Yield names of the shared stages, with those of their parameters that vary."""
    for stage in plan.stages.values():
        alike = [other.parameters for other in plan.stages.values() if other.name == stage.name]
        varying = (name for name, value in stage.parameters.items() if any(other[name] != value for other in alike))
        words = (f"{name}={plain_text(stage.parameters[name])}" for name in varying)
        yield ("", marker_name(stage.name, stage.fingerprint)), " ".join(["stage", stage.name, *words])

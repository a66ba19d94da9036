"""What experiments and stages ask for, computed from their parameters where an application says how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairmesh.study.application import Application, Stage
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.points import Point
from fairmesh.study.values import RESOURCES, Value


class Resources:
    """The resources of an application's jobs.

    Parameters
    ----------
    application : Application
        What is run.
    scope : Scope
        What the names of parameters stand for.
    """

    def __init__(self, application: Application, scope: Scope) -> None:
        self._scope = scope
        self._common = application.resources
        self._own = application.resources | application.experiment_stage.resources

    def of_experiment(self, settings: Point, given: dict[str, Value]) -> dict[str, Value]:
        """Return the resources of an experiment; what the study says of them counts more."""
        return self._computed(self._own | given, settings)

    def of_stage(self, stage: Stage, settings: Point) -> dict[str, Value]:
        """Return the resources of a shared stage."""
        return self._computed(self._common | stage.resources, settings)

    def _computed(self, resources: Mapping[str, Any], settings: Point) -> dict[str, Value]:
        return {
            name: self._value(name, value, settings) if isinstance(value, Formula) else value
            for name, value in resources.items()
            if value is not None
        }

    def _value(self, name: str, formula: Formula, settings: Point) -> Value:
        return formula.typed(formula.value(self._scope, settings), RESOURCES[name], settings)

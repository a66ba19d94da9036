"""Build the experiments of a study from its points: settings, resources and fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from fairmesh.errors import InputError, Problem
from fairmesh.files import canonical_json, text_sha256
from fairmesh.names import REPEAT, axis_sort_key, experiment_key
from fairmesh.schema import Node
from fairmesh.study.application import Application, Stage
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.plan import Experiment, StageInstance
from fairmesh.study.values import FRAMEWORK_AXES, RESOURCES, Choice, Point, Schema, Value, point_id, read_value


class Resources:
    """The resources of an application's jobs.

    Parameters
    ----------
    application : Application
        The application.
    scope : Scope
        The values of names in expressions.
    """

    def __init__(self, application: Application, scope: Scope) -> None:
        self._scope = scope
        self._common = application.resources
        self._own = application.resources | application.experiment_stage.resources

    def of_experiment(self, settings: Point, given: dict[str, Value]) -> dict[str, Value]:
        """Return the resources of an experiment; those of the study take precedence."""
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


class _Writer:
    """Writes the fingerprints of one stage."""

    def __init__(self, application: Application, stage: Stage, parameters: Mapping[str, object]) -> None:
        name, command = canonical_json(application.name), canonical_json(stage.command)
        self._head = f'{{"application":{name},"command":{command},"parameters":{{'
        self._tail = f',"version":{canonical_json(application.version)}}}'
        self._parameters = sorted(parameters)

    def json_parameters(self, settings: Mapping[str, Choice]) -> str:
        """Return the members of the JSON object of parameters."""
        return ",".join([settings[name].json_text for name in self._parameters])

    def fingerprint(self, parameters: str, needs: Mapping[str, str]) -> str:
        """Return the hash of application, command, parameters and stages."""
        return text_sha256(f'{self._head}{parameters}}},"stages":{canonical_json(needs)}{self._tail}')


class Fingerprints:
    """Fingerprints of an application's stages and experiments, and the stages that occurred so far.

    Parameters
    ----------
    application : Application
        The application.
    resources : Resources
        The resources of its stages.
    """

    def __init__(self, application: Application, resources: Resources) -> None:
        self._resources = resources
        self.stages: dict[str, StageInstance] = {}
        self._application = application
        self._experiment = _Writer(application, application.experiment_stage, application.parameters)
        shared = application.shared_stages
        graph = {name: stage.needs for name, stage in shared.items()}
        self._shared = {name: shared[name] for name in TopologicalSorter(graph).static_order()}
        self._writers = {name: _Writer(application, stage, dict.fromkeys(stage.uses)) for name, stage in shared.items()}
        self._known: dict[str, str] = {}

    def of(self, settings: Point) -> tuple[str, dict[str, str]]:
        """Return the fingerprint of the experiment with these parameters, and those of the stages that it needs."""
        fingerprints: dict[str, str] = {}
        for name, stage in self._shared.items():
            fingerprints[name] = self._stage(name, stage, settings, fingerprints)
        needs = {name: fingerprints[name] for name in self._application.experiment_stage.needs}
        return self._experiment.fingerprint(self._experiment.json_parameters(settings), needs), needs

    def _stage(self, name: str, stage: Stage, settings: Point, fingerprints: Mapping[str, str]) -> str:
        writer = self._writers[name]
        needs = {need: fingerprints[need] for need in stage.needs}
        parameters = writer.json_parameters(settings)
        key = f"{name} {' '.join(needs.values())} {parameters}"
        if key not in self._known:
            fingerprint = writer.fingerprint(parameters, needs)
            self._known[key] = fingerprint
            self.stages[fingerprint] = StageInstance(
                name=name,
                fingerprint=fingerprint,
                parameters={used: settings[used].value for used in stage.uses},
                needs=needs,
                resources=self._resources.of_stage(stage, settings),
                command=stage.command,
            )
        return self._known[key]


@dataclass(frozen=True)
class StudyPoint:
    """A point with the values that are derived at it."""

    point: Point
    derived: Mapping[str, Any] = field(default_factory=dict)


class ExperimentBuilder:
    """Builds experiments from points.

    Parameters
    ----------
    study, machine : str
        Their names.
    application : Application
        The application.
    scope : Scope
        The values of names in expressions.
    where : str
        The position in the study file for errors about missing values.
    """

    def __init__(self, study: str, machine: str, application: Application, scope: Scope, where: str) -> None:
        self._study = study
        self._machine = machine
        self._where = where
        self._schemas: dict[str, Schema] = {
            name: parameter.json_schema for name, parameter in application.parameters.items()
        }
        self._seed = application.seed
        self._derived: dict[tuple[str, str], Choice] = {}
        self._defaults = scope.defaults
        self._resources = Resources(application, scope)
        self._fingerprints = Fingerprints(application, self._resources)

    @property
    def stages(self) -> dict[str, StageInstance]:
        """The stages that the experiments so far need, by fingerprint."""
        return self._fingerprints.stages

    def experiment(self, row: StudyPoint) -> Experiment:
        """Build the experiment of a point.

        Raises
        ------
        InputError
            If a parameter has no value, the seed of a repeat is too large, or a resource cannot be computed.
        """
        point = row.point
        settings = self._settings(row)
        fingerprint, stages = self._fingerprints.of(settings)
        axes = sorted(point, key=axis_sort_key)
        name = point_id(point)
        chosen = {axis: point[axis].value for axis in axes if axis in RESOURCES}
        derived = {name: value for name, value in row.derived.items() if name in RESOURCES}
        return Experiment(
            study=self._study,
            machine=self._machine,
            id=name,
            key=experiment_key(self._study, self._machine, name),
            parameters={parameter: choice.value for parameter, choice in settings.items()},
            axes={axis: point[axis].value for axis in axes},
            resources=self._resources.of_experiment(settings, derived | chosen),
            stages=stages,
            fingerprint=fingerprint,
        )

    def _settings(self, row: StudyPoint) -> Point:
        """Return a value for every parameter: chosen, derived, or by default."""
        settings: Point = {}
        for name in self._schemas:
            if name in row.point:
                settings[name] = row.point[name]
            elif name in row.derived:
                settings[name] = self._choice(name, row.derived[name])
            elif name in self._defaults:
                settings[name] = self._defaults[name]
            else:
                message = f"'parameters.{name}' has no value for {point_id(row.point)}, and no default"
                raise InputError([Problem(message, self._where)])
        if self._seed is not None and REPEAT in row.point:
            settings[self._seed] = self._reseeded(self._seed, settings[self._seed], row.point[REPEAT])
        return settings

    def _choice(self, name: str, value: Value) -> Choice:
        key = (name, repr(value))
        if key not in self._derived:
            self._derived[key] = Choice.from_value(name, value)
        return self._derived[key]

    def _reseeded(self, name: str, seed: Choice, repeat: Choice) -> Choice:
        value = seed_of_repeat(seed.value, repeat.value)
        key = (name, repr(value))
        if key not in self._derived:
            try:
                read_value(self._schemas[name], Node.from_value(value))
            except ValueError as error:
                raise InputError(
                    [Problem(f"'repeat' raises {name!r} out of its range: it {error}", self._where)]
                ) from error
        return self._choice(name, value)


def seed_of_repeat(seed: Any, repeat: Any) -> int:
    """Return the seed of a repeat; the first repeat has the seed itself.

    >>> seed_of_repeat(42, 3)
    44
    """
    return int(seed) + int(repeat) - 1


def repeat_points(rows: Iterable[StudyPoint], repeats: Sequence[Choice]) -> Iterator[StudyPoint]:
    """Repeat every point, except those that have a repeat already; without repeats, yield the points unchanged."""
    for row in rows:
        if not repeats or REPEAT in row.point:
            yield row
        else:
            yield from (StudyPoint({**row.point, REPEAT: repeat}, row.derived) for repeat in repeats)


def find_id_clash(ids: Iterable[str]) -> tuple[str, str] | None:
    """Return two ids that are equal or differ only in case; None if there are none."""
    seen: dict[str, str] = {}
    for experiment_id in ids:
        lower = experiment_id.lower()
        if lower in seen:
            return seen[lower], experiment_id
        seen[lower] = experiment_id
    return None


def find_duplicates(experiments: Iterable[Experiment]) -> list[tuple[str, str]]:
    """Return the pairs of experiments with different ids that compute the same on the same resources."""
    seen: dict[tuple[object, ...], str] = {}
    pairs = []
    for experiment in experiments:
        framework = [item for item in experiment.axes.items() if item[0] in FRAMEWORK_AXES]
        key = (experiment.fingerprint, repr(framework), experiment.machine)
        if seen.setdefault(key, experiment.id) != experiment.id:
            pairs.append((seen[key], experiment.id))
    return pairs


def axis_values(rows: Iterable[StudyPoint]) -> dict[str, list[Value]]:
    """Return the values of each axis in the order of their first occurrence."""
    by_axis: dict[str, dict[str, Value]] = {}
    for row in rows:
        for name, choice in row.point.items():
            by_axis.setdefault(name, {})[choice.id_text] = choice.value
    return {name: list(values.values()) for name, values in by_axis.items()}

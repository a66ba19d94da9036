"""From the points of a study to its experiments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fairmesh.names import REPEAT, axis_order, experiment_key, join_axes
from fairmesh.study.application import Application
from fairmesh.study.fingerprints import Fingerprints
from fairmesh.study.plan import Experiment, StageInstance
from fairmesh.study.points import Choice, Point
from fairmesh.study.values import RESOURCES, Value


class Expansion:
    """Makes experiments of points.

    Parameters
    ----------
    study, machine : str
        Their names.
    application : Application
        What is run.
    """

    def __init__(self, study: str, machine: str, application: Application) -> None:
        self._study = study
        self._machine = machine
        self._names = list(application.parameters)
        self._seed = application.seed
        self._seeds: dict[int, Choice] = {}
        self._defaults = default_choices(application)
        self._resources: dict[str, Value] = application.resources | application.experiment_stage.resources
        self._fingerprints = Fingerprints(application)

    @property
    def stages(self) -> dict[str, StageInstance]:
        """The stages that the experiments so far need, by fingerprint."""
        return self._fingerprints.stages

    def experiment(self, point: Point) -> Experiment:
        """Make the experiment of a point."""
        settings = {name: point[name] if name in point else self._defaults[name] for name in self._names}
        if self._seed is not None and REPEAT in point:
            settings[self._seed] = self._reseeded(settings[self._seed], point[REPEAT])
        fingerprint, stages = self._fingerprints.of(settings)
        axes = sorted(point, key=axis_order)
        name = join_axes([point[axis].id_text for axis in axes])
        return Experiment(
            study=self._study,
            machine=self._machine,
            id=name,
            key=experiment_key(self._study, self._machine, name),
            parameters={parameter: choice.value for parameter, choice in settings.items()},
            axes={axis: point[axis].value for axis in axes},
            resources=self._resources | {axis: point[axis].value for axis in axes if axis in RESOURCES},
            stages=stages,
            fingerprint=fingerprint,
        )

    def _reseeded(self, seed: Choice, repeat: Choice) -> Choice:
        value = seeded(seed.value, repeat.value)
        if value not in self._seeds:
            self._seeds[value] = Choice.of(str(self._seed), value)
        return self._seeds[value]


def seeded(seed: Value, repeat: Value) -> int:
    """Give the seed of a repeat, the first of which has the seed itself.

    >>> seeded(42, 3)
    44
    """
    return int(seed) + int(repeat) - 1


def default_choices(application: Application) -> dict[str, Choice]:
    """Give the default of each parameter that has one."""
    parameters = application.parameters.items()
    return {name: Choice.of(name, item.default) for name, item in parameters if item.default is not None}


def repeated(points: Iterable[Point], repeats: Sequence[Choice]) -> Iterator[Point]:
    """Repeat every point, or leave it as it is if there is nothing to repeat."""
    for point in points:
        if not repeats:
            yield point
        for repeat in repeats:
            yield {**point, REPEAT: repeat}


def clash(ids: Iterable[str]) -> tuple[str, str] | None:
    """Give two ids that differ by case only, if there are."""
    seen: dict[str, str] = {}
    for each in ids:
        other = seen.setdefault(each.lower(), each)
        if other != each:
            return other, each
    return None


def axis_values(axes: Mapping[str, Sequence[Choice]]) -> dict[str, list[Value]]:
    """Give the plain values of axes."""
    return {name: [choice.value for choice in choices] for name, choices in axes.items()}

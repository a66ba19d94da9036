"""What the experiments of a plan will use on one machine: time, memory, storage, energy, cost."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairmesh.machines.costs import allowed_hours, describe_budget
from fairmesh.printing import count_text
from fairmesh.results.estimates.estimator import Estimator, Prediction, Target
from fairmesh.results.estimates.quantities import ENERGY, MEMORY, QUANTITIES, SECONDS, STORAGE, Quantity
from fairmesh.results.estimates.regression import DRAWS, Numbers
from fairmesh.results.estimates.totals import Accumulator, Schedule, Total, total_of
from fairmesh.results.past_results import REQUESTS, features_of, gpu_of
from fairmesh.study import Experiment
from fairmesh.study.application import Application
from fairmesh.study.cost import processors
from fairmesh.study.machines import Machine

HOUR = 3600


@dataclass(frozen=True)
class ExperimentEstimate:
    """The estimates of an experiment.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    predictions : dict of str to Prediction
        By the name of the quantity.
    """

    experiment: Experiment
    predictions: dict[str, Prediction]

    @property
    def seconds(self) -> Prediction:
        """The estimate of its run time."""
        return self.predictions[SECONDS.name]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        predictions = {name: prediction.to_json() for name, prediction in self.predictions.items()}
        return {"machine": self.experiment.machine, "id": self.experiment.id, **predictions}


@dataclass(frozen=True)
class MachineEstimate:
    """What the experiments use on a machine.

    Parameters
    ----------
    machine : str
        The name of the machine.
    experiments : list of ExperimentEstimate
        The experiments that would run there.
    at_once : int
        The number of experiments that can run at the same time.
    seconds, core_seconds, wall, storage, energy : Total
        Sums, and the time from start to end without waiting in a queue.
    longest, memory : Total
        The longest experiment, and the largest memory of one.
    energy_basis : str
        How the energy is known: the methods of measurement, or ``assumed`` from the power of the machine.
    cost : Total
        The cost, if the machine has a price.
    currency, cost_basis : str
        The currency, and what the price is multiplied with.
    """

    machine: str
    experiments: list[ExperimentEstimate]
    at_once: int
    seconds: Total
    core_seconds: Total
    wall: Total
    longest: Total
    memory: Total
    storage: Total
    energy: Total
    energy_basis: str
    cost: Total
    currency: str
    cost_basis: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        totals = ("seconds", "wall", "longest", "memory", "storage", "energy", "cost")
        return {
            "machine": self.machine,
            "experiments": len(self.experiments),
            "at_once": self.at_once,
            **{name: getattr(self, name).to_json() for name in totals},
            "core_hours": self.core_seconds.scaled(1 / HOUR).to_json(),
            "energy_basis": self.energy_basis,
            "currency": self.currency,
            "cost_basis": self.cost_basis,
        }


def target_of(experiment: Experiment, application: Application) -> Target:
    """Return the point of an experiment, to estimate."""
    parameters = {name: value for name, value in experiment.parameters.items() if name != application.seed}
    asked = experiment.resources
    gpu = gpu_of(experiment.axes)
    features = features_of(parameters, experiment.machine, processors(asked), gpu, application.version)
    requests = {name: float(value) for name in REQUESTS if isinstance(value := asked.get(name), int | float)}
    return Target(features, requests)


@dataclass
class _Sums:
    """What adds up over the experiments of a machine."""

    schedule: Schedule
    quantities: dict[str, Accumulator]
    longest: Accumulator
    cores: Accumulator
    nodes: Accumulator

    @classmethod
    def of(cls, at_once: int, count: int) -> _Sums:
        quantities = {quantity.name: Accumulator(is_maximum=quantity is MEMORY) for quantity in QUANTITIES}
        return cls(Schedule(at_once, count), quantities, Accumulator(is_maximum=True), Accumulator(), Accumulator())

    def add_time(self, experiment: Experiment, prediction: Prediction, draws: Numbers | None) -> None:
        """Add the run time of an experiment, as hours of the machine, of its nodes and of its processors."""
        if prediction.value is None:
            return
        resources = experiment.resources
        seconds = np.full(DRAWS, prediction.value) if draws is None else draws
        self.schedule.add(seconds)
        self.longest.add(prediction, draws)
        self.cores.add(prediction, seconds * processors(resources))
        nodes = resources.get("nodes")
        self.nodes.add(prediction, seconds * (nodes if isinstance(nodes, int) else 1))

    def total(self, quantity: Quantity) -> Total:
        """Return the total of a quantity."""
        return self.quantities[quantity.name].total

    def wall(self, stages: float) -> Total:
        """Return the time from start to end, after the shared stages."""
        time = self.quantities[SECONDS.name]
        return total_of(self.schedule.draws + stages, time.known, time.unknown, time.is_certain)


class MachineEstimator:
    """Estimates the experiments of one machine.

    Parameters
    ----------
    estimators : mapping of str to Estimator
        The estimators by name of the quantity.
    application : Application
        The application of the study.
    """

    def __init__(self, estimators: Mapping[str, Estimator], application: Application) -> None:
        self._estimators = estimators
        self._application = application

    def estimate(
        self, name: str, settings: Machine | None, experiments: Sequence[Experiment], at_once: int, stages: float
    ) -> MachineEstimate:
        """Estimate the experiments of a machine.

        Parameters
        ----------
        name : str
            The machine.
        settings : Machine or None
            Its entry in machines.yaml.
        experiments : sequence of Experiment
            Experiments on it.
        at_once : int
            The number of experiments at the same time.
        stages : float
            The seconds of shared stages before the experiments.
        """
        sums = _Sums.of(at_once, len(experiments))
        estimates = [self._add(experiment, sums) for experiment in experiments]
        wall = sums.wall(stages)
        occupied = occupied_time(settings, wall, sums.nodes.total, len(experiments))
        energy, energy_basis = self._energy(sums.total(ENERGY), settings, occupied)
        seconds, memory, storage = map(sums.total, (SECONDS, MEMORY, STORAGE))
        longest, cores = sums.longest.total, sums.cores.total
        cost = _cost(settings, occupied)
        return MachineEstimate(
            name, estimates, at_once, seconds, cores, wall, longest, memory, storage, energy, energy_basis, *cost
        )

    def _add(self, experiment: Experiment, sums: _Sums) -> ExperimentEstimate:
        """Estimate an experiment, and add it to the sums."""
        target = target_of(experiment, self._application)
        predictions = {}
        for name, estimator in self._estimators.items():
            prediction = predictions[name] = estimator.predict(target)
            sample = estimator.sample(target) if prediction.high is not None else None
            draws = (
                sample.draws(zlib.crc32(f"{name} {experiment.key} {experiment.machine}".encode())) if sample else None
            )
            sums.quantities[name].add(prediction, draws)
            if name == SECONDS.name:
                sums.add_time(experiment, prediction, draws)
        return ExperimentEstimate(experiment, predictions)

    def _energy(self, measured: Total, settings: Machine | None, occupied: Occupied) -> tuple[Total, str]:
        """Return the energy, and how it is known: measured if possible, else from the power of the machine."""
        if not measured.unknown or not settings or settings.power is None:
            past = self._estimators[ENERGY.name].past
            return measured, ", ".join(sorted({result.energy_method or "unknown method" for result in past}))
        return occupied.time.scaled(settings.power), f"assumed: {settings.power:g} W x {occupied.basis}"


@dataclass(frozen=True)
class Occupied:
    """The seconds for which a machine is occupied, and what they are in words."""

    time: Total
    basis: str


def occupied_time(settings: Machine | None, wall: Total, nodes: Total, count: int) -> Occupied:
    """Return the time that has a price and takes power: of a computer, of nodes behind a profile, or of instances.

    Parameters
    ----------
    settings : Machine or None
        The machine's entry in machines.yaml.
    wall, nodes : Total
        The time from start to end, and the sum over nodes.
    count : int
        The number of experiments.
    """
    if settings and settings.kind == "profile":
        return Occupied(nodes, "hours of nodes")
    if settings and settings.kind == "cloud":
        instances = min(settings.instances, math.ceil(count / settings.slots))
        time = wall.plus(60 * settings.idle, 60 * (settings.boot + settings.idle)).scaled(instances)
        return Occupied(time, f"{count_text(instances, 'instance')} x (wall time + {settings.idle:g} min idle)")
    return Occupied(wall, "wall time")


def _cost(settings: Machine | None, occupied: Occupied) -> tuple[Total, str, str]:
    """Return cost, currency and basis; an empty cost without a price."""
    if not settings or settings.price is None:
        return Total(), "", ""
    basis = f"{settings.price:g} {settings.currency} an hour x {occupied.basis}"
    most = occupied.time.high or occupied.time.value or 0.0
    if settings.kind == "cloud" and most / HOUR > allowed_hours(settings):
        basis += f"; {describe_budget(settings)} may end it before"
    return occupied.time.scaled(settings.price / HOUR), settings.currency, basis

"""Find experiments by what people write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.names import value_text
from fairmesh.short_names.labels import ShortNames
from fairmesh.short_names.reading import Given, Vocabulary, listed


class Named(Protocol):
    """An experiment, or a stage, which has no machine and no axes."""

    @property
    def machine(self) -> str: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def axes(self) -> Mapping[str, Any]: ...  # noqa: D102


T = TypeVar("T", bound=Named)


class ExperimentFinder(Generic[T]):
    """Finds experiments of a study by what people write.

    That is an id, a key or its unambiguous beginning, a short name, or the axes that tell one point from all others.
    Without a repeat, it means all repeats of the point; without a machine, as in ``MACHINE/NAME`` and
    ``NAME on MACHINE``, it means the point on all machines.

    Parameters
    ----------
    study : str
        The study, for messages.
    experiments : sequence
        Its experiments, and stages.
    names : ShortNames
        The short names of its experiments.
    """

    def __init__(self, study: str, experiments: Sequence[T], names: ShortNames) -> None:
        self._study = study
        self._all = experiments
        self._names = names
        self._machines = {experiment.machine for experiment in experiments}

    def find(self, text: str) -> list[T]:
        """Return the experiments of the point that a text names, in the order of the study.

        Raises
        ------
        InputError
            If it names no point, or several.
        """
        plain, machine = self._split_machine(text.strip())
        for way in (self._exactly, self._by_axes, self._by_beginning):
            found = [experiment for experiment in way(plain) if machine in {"", experiment.machine}]
            if len({self._point(experiment) for experiment in found}) == 1:
                return found
            if found:
                raise InputError([self._ambiguous(text, found)])
        raise InputError([self._unknown(text, plain)])

    def find_all(self, texts: Iterable[str]) -> list[T]:
        """Return the experiments that any of the texts names, in the order of the study.

        Raises
        ------
        InputError
            With all texts that name no point, or several.
        """
        found: set[tuple[str, str]] = set()
        problems: list[Problem] = []
        for text in dict.fromkeys(texts):
            try:
                found.update((experiment.machine, experiment.id) for experiment in self.find(text))
            except InputError as error:
                problems.extend(error.problems)
        if problems:
            raise InputError(problems)
        return [experiment for experiment in self._all if (experiment.machine, experiment.id) in found]

    def find_one(self, text: str) -> T:
        """Return the experiment that a text names.

        Raises
        ------
        InputError
            If it names none, or several.
        """
        found = self.find(text)
        if len(found) > 1:
            several = len({experiment.machine for experiment in found}) > 1
            machines = [f" on {experiment.machine}" if several else "" for experiment in found]
            labels = listed(map("".join, zip(map(self._label, found), machines, strict=True)))
            raise InputError([Problem(f"{text!r} fits {len(found)} experiments: {labels}")])
        return found[0]

    def _split_machine(self, text: str) -> tuple[str, str]:
        """Return a text without its machine, and the machine."""
        machine, _, rest = text.partition("/")
        if rest and machine in self._machines:
            return rest, machine
        rest, _, machine = text.rpartition(" on ")
        return (rest.strip(), machine) if rest and machine in self._machines else (text, "")

    def _label(self, experiment: T) -> str:
        return self._names.of(experiment.axes) if experiment.axes else experiment.id

    def _point(self, experiment: T) -> str:
        return self._names.of_point(experiment.axes) if experiment.axes else experiment.id

    def _exactly(self, text: str) -> list[T]:
        return self._by_text.get(text, [])

    @cached_property
    def _by_text(self) -> dict[str, list[T]]:
        by_text: dict[str, list[T]] = {}
        for experiment in self._all:
            for text in {experiment.id, experiment.key, self._label(experiment)}:
                by_text.setdefault(text, []).append(experiment)
        return by_text

    def _by_axes(self, text: str) -> list[T]:
        """Return the experiments with the given axes; if these are all axes of one point, only those of this point."""
        try:
            given = self._vocabulary.read(text)
        except InputError:
            return []
        fitting = self._with_axes(given) if given else []
        open_axes = {name for name in self._names.axes if name not in given}
        return [experiment for experiment in fitting if open_axes.isdisjoint(experiment.axes)] or fitting

    def _by_beginning(self, text: str) -> list[T]:
        if "=" in text:  # darts=1000 must not mean darts=10000
            return []
        texts = ((experiment, (experiment.id, experiment.key, self._label(experiment))) for experiment in self._all)
        return [experiment for experiment, own in texts if text and any(known.startswith(text) for known in own)]

    def _with_axes(self, given: Given) -> list[T]:
        return [text for text, texts in self._texts if given.items() <= texts.items()]

    @cached_property
    def _texts(self) -> list[tuple[T, Given]]:
        """The text of each value of each experiment."""
        return [
            (experiment, {name: value_text(value) for name, value in experiment.axes.items()})
            for experiment in self._all
            if experiment.axes
        ]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._study, (experiment.axes for experiment in self._all))

    def _ambiguous(self, text: str, found: Sequence[T]) -> Problem:
        points = {self._point(experiment): experiment.axes for experiment in found}
        labels = [{name: value_text(value) for name, value in axes.items()} for axes in points.values()]
        open_axes = [name for name in self._names.axes if len({texts.get(name) for texts in labels}) > 1]
        advice = f"; they differ in {' and '.join(open_axes)}" if open_axes else ""
        return Problem(f"{text!r} fits {len(points)} points of {self._study}: {listed(points)}{advice}")

    def _unknown(self, text: str, plain: str) -> Problem:
        try:
            given = self._vocabulary.read(plain)
        except InputError as error:
            return error.problems[0]
        if given:
            return Problem(f"{text!r}: {self._study} has no experiment with these values together")
        kinds = "experiment" if all(experiment.axes for experiment in self._all) else "experiment or stage"
        near = nearest(plain, [name for experiment in self._all for name in (experiment.id, self._label(experiment))])
        return Problem(f"study {self._study} has no {kinds} {text!r}", near=near)

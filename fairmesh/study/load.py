"""From a study file to its plan."""

from __future__ import annotations

import math
import re
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.model import check_model
from fairmesh.names import REPEAT
from fairmesh.study.application import Application
from fairmesh.study.axes import AxisReader
from fairmesh.study.expand import Expansion, axis_values, clash, default_choices, repeated, seeded
from fairmesh.study.find import find_application, find_study
from fairmesh.study.plan import Plan
from fairmesh.study.points import Choice, product, without
from fairmesh.study.settle import load_application
from fairmesh.study.studyfile import MAX_EXPERIMENTS, StudyFile
from fairmesh.study.values import read_value
from fairmesh.yaml12 import Node, load

_NOTHING = Node(None)


def load_plan(study: str | Path, root: Path, machine: str) -> Plan:
    """Expand a study.

    Parameters
    ----------
    study : str or Path
        The name of a study in ``config/studies``, or a path (a text with ``/`` or ``.yaml``).
    root : Path
        The folder below which studies and applications are found by name.
    machine : str
        The name of the machine that everything runs on.

    Returns
    -------
    Plan
        The experiments in order, and the stages that they share.

    Raises
    ------
    InputError
        With all mistakes of the study, or of its application.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", machine):
        raise InputError([Problem(f"the machine's name {machine!r} must be of letters, digits, '.', '_' and '-'")])
    path = find_study(study, root)
    return _Loader(path, root).plan(machine)


class _Loader:
    """Loads one study file and collects its mistakes."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.node = load(path, self.problems)
        self.content, found = check_model(StudyFile, self.node, path)
        self.problems += found
        self.application = self._application(root)
        self.reader = AxisReader(self.application, path, self.problems)

    def _application(self, root: Path) -> Application:
        """Load the application, without which nothing more can be said."""
        node = self._entry("application")
        if isinstance(node.value, dict | list | None):
            raise InputError(self.problems)
        try:
            return load_application(find_application(node, self.path, root))
        except InputError as error:
            raise InputError([*self.problems, *error.problems]) from error

    def plan(self, machine: str) -> Plan:
        """Give the plan."""
        axes = self.reader.axes(self._entry("parameters"))
        excludes = self.reader.excludes(self._entry("exclude"), axes)
        repeats = self.reader.repeats(self.node.entries.get("repeat"), axes)
        self._check_defaults(axes)
        self._check_seed(axes, repeats)
        self._check_size(axes, repeats)
        if self.content is None or self.problems:
            raise InputError(self.problems)
        points, idle = without(product(axes), excludes, default_choices(self.application))
        if not points:
            raise self._error("no experiment is left: 'exclude' removes them all", "exclude")
        expansion = Expansion(self.content.study, machine, self.application)
        experiments = [expansion.experiment(point) for point in repeated(points, repeats)]
        two = clash(each.id for each in experiments)
        if two:
            raise self._error(
                f"two experiments differ by upper and lower case only: {two[0]} and {two[1]}", "parameters"
            )
        return Plan(
            study=self.content.study,
            title=self.content.title or self.content.study,
            application=self.application,
            axes=axis_values(axes | ({REPEAT: repeats} if repeats else {})),
            machines=[machine],
            measure=self.content.measure,
            experiments=experiments,
            stages=expansion.stages,
            warnings=[f"{each.where}: this exclude removes nothing" for each in idle],
            source=self.path,
        )

    def _entry(self, key: str) -> Node:
        return self.node.entries.get(key, _NOTHING)

    def _error(self, message: str, key: str) -> InputError:
        return InputError([Problem(message, self.node.key_place(self.path, key))])

    def _check_defaults(self, axes: dict[str, list[Choice]]) -> None:
        for name, parameter in self.application.parameters.items():
            if parameter.default is None and name not in axes:
                where = self._entry("parameters").place(self.path)
                self.problems.append(Problem(f"'parameters.{name}' is missing: it has no default", where))

    def _check_seed(self, axes: dict[str, list[Choice]], repeats: list[Choice]) -> None:
        """Refuse a repeat whose seed would leave the bounds."""
        seed = self.application.seed
        every = repeats or axes.get(REPEAT, [])
        if seed is None or not every:
            return
        parameter = self.application.parameters[seed]
        starts = [choice.value for choice in axes.get(seed, [])] or [parameter.default or 0]
        last = seeded(max(map(int, starts)), max(int(choice.value) for choice in every))
        try:
            read_value(parameter.json_schema, Node.of(last))
        except ValueError as error:
            where = self._entry("repeat").place(self.path)
            self.problems.append(Problem(f"'repeat' takes {seed!r} too far: it {error}", where))

    def _check_size(self, axes: dict[str, list[Choice]], repeats: list[Choice]) -> None:
        count = math.prod(map(len, axes.values())) * max(1, len(repeats))
        if count > MAX_EXPERIMENTS:
            message = f"the study has {count} experiments, of which at most {MAX_EXPERIMENTS} are possible"
            self.problems.append(Problem(message, self._entry("parameters").place(self.path)))

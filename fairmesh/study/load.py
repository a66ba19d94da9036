"""Load a study file, and expand it to a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.names import REPEAT
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import check_model
from fairmesh.study.application import Application
from fairmesh.study.cloudmesh import CloudmeshStudy, is_cloudmesh, read_cloudmesh
from fairmesh.study.commands import find_command_problem
from fairmesh.study.estimated import apply_estimates
from fairmesh.study.expand import (
    ExperimentBuilder,
    StudyPoint,
    axis_values,
    find_duplicates,
    find_id_clash,
    repeat_points,
)
from fairmesh.study.find import find_application, find_study
from fairmesh.study.parameters import AxisReader, SpaceReader
from fairmesh.study.placement import HasResult, Placement, PlacementReader
from fairmesh.study.plan import Experiment, Plan, StageInstance
from fairmesh.study.references import EXPERIMENT
from fairmesh.study.rules import DerivedName, DeriveReader, Exclusion, ExclusionReader, compute_derived
from fairmesh.study.selection import NO_SETTINGS, Settings, apply_settings
from fairmesh.study.space import MAX_EXPERIMENTS, Product, Space, Union
from fairmesh.study.studyfile import StudyFile
from fairmesh.study.validation import load_application
from fairmesh.study.values import Choice, Value

SHOWN = 3  # pairs of experiments that compute the same, in warnings

_NOTHING = Node(None)


def load_plan(
    study: str | Path,
    root: Path,
    machine: str,
    settings: Settings = NO_SETTINGS,
    most: int = MAX_EXPERIMENTS,
    has_result: HasResult | None = None,
    uses_estimates: bool = True,
) -> Plan:
    """Expand a study.

    Parameters
    ----------
    study : str or Path
        The name of a study in ``config/studies``, or a path (a text with ``/`` or ``.yaml``).
    root : Path
        The folder below which studies and applications are found by name.
    machine : str
        The machine of the profile, on which experiments run unless the study names others.
    settings : mapping of str to str, optional
        Values of axes that replace those in the file, in the notation of axes.
    most : int
        The largest number of experiments.
    has_result : callable, optional
        An experiment that can run on any of several machines stays where it has a result.
    uses_estimates : bool
        Whether resources in ``config/resources`` replace those that study and application request.

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
    plan = _Loader(path, root, settings, most).plan(machine, has_result)
    return apply_estimates(plan, root) if uses_estimates else plan


class _Loader:
    """Loads one study file and collects its mistakes."""

    def __init__(self, path: Path, root: Path, settings: Settings, most: int) -> None:
        self.path, self.root = path, root
        self.most = most
        self.settings = settings
        self.problems: list[Problem] = []
        self.node = load_yaml(path, self.problems)
        self.foreign = self._foreign(root)
        self.space = EXPERIMENT if self.foreign else "parameters"
        self.application = self._application(root)
        self.node = apply_settings(self.node, settings, self.application.known_names)
        self.content, problems = check_model(StudyFile, self.node, path)
        self.problems += problems
        self.axes = AxisReader(self.application, path, self.problems, most)
        self.axes.warnings += self.foreign.warnings if self.foreign else []

    def _foreign(self, root: Path) -> CloudmeshStudy | None:
        """Convert the file if it is a Cloudmesh file; its node is replaced."""
        if not is_cloudmesh(self.node):
            return None
        study = read_cloudmesh(self.node, self.path, root, self.problems)
        self.node = study.node
        return study

    def _application(self, root: Path) -> Application:
        """Load the application; without it, raise all mistakes so far."""
        if self.foreign:
            return self.foreign.application
        node = self._entry("application")
        if isinstance(node.value, dict | list | None):
            raise InputError([*self.problems, *check_model(StudyFile, self.node, self.path)[1]])
        try:
            return load_application(find_application(node, self.path, root))
        except InputError as error:
            problems = check_model(StudyFile, self.node, self.path)[1]
            raise InputError([*self.problems, *problems, *error.problems]) from error

    def plan(self, machine: str, has_result: HasResult | None) -> Plan:
        """Return the plan."""
        placement = self._placement(machine)
        space, included, derived, excludes, repeats = self._read()
        times = max(1, len(repeats)) * placement.copies
        self._check(space, included, derived, times)
        if self.content is None or self.problems:
            raise InputError(self.problems)
        rows, idle = self._rows(space, included, derived, excludes)
        self._check_count(len(rows) * times)  # the sizes of computed axes are known only now
        rows = list(repeat_points(rows, repeats))
        expansion = ExperimentBuilder(
            self.content.study, machine, self.application, self.axes.scope, self._blamed(repeats)
        )
        points = [expansion.experiment(row) for row in rows]
        self._check_ids(points)
        self._check_commands(points, expansion.stages.values())
        experiments = [placed for point in points for placed in placement.place(point, has_result)]
        return Plan(
            study=self.content.study,
            title=self.content.title or self.content.study,
            application=self.application,
            axes=axis_values(rows),
            machines=placement.used(experiments),
            measure=self.content.measure,
            experiments=experiments,
            stages=expansion.stages,
            warnings=[*self.axes.warnings, *self._idle(idle), *self._twins(points)],
            source=self.path,
            selection={"set": dict(self.settings)} if self.settings else {},
            selected=experiments,
            on_code_change=self.content.on_code_change,
            machine=machine,
            names_machines=self.content.machines is not None and self.content.machines.is_choice,
            stage_machines=placement.stages,
            container=self.content.container,
        )

    def _placement(self, machine: str) -> Placement:
        """Return the machines of experiments and stages; collect mistakes."""
        usual = Placement({machine: 1})
        if self.content is None or self.content.machines is None:
            return usual
        reader = PlacementReader(self.path, self.root, self.application)
        try:
            return reader.read(self.content.machines, self._entry("machines"), machine)
        except InputError as error:
            self.problems += error.problems
        return usual

    def _read(self) -> tuple[Space, list[Space], list[DerivedName], list[Exclusion], list[Choice]]:
        """Read axes, derived names, excludes, includes and repeats."""
        spaces = SpaceReader(self.axes)
        below = self._entry("parameters")
        space = spaces.read(self.space, below) if below.entries else self._no_axes()
        repeats = self._repeats(space)
        self.axes.scope.add(space.names)
        derived = DeriveReader(self.axes).read(self._entry("derive"), space.names)
        known = space.names | {derived_name.name for derived_name in derived}
        excludes = ExclusionReader(self.axes, known).read(self._entry("exclude"))
        members = enumerate(self._entry("include").members)
        included = [spaces.read(f"include[{index}]", member) for index, member in members]
        return space, included, derived, excludes, repeats

    def _no_axes(self) -> Space:
        """Return the space of a study without axes: the point of all defaults, unless it includes points."""
        return Union([]) if self._entry("include").members else Product([])

    def _repeats(self, space: Space) -> list[Choice]:
        """Return 1 to n for ``repeat: n``; empty if the value is not valid."""
        node = self.node.entries.get("repeat")
        if node is None or type(node.value) is not int or node.value < 1:
            return []
        if REPEAT in space.names:
            self.axes.note("'repeat' is an axis in 'parameters' already", node)
        if node.value > self.most:
            self.axes.note(f"'repeat' must be at most {self.most}, not {node.value}", node)
            return []
        return [Choice.from_value(REPEAT, number) for number in range(1, node.value + 1)]

    def _check(self, space: Space, included: Sequence[Space], derived: Sequence[DerivedName], times: int) -> None:
        """Check what concerns several parts of the file; each point is ``times`` experiments."""
        for formula in self.axes.formulas:
            self.problems += formula.mistakes(self.axes.scope)
        where = self._entry("parameters").place(self.path)
        given = space.names | {derived_name.name for derived_name in derived}
        for name, parameter in self.application.parameters.items():
            if not parameter.has_default and name not in given:
                self.problems.append(Problem(f"'{self.space}.{name}' is missing: it has no default", where))
        try:
            self._check_count((space.size() + sum(member.size() for member in included)) * times)
        except InputError as error:
            self.problems += error.problems

    def _check_count(self, count: int) -> None:
        if count > self.most:
            message = f"the study has {count} experiments, of which at most {self.most} are possible"
            raise InputError([Problem(message, self._entry("parameters").place(self.path))])

    def _rows(
        self, space: Space, included: Sequence[Space], derived: Sequence[DerivedName], excludes: Sequence[Exclusion]
    ) -> tuple[list[StudyPoint], list[Exclusion]]:
        """Return the points that remain, with their derived values, and the excludes that match none."""
        scope = self.axes.scope
        matched: set[int] = set()
        rows = []
        for point in space.points({}):
            values = compute_derived(derived, scope, point) if derived else {}
            hits = [index for index, exclude in enumerate(excludes) if exclude.matches(scope, point, values)]
            matched.update(hits)
            if not hits:
                rows.append(StudyPoint(point, values))
        for member in included:
            rows += [StudyPoint(point, compute_derived(derived, scope, point)) for point in member.points({})]
        if not rows:
            raise self._error("no experiment is left: 'exclude' removes them all", "exclude")
        return rows, [exclude for index, exclude in enumerate(excludes) if index not in matched]

    def _check_ids(self, experiments: Sequence[Experiment]) -> None:
        two = find_id_clash(experiment.id for experiment in experiments)
        if two and two[0] == two[1]:
            raise self._error(f"the point {two[0]} is there twice", "parameters")
        if two:
            raise self._error(
                f"two experiments differ by upper and lower case only: {two[0]} and {two[1]}", "parameters"
            )

    def _check_commands(self, experiments: Sequence[Experiment], stages: Iterable[StageInstance]) -> None:
        """Check that programs can be started with the filled-in commands; report the first of each mistake."""
        last = list(self.application.all_stages)[-1]
        experiment_command = self.application.experiment_stage.command
        jobs = [(experiment.id, last, experiment_command, experiment.parameters) for experiment in experiments]
        jobs += [(stage.name, stage.name, stage.command, stage.parameters) for stage in stages]
        problems: dict[tuple[str, int | None], Problem] = {}
        for identity, stage, command, parameters in jobs:
            wrong = find_command_problem(command, parameters)
            if wrong and (stage, wrong.argument) not in problems:
                key = f"stages.{stage}.command" if self.application.stages else "command"
                key += "" if wrong.argument is None else f"[{wrong.argument}]"
                message = f"'{key}' of {self.application.name} {wrong.message}, at {identity}"
                problems[stage, wrong.argument] = Problem(message, self._longest(parameters), "files for what is long")
        if problems:
            raise InputError(problems.values())

    def _longest(self, parameters: Mapping[str, Value]) -> str:
        """Return the position of the longest value of a point, if it is in the study."""
        name = max(parameters, key=lambda parameter: len(str(parameters[parameter])), default="")
        below = self._entry("parameters")
        return (below if name in below.entries else self.node).key_place(
            self.path, name if name in below.entries else "parameters"
        )

    def _idle(self, excludes: Sequence[Exclusion]) -> list[str]:
        return [f"{exclusion.where}: this exclude removes nothing" for exclusion in excludes]

    def _twins(self, experiments: Sequence[Experiment]) -> list[str]:
        pairs = find_duplicates(experiments)
        place = self.node.key_place(self.path, "parameters")
        lines = [f"{place}: {first} and {second} compute the same" for first, second in pairs[:SHOWN]]
        return [*lines, f"{place}: so do {len(pairs) - SHOWN} more pairs"] if len(pairs) > SHOWN else lines

    def _blamed(self, repeats: Sequence[Choice]) -> str:
        return self._entry("repeat" if repeats else "parameters").place(self.path)

    def _entry(self, key: str) -> Node:
        return self.node.entries.get(key, _NOTHING)

    def _error(self, message: str, key: str) -> InputError:
        return InputError([Problem(message, self.node.key_place(self.path, key))])

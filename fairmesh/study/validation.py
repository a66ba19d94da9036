"""Load an ``application.yaml`` and check that its parts fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.files import canonical_json
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import check_model
from fairmesh.study.application import Application, ApplicationFile, Parameter, Stage
from fairmesh.study.commands import command_problems
from fairmesh.study.formulas import Formula
from fairmesh.study.values import FRAMEWORK_AXES, RESOURCES, Value, declared_types, read_value

ALGEBRA = ("product", "zip", "union")


def load_application(path: Path) -> Application:
    """Read and check an application file.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    problems: list[Problem] = []
    node = load_yaml(path, problems)
    content, model_problems = check_model(ApplicationFile, node, path)
    problems += model_problems
    if content is None:
        raise InputError(problems)
    validator = _ApplicationValidator(path, problems)
    application = validator.validate(content, node)
    if problems:
        raise InputError(problems)
    return application


class _ApplicationValidator:
    """Checks what concerns several keys, and converts values to their declared types."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems

    def validate(self, content: ApplicationFile, node: Node) -> Application:
        entries = node.entries
        if (content.command is None) == (content.stages is None):
            self._note("either 'command' or 'stages' is needed, and not both", node)
        parameter_nodes = entries.get("parameters", Node({}))
        parameters = {
            name: self._parameter(name, parameter, parameter_nodes.entries[name])
            for name, parameter in content.parameters.items()
        }
        self._names(content, parameter_nodes)
        stage_nodes = entries.get("stages", Node({}))
        content = self._stages(content, stage_nodes)
        self.problems += command_problems(content, node, self.path)
        metric_nodes = entries.get("metrics", Node({}))
        self._only_one("metrics", "primary", content.metrics, metric_nodes)
        for name, metric in content.metrics.items():
            if metric.primary and metric.optional:
                message = f"'metrics.{name}.optional': the primary metric ranks the experiments and cannot be optional"
                self._note(message, metric_nodes.entries[name].entries["optional"])
        self._only_one("parameters", "seed", content.parameters, parameter_nodes)
        resources = self._resources("resources", entries.get("resources", Node({})), content.parameters)
        stages = content.stages and {
            name: stage.model_copy(update={"resources": self._stage_resources(name, stage, content, stage_nodes)})
            for name, stage in content.stages.items()
        }
        validated = {"parameters": parameters, "resources": resources, "stages": stages}
        return Application.model_construct(**{**dict(content), **validated, "folder": self.path.parent})

    def _parameter(self, name: str, parameter: Parameter, node: Node) -> Parameter:
        """Return a parameter with default and choices converted to the declared type."""
        entries = node.entries
        if parameter.items and "array" not in declared_types(parameter.json_schema):
            self._note(f"'parameters.{name}.items' is only for the type array", entries["items"])
        if parameter.seed and parameter.type != "integer":
            self._note(f"'parameters.{name}.seed' is only for the type integer", entries["seed"])
        if parameter.enum is not None:
            schema = {"type": parameter.type}
            choices = [
                self._value(f"parameters.{name}.enum[{index}]", schema, choice)
                for index, choice in enumerate(entries["enum"].members)
            ]
            parameter = parameter.model_copy(update={"enum": choices})
        if "default" in entries:
            default = self._value(f"parameters.{name}.default", parameter.json_schema, entries["default"])
            parameter = parameter.model_copy(update={"default": default})
        return parameter

    def _names(self, content: ApplicationFile, node: Node) -> None:
        """Check that names and aliases are distinct, and none is reserved."""
        owners: dict[str, str] = dict.fromkeys(content.parameters, "a parameter")
        for name, parameter in content.parameters.items():
            if name in FRAMEWORK_AXES or name in ALGEBRA:
                self._note_key(f"'parameters.{name}': this name belongs to the framework", node, name)
            for alias in parameter.aliases:
                where = node.entries[name].entries["aliases"]
                if alias in FRAMEWORK_AXES or alias in ALGEBRA:
                    self._note(f"'parameters.{name}.aliases': {alias!r} belongs to the framework", where)
                elif alias in owners:
                    self._note(f"'parameters.{name}.aliases': {alias!r} is {owners[alias]} already", where)
                owners.setdefault(alias, f"an alias of {name!r}")

    def _stages(self, content: ApplicationFile, node: Node) -> ApplicationFile:
        """Check the stages; return the content with mistyped names of ``needs`` corrected: each is one mistake."""
        if content.stages is None:
            return content
        stages = {}
        for name, stage in content.stages.items():
            entries = node.entries[name].entries
            known = set(content.parameters)
            self._listed(f"stages.{name}.uses", entries.get("uses"), known, "parameter")
            others = set(content.stages) - {name}
            self._listed(f"stages.{name}.needs", entries.get("needs"), others, "stage")
            needs = [need if need in others else nearest(need, others) or need for need in stage.needs]
            stages[name] = stage.model_copy(update={"needs": needs})
            if "uses" in entries and stage is content.experiment_stage:
                self._note(
                    f"'stages.{name}.uses': the last stage is the experiment, which uses all parameters",
                    entries["uses"],
                )
        self._graph(stages, node)
        return content.model_copy(update={"stages": stages})

    def _graph(self, stages: Mapping[str, Stage], node: Node) -> None:
        """Check that stages have no cycle, each is needed, and no two are equal."""
        try:
            tuple(TopologicalSorter({name: stage.needs for name, stage in stages.items()}).static_order())
        except CycleError as error:
            self._note(f"'stages' depend on each other in a circle: {' -> '.join(error.args[1])}", node)
        needed = {need for stage in stages.values() for need in stage.needs}
        seen: dict[str, str] = {}
        for name, stage in list(stages.items())[:-1]:
            if name not in needed:
                self._note_key(f"'stages.{name}' would never run: no stage needs it", node, name)
            same = canonical_json([stage.command, sorted(stage.uses), sorted(stage.needs)])
            if same in seen:
                self._note_key(f"'stages.{name}' does the same as 'stages.{seen[same]}'", node, name)
            seen.setdefault(same, name)

    def _listed(self, key: str, node: Node | None, known: Iterable[str], noun: str) -> None:
        """Check that every name in a list is known."""
        for member in node.members if node else ():
            name = str(member.value)
            if name not in known:
                self._note(
                    f"{key!r}: unknown {noun} {name!r}",
                    member,
                    ", ".join(sorted(known)),
                    nearest(name, known),
                )

    def _only_one(self, key: str, flag: str, items: Mapping[str, Any], node: Node) -> None:
        flagged = [name for name, item in items.items() if getattr(item, flag)]
        for name in flagged[1:]:
            self._note(
                f"'{key}.{name}.{flag}': {flagged[0]!r} is it already; there is only one",
                node.entries[name].entries[flag],
            )

    def _stage_resources(self, name: str, stage: Stage, content: ApplicationFile, node: Node) -> dict[str, Any]:
        is_last = stage is content.experiment_stage
        below = node.entries[name].entries.get("resources", Node({}))
        return self._resources(f"stages.{name}.resources", below, content.parameters if is_last else stage.uses)

    def _resources(self, key: str, node: Node, parameters: Iterable[str]) -> dict[str, Value | Formula]:
        """Read resources: values, or expressions over parameters."""
        resources: dict[str, Value | Formula] = {}
        for name, value in node.entries.items():
            if name not in RESOURCES:
                where = node.key_place(self.path, name)
                allowed, near = ", ".join(RESOURCES), nearest(name, RESOURCES)
                self.problems.append(Problem(f"unknown resource '{key}.{name}'", where, allowed, near))
            elif isinstance(value.value, str) and RESOURCES[name]["type"] == "integer":
                resources |= self._formula(name, f"{key}.{name}", value, parameters)
            else:
                resources[name] = self._value(f"{key}.{name}", RESOURCES[name], value)
        return resources

    def _formula(self, name: str, key: str, node: Node, parameters: Iterable[str]) -> dict[str, Formula]:
        try:
            formula = Formula.read(node.value, key, node.place(self.path))
        except InputError as error:
            self.problems += error.problems
            return {}
        known = list(parameters)
        for unknown in sorted(formula.expression.names - set(known)):
            message = f"{key!r} uses {unknown!r}, which is no parameter that it depends on"
            self._note(message, node, ", ".join(known), nearest(unknown, known))
        return {name: formula}

    def _value(self, key: str, schema: Mapping[str, Any], node: Node) -> Value | None:
        try:
            return read_value(schema, node)
        except ValueError as error:
            self._note(f"{key!r} {error}", node)
            return None

    def _note(self, message: str, node: Node, allowed: str = "", near: str = "") -> None:
        self.problems.append(Problem(message, node.place(self.path), allowed, near))

    def _note_key(self, message: str, node: Node, key: str) -> None:
        self.problems.append(Problem(message, node.key_place(self.path, key)))

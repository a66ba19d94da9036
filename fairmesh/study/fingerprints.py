"""Fingerprints: what a stage or an experiment computes, as a hash.

SHA-256 of the canonical JSON of application, version, command, parameters and the fingerprints of the needed
stages. The parts that do not change from one experiment to the next are written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from fairmesh.files import canonical_json, text_sha256
from fairmesh.study.application import Application, Stage
from fairmesh.study.plan import StageInstance
from fairmesh.study.points import Choice, Point
from fairmesh.study.resources import Resources


class _Writer:
    """Writes the fingerprints of one stage."""

    def __init__(self, application: Application, stage: Stage, parameters: Mapping[str, object]) -> None:
        name, command = canonical_json(application.name), canonical_json(stage.command)
        self._head = f'{{"application":{name},"command":{command},"parameters":{{'
        self._tail = f',"version":{canonical_json(application.version)}}}'
        self._parameters = sorted(parameters)

    def json_parameters(self, settings: Mapping[str, Choice]) -> str:
        """Return the inside of the map of parameters."""
        return ",".join([settings[name].json_text for name in self._parameters])

    def fingerprint(self, parameters: str, needs: Mapping[str, str]) -> str:
        """Return the hash of everything."""
        return text_sha256(f'{self._head}{parameters}}},"stages":{canonical_json(needs)}{self._tail}')


class Fingerprints:
    """Gives the fingerprints of an application's stages and experiments, and keeps the stages that occurred.

    Parameters
    ----------
    application : Application
        What is run.
    resources : Resources
        What its stages ask for.
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
        found: dict[str, str] = {}
        for name, stage in self._shared.items():
            found[name] = self._stage(name, stage, settings, found)
        needs = {name: found[name] for name in self._application.experiment_stage.needs}
        return self._experiment.fingerprint(self._experiment.json_parameters(settings), needs), needs

    def _stage(self, name: str, stage: Stage, settings: Point, found: Mapping[str, str]) -> str:
        writer = self._writers[name]
        needs = {need: found[need] for need in stage.needs}
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

"""What was done, as a Provenance Run Crate says it: the workflow, its steps, each experiment and shared stage."""

from __future__ import annotations

from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.entities import Entity, Graph, fragment, ref, refs
from fairmesh.fair.inventory import address, manifest
from fairmesh.fair.package import MAIN, RESULTS, Experiment, Package, time
from fairmesh.fair.parameters import Parameters
from fairmesh.fair.tools import Tools, stage_of
from fairmesh.results import Outcome, RankedPoint, best_point
from fairmesh.results.ranking import summary_of
from fairmesh.runner.protocol import DONE, FAILED, RUNNING

_STATUS = {DONE: v.COMPLETED, FAILED: v.FAILED, RUNNING: v.ACTIVE}


class Actions:
    """The actions of a package as entities of a graph.

    Parameters
    ----------
    graph : Graph
        That gets them.
    package : Package
        What was done.
    parameters : Parameters
        What it was done with.
    tools : Tools
        Who did it.
    """

    def __init__(self, graph: Graph, package: Package, parameters: Parameters, tools: Tools) -> None:
        self._graph, self._package, self._parameters, self._tools = graph, package, parameters, tools
        self._agent = self._find_agent()
        self._by_stage: dict[str, list[Entity]] = {}
        self.all: list[Entity] = []
        for path, commit in package.stages.items():
            self._add(stage_of(path), self._of_stage(path, commit))
        for experiment in package.experiments:
            self._add(tools.last, self._of_experiment(experiment))
        self._workflow()

    def _add(self, stage: str, action: Entity) -> None:
        self._by_stage.setdefault(stage, []).append(action)
        self.all.append(action)

    def _find_agent(self) -> Entity | None:
        owner = self._package.owner
        if owner.organisation:
            return self._graph.organisation(owner.organisation)
        return self._graph.person(owner.authors[0], owner.text("url")) if owner.authors else None

    def _of_stage(self, path: str, commit: dict[str, Any]) -> Entity:
        file = self._package.inventory.files[path]
        stage = stage_of(path)
        given = commit.get("parameters") if isinstance(commit.get("parameters"), dict) else {}
        return self._graph.add(
            f"#stage/{file.name.removesuffix('.json')}",
            "CreateAction",
            name=f"{stage} {file.name.removesuffix('.json').rpartition('-')[2]}",
            description=f"The stage {stage}, for all experiments that need it; its record lists what it made",
            instrument=self._tools.of(stage),
            agent=self._agent,
            startTime=time(commit, "started"),
            endTime=time(commit, "ended"),
            actionStatus=v.COMPLETED,
            object=[self._parameters.value(name, value) for name, value in (given or {}).items()],
            result=ref(file.id),
        )

    def _of_experiment(self, experiment: Experiment) -> Entity:
        outcome = experiment.outcome
        environment = self._package.environment(experiment)
        failed = outcome.state != DONE
        times = outcome.status if failed else outcome.record
        return self._graph.add(
            f"#experiment/{outcome.key}",
            "CreateAction",
            name=outcome.id,
            description=f"Experiment {outcome.id} on {outcome.machine}",
            instrument=self._tools.of(self._tools.last),
            agent=self._agent,
            startTime=time(times, "started"),
            endTime=time(times, "ended"),
            actionStatus=v.FAILED if failed else v.COMPLETED,
            error=f"{outcome.state}: {outcome.reason}" if failed else None,
            object=[
                *(self._parameters.value(name, value) for name, value in outcome.parameters.items()),
                *refs(self._package.inputs(experiment)),
            ],
            result=self._results(experiment),
            resourceUsage=[] if self._package.is_large else self._parameters.usage(outcome.key, outcome.usage),
            environment=self._parameters.settings(environment, outcome.record),
            containerImage=self._image(environment.get("container")),
        )

    def _results(self, experiment: Experiment) -> list[Entity]:
        """Return what an experiment made: its files and metrics; of very many, one data set with a manifest each."""
        outcome = experiment.outcome
        if self._package.is_large:
            return [self._data_set(experiment)]
        record = [experiment.record] if experiment.record else []
        return [*refs([*record, *experiment.files]), *self._measured(outcome)]

    def _measured(self, outcome: Outcome) -> list[Entity]:
        return [self._parameters.measured(outcome.key, name, value) for name, value in outcome.metrics.items()]

    def _data_set(self, experiment: Experiment) -> Entity:
        return self._graph.add(
            f"{address(experiment.folder)}/",
            "Dataset",
            name=experiment.outcome.id,
            description=f"{len(experiment.files)} files; sha256 is that of their lines in SHA256SUMS, paths from here",
            contentSize=str(sum(file.bytes for file in experiment.files)),
            sha256=manifest(experiment.files, experiment.folder),
        )

    def _best(self, best: RankedPoint) -> list[Entity]:
        """Add what the best point measured: each metric's mean over its repeats, or its only measurement."""
        if len(best.measured) == 1:
            return self._measured(best.run)
        found = {metric.name: summary_of(metric, best.outcomes) for metric in self._package.study.metrics}
        return [
            self._parameters.mean(best.run.key, name, best.name, summary) for name, summary in found.items() if summary
        ]

    def _image(self, container: Any) -> Entity | None:
        if not isinstance(container, dict) or container.get("kind") not in v.IMAGES or not container.get("image"):
            return None
        kind = v.IMAGES[str(container["kind"])]
        return self._graph.add(
            f"#image/{address(str(container['image']))}",
            "ContainerImage",
            name=str(container["image"]),
            additionalType=self._graph.add(kind, "CreativeWork", name=kind.rpartition("#")[2]),
        )

    def _workflow(self) -> None:
        """Add the run as a whole, and the engine's part in it: an action a step."""
        best = best_point(self._package.study)
        measured = self._best(best) if best else []
        status = _STATUS[self._package.state]
        ended = "" if status == v.ACTIVE else self._package.ended
        failed = len(self._package.failed)
        whole = self._graph.add(
            "#run",
            "CreateAction",
            name=f"Run of {self._package.title}",
            description=self._package.description,
            instrument=ref(MAIN),
            agent=self._agent,
            startTime=self._package.started,
            endTime=ended,
            actionStatus=status,
            error=f"{failed} of {len(self._package.study.experiments)} experiments ended without a result"
            if status == v.FAILED
            else None,
            object=ref("plan.json"),
            result=[ref(RESULTS), *measured],
        )
        steps = [
            self._graph.add(
                f"#control/{fragment(stage)}",
                "ControlAction",
                name=f"Orchestrate {stage}",
                instrument=self._tools.steps[stage],
                object=self._by_stage[stage],
            )
            for stage in self._tools.stages
            if stage in self._by_stage
        ]
        self._graph.add(
            "#organize",
            "OrganizeAction",
            name=f"Run of Snakemake for {self._package.title}",
            instrument=self._tools.engine,
            agent=self._agent,
            startTime=self._package.started,
            endTime=ended,
            actionStatus=status,
            object=steps,
            result=whole,
        )
        self.all.append(whole)

"""The provenance in a crate: the workflow, its steps, each experiment and stage, and their tools."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.crate_graph import Entity, Graph, fragment, ref, refs
from fairmesh.fair.inventory import address, manifest
from fairmesh.fair.package import MAIN, RESULTS, Experiment, Package, time
from fairmesh.fair.parameters import Parameters
from fairmesh.fair.publisher import Organization, web
from fairmesh.results import Outcome, RankedPoint, best_point
from fairmesh.results.metrics import readable
from fairmesh.results.owners import ResultOwner
from fairmesh.results.ranking import summary_of
from fairmesh.runner.protocol import DONE, FAILED, RUNNING


class Tools:
    """The programs of a package as entities of a graph.

    Parameters
    ----------
    graph : Graph
        That gets them.
    package : Package
        Whose application and workflow they are.
    parameters : Parameters
        What they take and give.
    """

    def __init__(self, graph: Graph, package: Package, parameters: Parameters) -> None:
        self._graph, self._package, self._parameters = graph, package, parameters
        declared = package.application.get("stages")
        titles = declared if isinstance(declared, dict) and declared else {"experiment": ""}
        used = set(map(stage_of, package.stages))
        self.last = list(titles)[-1]
        self.stages = [name for name in titles if name in used or name == self.last]
        self._tools = {name: self._tool(name, str(titles[name] or readable(name))) for name in self.stages}
        self.steps = {name: self._step(number, name) for number, name in enumerate(self.stages, start=1)}
        self.engine = self._engine()
        self._workflow()

    def of(self, stage: str) -> Entity:
        """Return the tool of a stage."""
        return self._tools.get(stage) or self._tools[self.last]

    @property
    def _version(self) -> str:
        return str(self._package.application["version"])

    def _tool(self, stage: str, title: str) -> Entity:
        application = self._package.application
        url = web(str(application.get("url") or ""))
        name = str(application.get("title") or application["name"])
        last = stage == self.last
        return self._graph.add(
            f"{url}#{fragment(application['name'])}-{fragment(self._version)}-{fragment(stage)}"
            if url
            else f"#tool/{fragment(stage)}",
            "SoftwareApplication",
            name=f"{name}: {title}",
            description=str(application.get("description") or ""),
            softwareVersion=self._version,
            url=url,
            license=self._graph.licence(str(application.get("licence") or "")),
            author=[self._graph.person(maker, url) for maker in self._package.makers],
            citation=str(application.get("citation") or ""),
            codeRepository=web(str(self._code("application").get("repository") or "")),
            softwareRequirements=self._python(),
            input=list(self._parameters.inputs.values()) if last else [],
            output=list(self._parameters.outputs.values()) if last else [],
        )

    def _python(self) -> Entity | None:
        """Add the interpreter of the first result."""
        python = self._environment().get("python")
        if not isinstance(python, dict) or not python.get("version"):
            return None
        version = str(python["version"])
        return self._graph.add(
            f"https://www.python.org/downloads/release/python-{version.replace('.', '')}/",
            "SoftwareApplication",
            name=str(python.get("implementation") or "Python"),
            softwareVersion=version,
            url="https://www.python.org/",
        )

    def _environment(self) -> dict[str, Any]:
        done: list[Experiment] = self._package.done
        return self._package.environment(done[0]) if done else {}

    def _code(self, part: str) -> dict[str, Any]:
        code = self._environment().get("code")
        found = code.get(part) if isinstance(code, dict) else None
        return found if isinstance(found, dict) else {}

    def _step(self, position: int, stage: str) -> Entity:
        tool = self._tools[stage]
        return self._graph.add(
            f"#step/{fragment(stage)}", "HowToStep", name=stage, position=str(position), workExample=tool
        )

    def _engine(self) -> Entity:
        python = self._environment().get("python")
        packages = python.get("packages") if isinstance(python, dict) else None
        # The interpreter that a job found need not be the one of the workflow: it is the first in PATH.
        known = str((packages or {}).get("snakemake") or "") or version("snakemake")
        return self._graph.add(
            v.SNAKEMAKE,
            "SoftwareApplication",
            name="Snakemake",
            softwareVersion=self._package.engine_version or known,
            url=v.SNAKEMAKE,
        )

    def _workflow(self) -> None:
        file = self._package.inventory.files.get(MAIN)
        if file is None:
            return
        project = self._code("project")
        places = (project.get("repository"), self._package.owner.text("url"), self._package.application.get("url"))
        url = next(filter(None, (web(str(place or "")) for place in places)), "")
        self._graph.add(v.LANGUAGE, "ComputerLanguage", name="Snakemake", identifier=ref(v.SNAKEMAKE), url=v.SNAKEMAKE)
        name = "Bioschemas ComputationalWorkflow"
        self._graph.add(v.WORKFLOW_PROFILE, "CreativeWork", name=name, version="1.0-RELEASE")
        self._graph.file(
            file,
            name=f"The workflow of {self._package.title}",
            programmingLanguage=ref(v.LANGUAGE),
            conformsTo=ref(v.WORKFLOW_PROFILE),
            version=str(project.get("commit") or "") or self._version,
            url=url,
            hasPart=list(self._tools.values()),
            step=list(self.steps.values()),
            input=list(self._parameters.inputs.values()),
            output=list(self._parameters.outputs.values()),
        )
        self._graph.update(file.id, **{"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]})


def stage_of(path: str) -> str:
    """Return the stage whose commit lies at a path.

    >>> stage_of("stages/scenes-0123456789ab.json")
    'scenes'
    """
    return path.rpartition("/")[2].rpartition("-")[0]


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
        self._authors = {author.name: author for author in package.owner.authors}
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
        if owner.organization:
            return self._graph.organization(owner.organization)
        return self._graph.person(owner.authors[0], owner.text("url")) if owner.authors else None

    def _agent_of(self, owner: ResultOwner) -> Entity | None:
        """Return who ran an experiment: a person who is an author, else the organization, else the publisher."""
        organization = Organization(owner.organisation, owner.organisation_url) if owner.organisation else None
        if owner.person in self._authors:
            return self._graph.person(self._authors[owner.person])
        return self._graph.organization(organization) if organization else self._agent

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
            agent=self._agent_of(outcome.owner),
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
        """Return the files and metrics of an experiment, or its data set in a large package."""
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
        """Add the metrics of the best point: means over repeats, or single measurements."""
        if len(best.measured) == 1:
            return self._measured(best.run)
        summaries = {metric.name: summary_of(metric, best.outcomes) for metric in self._package.study.metrics}
        return [
            self._parameters.mean(best.run.key, name, best.name, summary)
            for name, summary in summaries.items()
            if summary
        ]

    def _image(self, container: Any) -> Entity | None:
        if not isinstance(container, dict) or container.get("kind") not in v.IMAGES or not container.get("image"):
            return None
        kind = v.IMAGES[str(container["kind"])]
        digest = str(container.get("digest") or "")
        return self._graph.add(
            f"#image/{address(str(container['image']))}" + (f"/{address(digest)}" if digest else ""),
            "ContainerImage",
            name=str(container["image"]),
            sha256=digest.removeprefix("sha256:") or None,
            additionalType=self._graph.add(kind, "CreativeWork", name=kind.rpartition("#")[2]),
        )

    def _workflow(self) -> None:
        """Add the run, with an action of the workflow engine for each step."""
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

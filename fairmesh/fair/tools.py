"""What did the work: the workflow and its steps, the application's stages, the engine."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fairmesh.fair import vocabulary as v
from fairmesh.fair.entities import Entity, Graph, fragment, ref
from fairmesh.fair.package import MAIN, Experiment, Package
from fairmesh.fair.parameters import Parameters
from fairmesh.fair.people import web
from fairmesh.results.metrics import readable


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
            author=[self._graph.person(each, url) for each in self._package.makers],
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

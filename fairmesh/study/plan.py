"""The plan of a study: experiments, the stages that they share, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.names import plain_text
from fairmesh.printing import count_text, html_table
from fairmesh.runner.protocol import FORMAT
from fairmesh.short_names import ExperimentFinder, ShortNames
from fairmesh.stages import walk_needs
from fairmesh.study.application import Application
from fairmesh.study.cost import Cost, total_cost
from fairmesh.study.studyfile import CodePolicy
from fairmesh.study.values import Value

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20  # experiments in a notebook


@dataclass(frozen=True, slots=True)
class StageInstance:
    """A stage with the values of the parameters that it uses.

    Parameters
    ----------
    name : str
        The stage.
    fingerprint : str
        The hash of what it computes, as 64 hex digits.
    parameters : dict
        The values of the parameters that it uses.
    needs : dict of str to str
        The fingerprints of the stages that it needs, by name.
    resources : dict
        Its resources, under Snakemake's names.
    command : list of str
        Jinja2 texts, not rendered.
    """

    name: str
    fingerprint: str
    parameters: dict[str, Value]
    needs: dict[str, str]
    resources: dict[str, Value]
    command: list[str]

    @property
    def key(self) -> str:
        """The 12 hex digits in the names of its files."""
        return self.fingerprint[:12]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One point of the parameter space on one machine.

    Parameters
    ----------
    study, machine, id : str
        The identity of its record.
    key : str
        12 hex digits that stand for study, machine and id.
    parameters : dict
        All parameters of the application, in its order, with defaults; the seed follows the repeat.
    axes : dict
        The value of each axis, sorted by name, the repeat last.
    resources : dict
        Its resources, under Snakemake's names.
    stages : dict of str to str
        The fingerprints of the stages that it needs, by name.
    fingerprint : str
        The hash of what it computes, as 64 hex digits.
    """

    study: str
    machine: str
    id: str
    key: str
    parameters: dict[str, Value]
    axes: dict[str, Value]
    resources: dict[str, Value]
    stages: dict[str, str]
    fingerprint: str

    @property
    def name(self) -> tuple[str, str]:
        """Its machine and id, by which the experiments of a study differ."""
        return self.machine, self.id

    @property
    def values(self) -> dict[str, Any]:
        """The values of names in expressions: resources, parameters, axes, and the identity."""
        return {**self.resources, **self.parameters, **self.axes, "machine": self.machine, "id": self.id}

    def to_json(self) -> dict[str, Any]:
        """Return the experiment's entry in plan.json, without the key ``selected``."""
        names = ("machine", "id", "key", "parameters", "axes", "resources", "stages", "fingerprint")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, repr=False)
class Plan(Sequence[Experiment]):
    """The experiments of a study; as a sequence, the selected ones in order.

    Parameters
    ----------
    study, title : str
        Its name and title in the study file.
    application : Application
        The application.
    axes : dict of str to list
        The values of each axis, in the study's order, the repeat last.
    machines : list of str
        The machines that it runs on.
    measure : str
        ``exclusive`` or ``shared``.
    experiments : list of Experiment
        All experiments; the first axis varies slowest.
    stages : dict of str to StageInstance
        The shared stages by fingerprint, each after those that it needs.
    warnings : list of str
        Warnings for the user, one line each.
    source : Path
        The study file.
    selection : dict
        Options that select experiments, or replace values of the file.
    selected : list of Experiment
        The selected experiments, in order.
    on_code_change : str or None
        What the study does about results that were measured with other code: ``warn`` or ``rerun``; None if it does not
        say.
    machine : str
        The machine of the profile.
    names_machines : bool
        Whether the study names the machines of its experiments, so that that of the profile does not count.
    stage_machines : mapping of str to str
        The machine of each shared stage that does not run on that of the profile.
    container : str or None
        The image of a container that the study names.

    Examples
    --------
    >>> import fairmesh
    >>> plan = fairmesh.Study.load("quick").plan()  # doctest: +SKIP
    >>> len(plan), plan[0].id  # doctest: +SKIP
    (2, 'epochs=1')
    """

    study: str
    title: str
    application: Application
    axes: dict[str, list[Value]]
    machines: list[str]
    measure: str
    experiments: list[Experiment]
    stages: dict[str, StageInstance]
    warnings: list[str]
    source: Path
    selection: dict[str, Any]
    selected: list[Experiment]
    on_code_change: CodePolicy | None = None
    machine: str = ""
    names_machines: bool = False
    stage_machines: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None

    def __len__(self) -> int:
        return len(self.selected)

    def __iter__(self) -> Iterator[Experiment]:
        return iter(self.selected)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.selected[index]

    @cached_property
    def _names(self) -> ShortNames:
        return ShortNames([experiment.axes for experiment in self.experiments], self.axes)

    @cached_property
    def finder(self) -> ExperimentFinder[Experiment]:
        """What finds experiments by the names that people write."""
        return ExperimentFinder(self.study, self.experiments, self._names)

    def short_name(self, experiment: Experiment) -> str:
        """Return the name of an experiment for people: the axes that vary within the study, and the repeat."""
        return self._names.of(experiment.axes)

    def full_name(self, experiment: Experiment) -> str:
        """Return the short name, with the machine if the study has several."""
        name = self.short_name(experiment)
        return f"{name} on {experiment.machine}" if len(self.machines) > 1 else name

    def machine_of(self, stage: StageInstance) -> str:
        """Return the machine of a shared stage."""
        return self.stage_machines.get(stage.name, self.machine)

    @property
    def all_machines(self) -> list[str]:
        """The machines of experiments and of shared stages."""
        stages = map(self.machine_of, self.stages.values())
        return list(dict.fromkeys([*self.machines, *stages]))

    @property
    def cost(self) -> Cost:
        """The hours of processors and GPUs that the selected experiments request."""
        return total_cost(self)

    def frame(self) -> pd.DataFrame:
        """Return a row for each selected experiment: identity, axes, other parameters, resources."""
        import pandas as pd  # noqa: PLC0415  half a second

        rows = [
            {
                "machine": experiment.machine,
                "id": experiment.id,
                "key": experiment.key,
                **experiment.resources,
                **experiment.parameters,
                **experiment.axes,
            }
            for experiment in self
        ]
        first = ["machine", "id", "key", *self.axes]
        frame = pd.DataFrame(rows)
        return frame[[*first, *(name for name in frame.columns if name not in first)]]

    def __repr__(self) -> str:
        return f"<{count_text(len(self), 'experiment')} of {self.study} on {', '.join(self.machines)}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                self.short_name(experiment),
                *(plain_text(experiment.axes[name]) if name in experiment.axes else "" for name in self.axes),
            )
            for experiment in self[:SHOWN]
        ]
        count = count_text(len(self), "experiment") + (f", of which {SHOWN} are shown" if len(self) > SHOWN else "")
        return f"{html_table(('experiment', *self.axes), rows)}{escape(count)}"

    def needed_stages(
        self, experiments: Iterable[Experiment], has_result: Callable[[StageInstance], bool] | None = None
    ) -> list[StageInstance]:
        """Return the shared stages that experiments need, directly or indirectly, each after those that it needs.

        Parameters
        ----------
        experiments : iterable of Experiment
            Experiments of the plan.
        has_result : callable, optional
            Returns whether a stage has a result; it is left out then, with stages that only it needs.
        """
        finished: set[str] = set()

        def needs(fingerprint: str) -> Iterable[str]:
            stage = self.stages[fingerprint]
            if has_result and has_result(stage):
                finished.add(fingerprint)
                return ()
            return stage.needs.values()

        direct = (fingerprint for experiment in experiments for fingerprint in experiment.stages.values())
        needed = set(walk_needs(direct, needs)) - finished
        return [stage for fingerprint, stage in self.stages.items() if fingerprint in needed]

    def to_json(self) -> dict[str, Any]:
        """Return the content of plan.json."""
        selected = {experiment.name for experiment in self.selected}
        return {
            "format": FORMAT,
            "study": self.study,
            "title": self.title,
            "application": {"name": self.application.name, "version": self.application.version},
            "axes": self.axes,
            "machines": self.machines,
            "selection": self.selection,
            "experiments": [
                experiment.to_json() | {"selected": experiment.name in selected} for experiment in self.experiments
            ],
        }


def mermaid(plan: Plan) -> str:
    """Return a Mermaid graph of the stages, and how often each runs.

    Parameters
    ----------
    plan : Plan
        The plan, of which the selected experiments count.
    """
    stages = plan.application.all_stages
    counts = _counts(plan)
    ids = {name: f"s{index}" for index, name in enumerate(stages)}
    nodes = [
        f'  {ids[name]}["{_quoted(stage.title or name)}<br/>runs {counts[name]}x"]' for name, stage in stages.items()
    ]
    arrows = [f"  {ids[need]} --> {ids[name]}" for name, stage in stages.items() for need in stage.needs]
    return "\n".join(["flowchart LR", *nodes, *arrows])


def _counts(plan: Plan) -> Counter[str]:
    """Count the distinct instances of each stage."""
    counts = Counter(stage.name for stage in plan.needed_stages(plan.selected))
    counts[list(plan.application.all_stages)[-1]] = len(plan.selected)
    return counts


def _quoted(text: str) -> str:
    """Return a text with the special characters of Mermaid escaped."""
    return "".join(sign if sign.isalnum() or sign in " .,:-_" else f"#{ord(sign)};" for sign in text)

"""The experiments of a study in order: to count, to look at, and to see what they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairmesh.study.cost import Cost, cost
from fairmesh.study.plan import Experiment
from fairmesh.study.plan import Plan as WholePlan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Plan(Sequence[Experiment]):
    """A list of experiments.

    Parameters
    ----------
    whole : fairmesh.study.plan.Plan
        All that is known of it; its ``selected`` are the members of the list.

    Examples
    --------
    >>> import fairmesh
    >>> plan = fairmesh.Study.load("quick").plan()  # doctest: +SKIP
    >>> len(plan), plan[0].id  # doctest: +SKIP
    (2, 'epochs=1')
    """

    whole: WholePlan = field(repr=False)

    def __len__(self) -> int:
        return len(self.whole.selected)

    def __iter__(self) -> Iterator[Experiment]:
        return iter(self.whole.selected)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        return self.whole.selected[at]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, a line each."""
        return tuple(self.whole.warnings)

    @property
    def cost(self) -> Cost:
        """What the experiments ask for, in hours of processors and GPUs."""
        return cost(self)

    def frame(self) -> pd.DataFrame:
        """Return a row an experiment: identity, axes, other parameters, resources."""
        import pandas as pd  # noqa: PLC0415  half a second

        rows = [
            {"machine": each.machine, "id": each.id, "key": each.key, **each.resources, **each.parameters, **each.axes}
            for each in self
        ]
        first = ["machine", "id", "key", *self.whole.axes]
        found = pd.DataFrame(rows)
        return found[[*first, *(name for name in found.columns if name not in first)]]

    def __repr__(self) -> str:
        return f"<{len(self)} experiments of {self.whole.study} on {', '.join(self.whole.machines)}>"

    def _repr_html_(self) -> str:
        from fairmesh.api.html import of_plan  # noqa: PLC0415  only in notebooks

        return of_plan(self)

"""What a study's documents say of it as a whole: name, description, identifier, and who stands behind it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fairmesh.fair.people import Owner, Person
from fairmesh.files import canonical_json
from fairmesh.identifiers import DOI
from fairmesh.names import number_text
from fairmesh.results import StudyResults, best_point


@dataclass
class About:
    """A study in words.

    Parameters
    ----------
    study : StudyResults
        The results.
    """

    study: StudyResults

    @cached_property
    def owner(self) -> Owner:
        """Who publishes."""
        return Owner(self.study.plan.get("publisher") or {}, self.study.name)

    @property
    def application(self) -> dict[str, Any]:
        """The application as the plan describes it."""
        found: dict[str, Any] = self.study.plan["application"]
        return found

    @cached_property
    def makers(self) -> list[Person]:
        """Who wrote the application."""
        found = [Person.read(each) for each in self.application.get("authors") or []]
        return [each for each in found if each.name]

    @property
    def title(self) -> str:
        """What people call the study."""
        return str(self.study.plan.get("title") or self.study.name)

    @cached_property
    def description(self) -> str:
        """What the data are, in a few sentences that follow from the plan and the results."""
        application = self.application
        name = application.get("title") or application["name"]
        done = len(self.study.done)
        missing = len(self.study.experiments) - done
        over = f" over {_listed(self._varied)}" if self._varied else ""
        parts = [
            f"Results of {done} experiment{'s' if done != 1 else ''} with {name} {application['version']}{over}.",
            f"{missing} more without a result." if missing else "",
            self.headline,
            str(application.get("description") or ""),
        ]
        return " ".join(filter(None, parts))

    @cached_property
    def _varied(self) -> list[str]:
        """The axes with more than one value."""
        axes = self.study.plan.get("axes") or {}
        return [name for name in axes if not isinstance(axes, dict) or len(axes[name]) > 1]

    @property
    def headline(self) -> str:
        """The best value, in a sentence."""
        best = best_point(self.study)
        if not best:
            return ""
        value = number_text(float(f"{best.summary.mean:.6g}"))
        repeats = f"the mean of {best.summary.n} repeats of " if best.summary.n > 1 else "of "
        return (
            f"The best {best.metric.title.lower()} is {value} {best.metric.unit}".rstrip() + f", {repeats}{best.name}."
        )

    @cached_property
    def keywords(self) -> list[str]:
        """Words by which it is found."""
        own = self.owner.publisher.get("keywords") or []
        of_application = self.application.get("keywords") or []
        return list(dict.fromkeys(map(str, [*own, *of_application, self.application["name"]])))

    @cached_property
    def identifier(self) -> str:
        """Its name for machines, which follows from who publishes and from the fingerprints of all planned points."""
        who = [self.owner.text("organisation"), [[each.name, each.orcid] for each in self.owner.authors]]
        points = sorted([each["machine"], each["id"], each["fingerprint"]] for each in self.study.plan["experiments"])
        text = canonical_json([who, self.study.name, self.application["name"], points])
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, text)}"

    @property
    def address(self) -> str:
        """Where it can be found for good: its DOI; its identifier until it has one."""
        return f"{DOI}{self.owner.doi}" if self.owner.doi else self.identifier


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

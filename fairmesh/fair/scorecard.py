"""The scorecard of a package: fifteen verdicts, what speaks against each, and what a person can do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.fair.findable import has_doi
from fairmesh.fair.people import Owner
from fairmesh.fair.principles import KINDS, PRINCIPLES, Principle
from fairmesh.fair.reading import Found
from fairmesh.files import json_text, write_if_changed
from fairmesh.runner.protocol import FORMAT

FAIR = "fair.json"
COMMUNITY = "R1.3"  # what the validators of others have a say in
SHOWN = 20  # findings of a principle in fair.json; their number is said as well

State = Literal["met", "prepared", "falls"]


@dataclass(frozen=True)
class Verdict:
    """What was found of one principle.

    Parameters
    ----------
    principle : Principle
        Which.
    state : str
        ``met``, ``prepared`` for a deposit that is still to come, or ``falls``.
    findings : list of str
        What speaks against it.
    """

    principle: Principle
    state: State
    findings: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as ``fair.json`` has it."""
        return {
            "principle": self.principle.code,
            "text": self.principle.text,
            "state": self.state,
            "assessed": KINDS[self.principle.kind],
            "findings": self.findings[:SHOWN],
            "count": len(self.findings),
        }


@dataclass(frozen=True)
class Scorecard:
    """The verdicts on a package.

    Parameters
    ----------
    study, identifier : str
        What was assessed.
    verdicts : list of Verdict
        In the order of the principles.
    asks : list of str
        What nobody has stated: the key of the configuration, and what it is.
    validators : mapping of str to str
        The validators of others that were asked, and what each said in a word.
    problems : list of str
        The documents that are there and cannot be read, a line each.
    """

    study: str
    identifier: str
    verdicts: list[Verdict]
    asks: list[str]
    validators: Mapping[str, str]
    problems: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many principles are met, prepared, and fall."""
        found = Counter(each.state for each in self.verdicts)
        return {state: found[state] for state in ("met", "prepared", "falls")}

    @property
    def falls(self) -> bool:
        """Whether one of them falls."""
        return self.counts["falls"] > 0

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``fair.json``."""
        return {
            "format": FORMAT,
            "study": self.study,
            "identifier": self.identifier,
            "of": len(self.verdicts),
            **self.counts,
            "principles": [each.to_json() for each in self.verdicts],
            "asks": self.asks,
            "validators": dict(self.validators),
        }


def score(folder: Path, validators: Mapping[str, Sequence[str]] | None = None) -> Scorecard:
    """Assess a package; every hash is computed anew.

    Parameters
    ----------
    folder : Path
        Where ``ro-crate-metadata.json`` is: a study's folder in the results, or a copy of a crate anywhere.
    validators : mapping of str to sequence of str, optional
        What the validators of others found, by name; they count for R1.3.

    Raises
    ------
    FairmeshError
        If there is no crate.
    """
    found = Found.read(folder)
    asked = validators or {}
    extra = [f"{name}: {finding}" for name, findings in asked.items() for finding in findings]
    verdicts = [_verdict(each, found, extra if each.code == COMMUNITY else []) for each in PRINCIPLES]
    plan = found.document("plan.json")
    publisher = plan.get("publisher")
    owner = Owner(publisher if isinstance(publisher, dict) else {}, str(plan.get("study") or folder.name))
    return Scorecard(
        study=owner.study,
        identifier=str(found.root.get("identifier") or ""),
        verdicts=verdicts,
        asks=owner.missing(),
        validators={name: "faults" if findings else "passed" for name, findings in asked.items()},
        problems=found.problems,
    )


def _verdict(principle: Principle, found: Found, extra: Sequence[str]) -> Verdict:
    findings = [*principle.check(found), *extra]
    if findings:
        return Verdict(principle, "falls", findings)
    return Verdict(principle, "prepared" if principle.kind == "deposit" and not has_doi(found) else "met", [])


def write_score(folder: Path, validators: Mapping[str, Sequence[str]] | None = None) -> Scorecard:
    """Assess a package and write ``fair.json`` beside it."""
    made = score(folder, validators)
    write_if_changed(folder / FAIR, json_text(made.to_json()))
    return made

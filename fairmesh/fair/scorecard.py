"""The FAIR scorecard of a crate: fifteen principles, the findings on each, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.fair import checks
from fairmesh.fair.checks import has_doi
from fairmesh.fair.crate_reader import Crate
from fairmesh.fair.publisher import Owner
from fairmesh.files import json_text, write_if_changed
from fairmesh.runner.protocol import FORMAT

Check = Callable[[Crate], Iterator[str]]
Kind = Literal["machine", "self", "deposit"]

KINDS: dict[Kind, str] = {
    "machine": "checked by machine, offline",
    "self": "self-assessed: a machine checks that it is stated, people that it is true",
    "deposit": "needs a deposit in a repository that gives a DOI",
}


@dataclass(frozen=True)
class Principle:
    """One of the fifteen FAIR principles, in the words of Wilkinson et al. (2016).

    Parameters
    ----------
    code, text : str
        Code such as ``F1``, and text.
    kind : str
        How it is assessed.
    check : callable
        Yields findings.
    """

    code: str
    text: str
    kind: Kind
    check: Check


PRINCIPLES = (
    Principle(
        "F1", "(Meta)data are assigned a globally unique and persistent identifier.", "deposit", checks.identifier
    ),
    Principle("F2", "Data are described with rich metadata.", "machine", checks.rich),
    Principle(
        "F3",
        "Metadata clearly and explicitly include the identifier of the data they describe.",
        "machine",
        checks.identifies,
    ),
    Principle("F4", "(Meta)data are registered or indexed in a searchable resource.", "deposit", checks.indexable),
    Principle(
        "A1",
        "(Meta)data are retrievable by their identifier using a standardised communications protocol.",
        "deposit",
        checks.retrievable,
    ),
    Principle("A1.1", "The protocol is open, free, and universally implementable.", "machine", checks.open_protocol),
    Principle(
        "A1.2",
        "The protocol allows for an authentication and authorisation procedure, where necessary.",
        "self",
        checks.access,
    ),
    Principle("A2", "Metadata are accessible, even when the data are no longer available.", "deposit", checks.outlives),
    Principle(
        "I1",
        "(Meta)data use a formal, accessible, shared, and broadly applicable language for knowledge representation.",
        "machine",
        checks.language,
    ),
    Principle("I2", "(Meta)data use vocabularies that follow FAIR principles.", "self", checks.vocabularies),
    Principle("I3", "(Meta)data include qualified references to other (meta)data.", "machine", checks.qualified),
    Principle(
        "R1",
        "(Meta)data are richly described with a plurality of accurate and relevant attributes.",
        "self",
        checks.described,
    ),
    Principle(
        "R1.1",
        "(Meta)data are released with a clear and accessible data usage licence.",
        "machine",
        checks.licensed,
    ),
    Principle("R1.2", "(Meta)data are associated with detailed provenance.", "machine", checks.provenance),
    Principle("R1.3", "(Meta)data meet domain-relevant community standards.", "machine", checks.standards),
)


FAIR = "fair.json"
COMMUNITY = "R1.3"  # validators contribute to this principle
SHOWN = 20  # findings of a principle in fair.json

State = Literal["met", "prepared", "fails"]


@dataclass(frozen=True)
class Verdict:
    """The result of one principle.

    Parameters
    ----------
    principle : Principle
        The principle.
    state : str
        ``met``, ``prepared`` (needs a deposit), or ``fails``.
    findings : list of str
        What is wrong.
    """

    principle: Principle
    state: State
    findings: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``fair.json``."""
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
    """The assessment of a crate.

    Parameters
    ----------
    study, identifier : str
        The assessed study.
    verdicts : list of Verdict
        In the order of the principles.
    asks : list of str
        Missing entries of the configuration.
    validators : mapping of str to str
        Results of the validators that ran.
    problems : list of str
        Documents that cannot be read.
    """

    study: str
    identifier: str
    verdicts: list[Verdict]
    asks: list[str]
    validators: Mapping[str, str]
    problems: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """Number of principles that are met, prepared, and failed."""
        counts = Counter(verdict.state for verdict in self.verdicts)
        return {state: counts[state] for state in ("met", "prepared", "fails")}

    @property
    def fails(self) -> bool:
        """Whether a principle fails."""
        return self.counts["fails"] > 0

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``fair.json``."""
        return {
            "format": FORMAT,
            "study": self.study,
            "identifier": self.identifier,
            "of": len(self.verdicts),
            **self.counts,
            "principles": [verdict.to_json() for verdict in self.verdicts],
            "asks": self.asks,
            "validators": dict(self.validators),
        }


def score(folder: Path, validators: Mapping[str, Sequence[str]] | None = None) -> Scorecard:
    """Assess a crate; all hashes are recomputed.

    Parameters
    ----------
    folder : Path
        The folder of ``ro-crate-metadata.json``.
    validators : mapping of str to sequence of str, optional
        Findings of validators by name; they count for R1.3.

    Raises
    ------
    FairmeshError
        If there is no crate.
    """
    crate = Crate.read(folder)
    validated = validators or {}
    extra = [f"{name}: {finding}" for name, findings in validated.items() for finding in findings]
    verdicts = [_verdict(principle, crate, extra if principle.code == COMMUNITY else []) for principle in PRINCIPLES]
    plan = crate.document("plan.json")
    publisher = plan.get("publisher")
    owner = Owner(publisher if isinstance(publisher, dict) else {}, str(plan.get("study") or folder.name))
    return Scorecard(
        study=owner.study,
        identifier=str(crate.root.get("identifier") or ""),
        verdicts=verdicts,
        asks=[*owner.missing(), *missing_of_application(plan.get("application"))],
        validators={name: "faults" if findings else "passed" for name, findings in validated.items()},
        problems=crate.problems,
    )


def missing_of_application(application: object) -> list[str]:
    """Return the entries that the application's description in a plan lacks, each with what it is."""
    if not isinstance(application, dict):
        return []
    wanted = {
        "licence": "its license, as an SPDX identifier",
        "url": "the address of its code or its page",
        "authors": "who wrote it",
        "description": "what it does",
    }
    name = application.get("name")
    return [f"application.yaml of {name}: {key}: {text}" for key, text in wanted.items() if not application.get(key)]


def _verdict(principle: Principle, crate: Crate, extra: Sequence[str]) -> Verdict:
    findings = [*principle.check(crate), *extra]
    if findings:
        return Verdict(principle, "fails", findings)
    return Verdict(principle, "prepared" if principle.kind == "deposit" and not has_doi(crate) else "met", [])


def write_score(folder: Path, validators: Mapping[str, Sequence[str]] | None = None) -> Scorecard:
    """Assess a crate and write ``fair.json`` into it."""
    scorecard = score(folder, validators)
    write_if_changed(folder / FAIR, json_text(scorecard.to_json()))
    return scorecard

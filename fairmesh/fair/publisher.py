"""The publisher and authors of a study, and its description for all documents."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.identifiers import (
    DOI,
    ROR,
    is_web_url,
    normalize_doi,
    normalize_license,
    normalize_orcid,
    normalize_ror,
    spdx_identifier,
)
from fairmesh.names import number_text
from fairmesh.results import StudyResults, best_point
from fairmesh.results.other_code import other_code_of_study

ORGANISATION = "organisation"
_PARTICLES = ("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "ten", "ter", "zu")


def web(text: str) -> str:
    """Return a text if it is a web address, else an empty text."""
    return text if is_web_url(text) else ""


def known(read: Callable[[str], str], text: Any) -> str:
    """Return a normalized identifier; empty if it is invalid."""
    try:
        return read(str(text or ""))
    except ValueError:
        return ""


@dataclass(frozen=True)
class Organization:
    """An organization with its name, and its address or ROR if known."""

    name: str
    url: str = ""

    @property
    def ror(self) -> str:
        """Its ROR, if the address is one."""
        return self.url if self.url.startswith(ROR) else ""


@dataclass(frozen=True)
class Person:
    """An author: a person or an organization.

    Parameters
    ----------
    name : str
        ``Given Family``, or ``Family, Given`` where that would be read wrongly; or the name of an organization.
    orcid : str
        The sixteen digits, or empty.
    affiliation : Organization or None
        Where the person works.
    is_group : bool
        Whether it is an organization.
    ror : str
        The organization's ROR as an address, or empty.
    """

    name: str
    orcid: str = ""
    affiliation: Organization | None = None
    is_group: bool = False
    ror: str = ""

    @classmethod
    def read(cls, entry: Any) -> Person:
        """Read an entry of ``authors``: a map, or a name."""
        entry = entry if isinstance(entry, Mapping) else {"name": entry}
        named = str(entry.get("affiliation") or "")
        affiliation = Organization(named, str(entry.get("affiliation_url") or "")) if named else None
        return cls(
            str(entry.get("name") or ""),
            known(normalize_orcid, entry.get("orcid")),
            affiliation,
            bool(entry.get("ror")) or entry.get("type") == ORGANISATION,
            known(normalize_ror, entry.get("ror")),
        )

    @cached_property
    def _split(self) -> tuple[str, str]:
        family, comma, given = (part.strip() for part in self.name.partition(","))
        if comma:
            return given, family
        words = self.name.split()
        at = max(len(words) - 1, 0)
        while at > 1 and words[at - 1].lower() in _PARTICLES:
            at -= 1
        return " ".join(words[:at]), " ".join(words[at:])

    @property
    def given(self) -> str:
        """The given names; empty if there is only one name.

        >>> Person("Gregor von Laszewski").given, Person("Gregor von Laszewski").family
        ('Gregor', 'von Laszewski')
        """
        return self._split[0]

    @property
    def family(self) -> str:
        """The family name, or the only name."""
        return self._split[1]

    @property
    def inverted(self) -> str:
        """The name for sorting: ``Family, Given``; a single name or an organization is unchanged."""
        return self.name if self.is_group else ", ".join(filter(None, (self.family, self.given)))

    @property
    def full(self) -> str:
        """Given name and family name."""
        return self.name if self.is_group else f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Owner:
    """The publisher of a study and the terms of use.

    Parameters
    ----------
    publisher : mapping
        ``publisher`` of the plan.
    study : str
        The study, whose DOI may be among ``dois``.
    """

    publisher: Mapping[str, Any]
    study: str
    authors: list[Person] = field(init=False)

    def __post_init__(self) -> None:
        authors = self.publisher.get("authors")
        people = [Person.read(person) for person in authors] if isinstance(authors, list) else []
        object.__setattr__(self, "authors", [person for person in people if person.name])

    def text(self, key: str) -> str:
        """Return a text of the configuration; empty if it is missing."""
        return str(self.publisher.get(key) or "").strip()

    @property
    def organization(self) -> Organization | None:
        """The publishing organization."""
        name = self.text("organisation")
        return Organization(name, self.text("organisation_url")) if name else None

    @property
    def licence(self) -> str:
        """The license as SPDX identifier, or as given if SPDX does not list it."""
        return normalize_license(self.text("licence"))

    @property
    def doi(self) -> str:
        """The study's DOI; empty before a deposit."""
        dois = self.publisher.get("dois")
        return known(normalize_doi, dois.get(self.study)) if isinstance(dois, Mapping) else ""

    @property
    def funding(self) -> list[dict[str, str]]:
        """The grants: ``funder``, ``url``, ``award``, ``title``."""
        return [
            {key: str(grant.get(key) or "") for key in ("funder", "url", "award", "title")}
            for grant in self.publisher.get("funding") or []
        ]

    def missing(self) -> list[str]:
        """Return the missing entries of the configuration, with descriptions."""
        return [f"{key}: {meaning}" for key, meaning in self._missing()]

    def _missing(self) -> Iterator[tuple[str, str]]:
        if not self.authors:
            yield "publisher.authors", "who made the results, with name, orcid and affiliation"
        for number, author in enumerate(self.authors):
            yield from self._missing_of(author, f"publisher.authors[{number}]")
        if not self.text("licence"):
            yield "publisher.licence", "what others may do with the results, as an SPDX identifier such as CC-BY-4.0"
        elif not spdx_identifier(self.licence):
            yield "publisher.licence", f"{self.text('licence')!r} is no SPDX identifier; CC-BY-4.0 is one"
        if not self.organization:
            yield "publisher.organisation", "the organization that publishes"
        elif not self.organization.url:
            yield "publisher.organisation_url", "the organization's address, best its ROR"
        if not self.text("access"):
            yield "publisher.access", "who may have the data, in a sentence"

    @staticmethod
    def _missing_of(author: Person, where: str) -> Iterator[tuple[str, str]]:
        if author.is_group:
            return
        if not author.orcid:
            yield f"{where}.orcid", f"the ORCID of {author.full}, or `type: organisation` if it is one"
        if not author.affiliation:
            yield f"{where}.affiliation", f"where {author.full} works"
        elif not author.affiliation.url:
            yield f"{where}.affiliation_url", f"the address of {author.affiliation.name}, best its ROR"


@dataclass
class About:
    """A study described in words.

    Parameters
    ----------
    study : StudyResults
        The results.
    """

    study: StudyResults

    @cached_property
    def owner(self) -> Owner:
        """The publisher."""
        return Owner(self.study.plan.get("publisher") or {}, self.study.name)

    @property
    def application(self) -> dict[str, Any]:
        """The application in the plan."""
        application: dict[str, Any] = self.study.plan["application"]
        return application

    @cached_property
    def makers(self) -> list[Person]:
        """The authors of the application."""
        authors = [Person.read(author) for author in self.application.get("authors") or []]
        return [author for author in authors if author.name]

    @property
    def title(self) -> str:
        """The title of the study."""
        return str(self.study.plan.get("title") or self.study.name)

    @cached_property
    def description(self) -> str:
        """A description of the data, made from the plan and the results."""
        application = self.application
        name = application.get("title") or application["name"]
        done = len(self.study.done)
        missing = len(self.study.experiments) - done
        over = f" over {_listed(self._varied)}" if self._varied else ""
        other_code = other_code_of_study(self.study)
        parts = [
            f"Results of {done} experiment{'s' if done != 1 else ''} with {name} {application['version']}{over}.",
            f"{missing} more without a result." if missing else "",
            self.headline,
            f"{other_code}." if other_code else "",
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
        """A sentence with the best value."""
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
        """The keywords."""
        own = self.owner.publisher.get("keywords") or []
        of_application = self.application.get("keywords") or []
        return list(dict.fromkeys(map(str, [*own, *of_application, self.application["name"]])))

    @cached_property
    def identifier(self) -> str:
        """A UUID computed from the publisher and the fingerprints of all planned experiments."""
        publisher = [self.owner.text("organisation"), [[item.name, item.orcid] for item in self.owner.authors]]
        points = sorted([item["machine"], item["id"], item["fingerprint"]] for item in self.study.plan["experiments"])
        text = canonical_json([publisher, self.study.name, self.application["name"], points])
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, text)}"

    @property
    def address(self) -> str:
        """Its DOI, or its identifier before a deposit."""
        return f"{DOI}{self.owner.doi}" if self.owner.doi else self.identifier


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

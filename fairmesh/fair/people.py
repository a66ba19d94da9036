"""Who stands behind the data and what others may do with them, as the configuration says it; nothing is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairmesh.identifiers import (
    ROR,
    is_web_url,
    normalize_doi,
    normalize_license,
    normalize_orcid,
    normalize_ror,
    spdx_identifier,
)

ORGANISATION = "organisation"
_PARTICLES = ("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "ten", "ter", "zu")


def web(text: str) -> str:
    """Return a text if it is an address of the web, else nothing, whatever a person wrote."""
    return text if is_web_url(text) else ""


def known(read: Callable[[str], str], text: Any) -> str:
    """Return an identifier in its usual form; empty if it is none, as in plans that were not checked."""
    try:
        return read(str(text or ""))
    except ValueError:
        return ""


@dataclass(frozen=True)
class Organisation:
    """An organisation: its name, and its address or ROR if that is known."""

    name: str
    url: str = ""

    @property
    def ror(self) -> str:
        """Its ROR as an address, if the address is one."""
        return self.url if self.url.startswith(ROR) else ""


@dataclass(frozen=True)
class Person:
    """An author: a person, or an organisation if the entry says so.

    Parameters
    ----------
    name : str
        ``Given Family``, or ``Family, Given`` where that would be read wrongly; or the name of an organisation.
    orcid : str
        The sixteen digits, or empty.
    affiliation : Organisation or None
        Where the person works.
    is_group : bool
        Whether it is an organisation.
    ror : str
        The organisation's ROR as an address, or empty.
    """

    name: str
    orcid: str = ""
    affiliation: Organisation | None = None
    is_group: bool = False
    ror: str = ""

    @classmethod
    def read(cls, found: Any) -> Person:
        """Read an entry of ``authors``: a map, or a name alone, as older plans have it."""
        entry = found if isinstance(found, Mapping) else {"name": found}
        named = str(entry.get("affiliation") or "")
        affiliation = Organisation(named, str(entry.get("affiliation_url") or "")) if named else None
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
        """The given names; empty if there is one name alone.

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
        """The name as catalogues sort it: ``Family, Given``; one name, or that of an organisation, as it is."""
        return self.name if self.is_group else ", ".join(filter(None, (self.family, self.given)))

    @property
    def full(self) -> str:
        """Given name and family name."""
        return self.name if self.is_group else f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Owner:
    """Who publishes a study, and under which terms.

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
        found = [Person.read(each) for each in authors] if isinstance(authors, list) else []
        object.__setattr__(self, "authors", [each for each in found if each.name])

    def text(self, key: str) -> str:
        """Return a text of the configuration, empty if it is not there."""
        return str(self.publisher.get(key) or "").strip()

    @property
    def organisation(self) -> Organisation | None:
        """The organisation that publishes."""
        name = self.text("organisation")
        return Organisation(name, self.text("organisation_url")) if name else None

    @property
    def licence(self) -> str:
        """The licence as SPDX writes it, as it was given if SPDX does not know it, or empty."""
        return normalize_license(self.text("licence"))

    @property
    def doi(self) -> str:
        """The study's DOI, once it is deposited."""
        dois = self.publisher.get("dois")
        return known(normalize_doi, dois.get(self.study)) if isinstance(dois, Mapping) else ""

    @property
    def funding(self) -> list[dict[str, str]]:
        """What the work was paid from: ``funder``, ``url``, ``award``, ``title``."""
        return [
            {key: str(each.get(key) or "") for key in ("funder", "url", "award", "title")}
            for each in self.publisher.get("funding") or []
        ]

    def missing(self) -> list[str]:
        """Say by name what the documents lack, and where a person can give it."""
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
        if not self.organisation:
            yield "publisher.organisation", "the organisation that publishes"
        elif not self.organisation.url:
            yield "publisher.organisation_url", "the organisation's address, best its ROR"
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

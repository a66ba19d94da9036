"""How to cite a study, and what search engines read of it; taken from the study's DataCite metadata where they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairmesh.jobs.attempts import read_map
from fairmesh.site import latex
from fairmesh.site.artefacts import Download
from fairmesh.site.view import StudyView

DATACITE = "datacite.json"
_DOI = "https://doi.org/"
_GROUP = "Organizational"


@dataclass(frozen=True)
class Citation:
    """What a citation is made of.

    Parameters
    ----------
    authors : tuple of str
        As the reader sees them; as BibTeX wants them, ``Family, Given`` or ``{Group}``, in ``names``.
    identifier : str
        The DOI as an address once there is one, else the name that follows from the fingerprints.
    licence : str
        As SPDX writes it, or as it was given.
    creators : tuple of dict
        The authors as schema.org has them.
    published, modified : str
        The days of the first publication and of the last change, as far as they are known.
    """

    title: str
    authors: tuple[str, ...]
    names: tuple[str, ...]
    year: str
    version: str
    publisher: str
    identifier: str
    licence: str
    creators: tuple[dict[str, Any], ...] = ()
    published: str = ""
    modified: str = ""

    @classmethod
    def of(cls, view: StudyView) -> Citation:
        """Read the citation of a study."""
        known, plain = read_map(view.study.folder / DATACITE), view.study.plan.get("publisher") or {}
        creators = [each for each in known.get("creators") or [] if isinstance(each, dict)]
        creators = creators or [_creator(each) for each in plain.get("authors") or []]
        rights: dict[str, Any] = next(iter(known.get("rightsList") or []), {})
        other: dict[str, Any] = next(iter(known.get("alternateIdentifiers") or []), {})
        return cls(
            title=view.title,
            authors=tuple(filter(None, map(_shown, creators))),
            names=tuple(filter(None, map(_sorted, creators))),
            year=str(known.get("publicationYear") or view.date[:4]),
            version=str(known.get("version") or ""),
            publisher=str((known.get("publisher") or {}).get("name") or ""),
            identifier=f"{_DOI}{known['doi']}" if known.get("doi") else str(other.get("alternateIdentifier") or ""),
            creators=tuple(map(_entity, creators)),
            published=_date(known, "Issued"),
            modified=_date(known, "Updated"),
            licence=str(rights.get("rightsIdentifier") or plain.get("licence") or ""),
        )

    @property
    def text(self) -> str:
        """The citation in one paragraph; empty as long as nobody is named as an author."""
        if not self.authors:
            return ""
        year = f" ({self.year})" if self.year else ""
        version = f" Version {self.version}." if self.version else ""
        rest = [f"{self.publisher}." if self.publisher else "", self.identifier]
        licence = f"Licence: {self.licence}." if self.licence else ""
        start = f"{', '.join(self.authors)}{year}: {self.title}. Benchmark results.{version}"
        return " ".join(filter(None, [start, *rest, licence]))

    def bibtex(self, study: str) -> str:
        """Return the citation as BibTeX; empty as long as nobody is named as an author."""
        if not self.names:
            return ""
        is_doi = self.identifier.startswith(_DOI)
        fields = {
            "author": " and ".join(self.names),
            "title": f"{{{latex.escape(self.title)}}}",
            "year": self.year,
            "version": latex.escape(self.version),
            "publisher": latex.escape(self.publisher),
            "doi": latex.escape(self.identifier.removeprefix(_DOI)) if is_doi else "",
            "note": "" if is_doi else latex.escape(self.identifier),
        }
        family = re.sub(r"[^a-z]", "", self.names[0].split(",")[0].lower()) or "results"
        key = f"{family}{self.year}{re.sub(r'[^A-Za-z0-9]', '', study)}"
        lines = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
        return f"@misc{{{key},\n{lines}}}\n"


def _creator(found: Any) -> dict[str, Any]:
    """Return an author of the plan in the words of DataCite."""
    entry = found if isinstance(found, dict) else {"name": found}
    is_group = entry.get("ror") or entry.get("type") == "organisation"
    return {"name": str(entry.get("name") or ""), "nameType": _GROUP if is_group else "Personal"}


def _entity(creator: dict[str, Any]) -> dict[str, Any]:
    """Return an author in the words of schema.org, with ORCID or ROR."""
    kind = "Organization" if creator.get("nameType") == _GROUP else "Person"
    identifiers = [each for each in creator.get("nameIdentifiers") or [] if isinstance(each, dict)]
    address = str(identifiers[0].get("nameIdentifier") or "") if identifiers else ""
    return {"@type": kind, "name": _shown(creator), **({"@id": address, "identifier": address} if address else {})}


def _date(known: dict[str, Any], kind: str) -> str:
    """Return a date of DataCite's document; empty if it has none of the kind."""
    dates = [each for each in known.get("dates") or [] if isinstance(each, dict)]
    return next((str(each.get("date") or "") for each in dates if each.get("dateType") == kind), "")


def _shown(creator: dict[str, Any]) -> str:
    if creator.get("familyName"):
        return f"{creator.get('givenName') or ''} {creator['familyName']}".strip()
    return str(creator.get("name") or "")


def _sorted(creator: dict[str, Any]) -> str:
    if creator.get("familyName"):
        parts = (creator["familyName"], creator.get("givenName"))
        return ", ".join(latex.escape(str(part)) for part in parts if part)
    name = latex.escape(str(creator.get("name") or ""))
    return f"{{{name}}}" if creator.get("nameType") == _GROUP else name


def linked_data(view: StudyView, citation: Citation, summary: str, downloads: Sequence[Download]) -> dict[str, Any]:
    """Return the page's description as a schema.org Dataset, by which search engines find it."""
    publisher = view.study.plan.get("publisher") or {}
    address = _address(view)
    found: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": view.title,
        "description": " ".join(filter(None, [summary, str(view.application.get("description") or "")])),
        "url": f"{address}index.html" if address else "",
        "identifier": citation.identifier,
        "version": citation.version,
        "creator": list(citation.creators),
        "license": f"https://spdx.org/licenses/{citation.licence}" if citation.licence else "",
        "datePublished": citation.published,
        "dateModified": citation.modified,
        "dateCreated": view.date,
        "keywords": [*publisher.get("keywords", ()), *view.application.get("keywords", ())],
        "variableMeasured": [
            {"@type": "PropertyValue", "name": metric.title, "unitText": metric.unit or "1"}
            for metric in view.study.metrics
        ],
        "distribution": [
            {"@type": "DataDownload", "name": file.name, "contentUrl": address + file.href, "contentSize": file.size}
            for file in downloads
        ],
    }
    return {key: each for key, each in found.items() if each not in ("", [])}


def entry(view: StudyView) -> dict[str, Any]:
    """Return what the catalogue says of a study."""
    address = _address(view)
    return {"@type": "Dataset", "name": view.title, **({"url": f"{address}index.html"} if address else {})}


def catalogue(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the website's description as a schema.org DataCatalog of its studies."""
    return {
        "@context": "https://schema.org/",
        "@type": "DataCatalog",
        "name": "Benchmark results",
        "dataset": list(entries),
    }


def _address(view: StudyView) -> str:
    """Return the folder of the study's page where the website is published; empty as long as nobody says where."""
    home = str((view.study.plan.get("publisher") or {}).get("url") or "").rstrip("/")
    return f"{home}/studies/{view.study.name}/" if home.startswith("https://") else ""

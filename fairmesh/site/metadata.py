"""How to cite a study, its schema.org description, and its FAIR score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairmesh.jobs.reading import read_map
from fairmesh.site.downloads import Download
from fairmesh.site.escaping import escape_latex
from fairmesh.site.view import StudyView

DATACITE = "datacite.json"
FAIR = "fair.json"
_DOI = "https://doi.org/"
_GROUP = "Organizational"
_FAIR_STATES = {"met": "met", "prepared": "prepared for a deposit", "fails": "not met"}
_FAIR_COUNTS = ("met", "prepared", "fails", "of")


@dataclass(frozen=True)
class Citation:
    """The parts of a study's citation.

    Parameters
    ----------
    study : str
        The name of the study, for the key of the BibTeX entry; empty for several studies.
    authors : tuple of str
        As readers see them; ``names`` has them for BibTeX, as ``Family, Given`` or ``{Group}``.
    identifier : str
        The address of the DOI if there is one, else the name made of the fingerprints.
    licence : str
        As SPDX writes it, or as it was given.
    creators : tuple of dict
        The authors for schema.org.
    published, modified : str
        The days of the first publication and of the last change, if known.
    """

    study: str
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
        known, publisher = read_map(view.study.folder / DATACITE), view.study.plan.get("publisher") or {}
        creators = [creator for creator in known.get("creators") or [] if isinstance(creator, dict)]
        creators = creators or [_creator(author) for author in publisher.get("authors") or []]
        rights: dict[str, Any] = next(iter(known.get("rightsList") or []), {})
        other: dict[str, Any] = next(iter(known.get("alternateIdentifiers") or []), {})
        return cls(
            study=view.study.name,
            title=view.title,
            authors=tuple(filter(None, map(_display_name, creators))),
            names=tuple(filter(None, map(_bibtex_name, creators))),
            year=str(known.get("publicationYear") or view.date[:4]),
            version=str(known.get("version") or ""),
            publisher=str((known.get("publisher") or {}).get("name") or ""),
            identifier=f"{_DOI}{known['doi']}" if known.get("doi") else str(other.get("alternateIdentifier") or ""),
            creators=tuple(map(_schema_org_author, creators)),
            published=_date(known, "Issued"),
            modified=_date(known, "Updated"),
            licence=str(rights.get("rightsIdentifier") or publisher.get("licence") or ""),
        )

    @property
    def text(self) -> str:
        """The citation in one paragraph; empty without authors."""
        if not self.authors:
            return ""
        year = f" ({self.year})" if self.year else ""
        version = f" Version {self.version}." if self.version else ""
        rest = [f"{self.publisher}." if self.publisher else "", self.identifier]
        licence = f"License: {self.licence}." if self.licence else ""
        title = self.title if self.title.endswith((".", "!", "?")) else f"{self.title}."
        start = f"{', '.join(self.authors)}{year}: {title} Benchmark results.{version}"
        return " ".join(filter(None, [start, *rest, licence]))

    @property
    def bibtex(self) -> str:
        """The citation as BibTeX; empty without authors."""
        if not self.names:
            return ""
        is_doi = self.identifier.startswith(_DOI)
        fields = {
            "author": " and ".join(self.names),
            "title": f"{{{escape_latex(self.title)}}}",
            "year": self.year,
            "version": escape_latex(self.version),
            "publisher": escape_latex(self.publisher),
            "doi": escape_latex(self.identifier.removeprefix(_DOI)) if is_doi else "",
            "note": "" if is_doi else escape_latex(self.identifier),
        }
        family = re.sub(r"[^a-z]", "", self.names[0].split(",")[0].lower()) or "results"
        key = f"{family}{self.year}{re.sub(r'[^A-Za-z0-9]', '', self.study)}"
        lines = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
        return f"@misc{{{key},\n{lines}}}\n"


def _creator(author: Any) -> dict[str, Any]:
    """Return an author of the plan as a creator in DataCite's format."""
    entry = author if isinstance(author, dict) else {"name": author}
    is_group = entry.get("ror") or entry.get("type") == "organisation"
    return {"name": str(entry.get("name") or ""), "nameType": _GROUP if is_group else "Personal"}


def _schema_org_author(creator: dict[str, Any]) -> dict[str, Any]:
    """Return an author in schema.org's format, with ORCID or ROR."""
    kind = "Organization" if creator.get("nameType") == _GROUP else "Person"
    identifiers = [entry for entry in creator.get("nameIdentifiers") or [] if isinstance(entry, dict)]
    address = str(identifiers[0].get("nameIdentifier") or "") if identifiers else ""
    return {
        "@type": kind,
        "name": _display_name(creator),
        **({"@id": address, "identifier": address} if address else {}),
    }


def _date(known: dict[str, Any], kind: str) -> str:
    """Return the date of a kind in DataCite's document; empty if it has none."""
    dates = [date for date in known.get("dates") or [] if isinstance(date, dict)]
    return next((str(date.get("date") or "") for date in dates if date.get("dateType") == kind), "")


def _display_name(creator: dict[str, Any]) -> str:
    if creator.get("familyName"):
        return f"{creator.get('givenName') or ''} {creator['familyName']}".strip()
    return str(creator.get("name") or "")


def _bibtex_name(creator: dict[str, Any]) -> str:
    if creator.get("familyName"):
        parts = (creator["familyName"], creator.get("givenName"))
        return ", ".join(escape_latex(str(part)) for part in parts if part)
    name = escape_latex(str(creator.get("name") or ""))
    return f"{{{name}}}" if creator.get("nameType") == _GROUP else name


def linked_data(view: StudyView, citation: Citation, summary: str, downloads: Sequence[Download]) -> dict[str, Any]:
    """Return the study as a schema.org Dataset, for search engines."""
    publisher = view.study.plan.get("publisher") or {}
    address = _address(view)
    dataset: dict[str, Any] = {
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
    return {key: value for key, value in dataset.items() if value not in ("", [])}


def catalog_entry(view: StudyView) -> dict[str, Any]:
    """Return a study as an entry of the catalog."""
    address = _address(view)
    return {"@type": "Dataset", "name": view.title, **({"url": f"{address}index.html"} if address else {})}


def catalog(title: str, description: str, address: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the website as a schema.org DataCatalog of its studies."""
    known = {"description": description, "url": address}
    return {
        "@context": "https://schema.org/",
        "@type": "DataCatalog",
        "name": title,
        **{key: text for key, text in known.items() if text},
        "dataset": list(entries),
    }


def _address(view: StudyView) -> str:
    """Return the address of the study's folder on the published website; empty if it is unknown."""
    home = str((view.study.plan.get("publisher") or {}).get("url") or "").rstrip("/")
    return f"{home}/studies/{view.study.name}/" if home.startswith("https://") else ""


def fair_score(view: StudyView) -> dict[str, Any] | None:
    """Return the counts, ``asks`` and the principles of ``fair.json``; None if the study has no score."""
    score = read_map(view.study.folder / FAIR)
    principles = [principle for principle in score.get("principles") or [] if isinstance(principle, dict)]
    if not principles or not all(isinstance(score.get(key), int) for key in _FAIR_COUNTS):
        return None
    return {
        **{key: score[key] for key in _FAIR_COUNTS},
        "asks": list(map(str, score.get("asks") or [])),
        "principles": list(map(_principle, principles)),
    }


def _principle(entry: dict[str, Any]) -> dict[str, Any]:
    state = str(entry.get("state") or "")
    return {
        "code": str(entry.get("principle") or ""),
        "text": str(entry.get("text") or ""),
        "state": state if state in _FAIR_STATES else "fails",
        "words": _FAIR_STATES.get(state, state),
        "assessed": str(entry.get("assessed") or ""),
        "findings": list(map(str, entry.get("findings") or [])),
    }

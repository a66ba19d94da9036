"""Citation metadata: ``CITATION.cff``, ``datacite.json``, and the metadata for Zenodo."""

from __future__ import annotations

from typing import Any

from markupsafe import escape

from fairmesh import schema
from fairmesh.fair.package import Package
from fairmesh.fair.publisher import Organization, Person
from fairmesh.identifiers import ORCID, ROR, SPDX, spdx_identifier

CITATION, DATACITE = "CITATION.cff", "datacite.json"
_MESSAGE = "If you use these data, please cite them as below."


def citation_cff(package: Package) -> str:
    """Return the content of ``CITATION.cff``, format 1.2.0."""
    owner = package.owner
    licence = spdx_identifier(owner.licence)
    fields = {
        "cff-version": "1.2.0",
        "message": _MESSAGE,
        "type": "dataset",
        "title": package.title,
        "abstract": package.description,
        "authors": [_cff_author(author) for author in owner.authors],
        "version": package.version,
        "date-released": package.publication.latest,
        "license": licence,
        "keywords": package.keywords,
        "doi": owner.doi,
        "url": owner.text("url"),
        "identifiers": [{"type": "other", "value": package.identifier, "description": "Follows from the fingerprints"}],
    }
    return schema.dump_yaml({key: value for key, value in fields.items() if value not in ("", [])})


def _cff_author(person: Person) -> dict[str, str]:
    if person.is_group:
        return {"name": person.name} | ({"website": person.ror} if person.ror else {})
    fields = {
        "given-names": person.given,
        "family-names": person.family,
        "orcid": f"{ORCID}{person.orcid}" if person.orcid else "",
        "affiliation": person.affiliation.name if person.affiliation else "",
    }
    return {key: text for key, text in fields.items() if text}


def datacite(package: Package) -> dict[str, Any]:
    """Return the content of ``datacite.json``, DataCite's metadata 4.5."""
    owner = package.owner
    licence = spdx_identifier(owner.licence)
    rights = {
        "rights": owner.licence,
        "rightsUri": f"{SPDX}{licence}",
        "rightsIdentifier": licence,
        "rightsIdentifierScheme": "SPDX",
        "schemeUri": SPDX,
    }
    fields = {
        "doi": owner.doi,
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Benchmark results"},
        "titles": [{"title": package.title}],
        "creators": [_creator(entry) for entry in owner.authors],
        "publisher": _publisher(owner.organization) if owner.organization else {},
        "publicationYear": package.publication.first[:4],
        "dates": [
            {"date": f"{package.started[:10]}/{package.ended[:10]}", "dateType": "Collected"},
            {"date": package.ended[:10], "dateType": "Created"},
            {"date": package.publication.first, "dateType": "Issued"},
            *([{"date": modified, "dateType": "Updated"}] if (modified := package.publication.modified) else []),
        ],
        "language": "en",
        "version": package.version,
        "subjects": [{"subject": word} for word in package.keywords],
        "rightsList": [rights] if licence else [],
        "descriptions": [{"description": package.description, "descriptionType": "Abstract"}],
        "alternateIdentifiers": [
            {"alternateIdentifier": package.identifier, "alternateIdentifierType": "Fingerprints of the experiments"}
        ],
        "fundingReferences": [_funding(entry) for entry in owner.funding],
        "formats": sorted({file.media_type for file in package.inventory}),
        "sizes": [f"{sum(file.bytes for file in package.inventory)} B", f"{len(package.inventory.files)} files"],
    }
    return {key: value for key, value in fields.items() if value not in ("", [], {})}


def _creator(person: Person) -> dict[str, Any]:
    fields = {
        "name": person.inverted,
        "nameType": "Organizational" if person.is_group else "Personal",
        "givenName": "" if person.is_group else person.given,
        "familyName": person.family if person.given and not person.is_group else "",
        "nameIdentifiers": _name_identifiers(person),
        "affiliation": [_affiliation(person.affiliation)] if person.affiliation else [],
    }
    return {key: value for key, value in fields.items() if value not in ("", [])}


def _name_identifiers(person: Person) -> list[dict[str, str]]:
    """Return the ORCID of a person and the ROR of an organization."""
    identifiers = []
    if person.orcid:
        uri = ORCID.rstrip("/")
        identifiers.append(
            {"nameIdentifier": f"{ORCID}{person.orcid}", "nameIdentifierScheme": "ORCID", "schemeUri": uri}
        )
    if person.ror:
        identifiers.append({"nameIdentifier": person.ror, "nameIdentifierScheme": "ROR", "schemeUri": ROR})
    return identifiers


def _affiliation(organization: Organization) -> dict[str, str]:
    known = {"affiliationIdentifier": organization.ror, "affiliationIdentifierScheme": "ROR", "schemeUri": ROR}
    return {"name": organization.name} | (known if organization.ror else {})


def _publisher(organization: Organization) -> dict[str, str]:
    known = {"publisherIdentifier": organization.ror, "publisherIdentifierScheme": "ROR", "schemeUri": ROR}
    return {"name": organization.name} | (known if organization.ror else {})


def _funding(funding: dict[str, str]) -> dict[str, str]:
    ror = funding["url"] if funding["url"].startswith(ROR) else ""
    fields = {
        "funderName": funding["funder"],
        "funderIdentifier": ror,
        "funderIdentifierType": "ROR" if ror else "",
        "awardNumber": funding["award"],
        "awardTitle": funding["title"],
    }
    return {key: text for key, text in fields.items() if text}


def zenodo(package: Package) -> dict[str, Any]:
    """Return the metadata for a Zenodo deposit; its description is HTML, so text is escaped."""
    owner = package.owner
    creators = []
    for entry in owner.authors:
        known = {"affiliation": entry.affiliation.name if entry.affiliation else "", "orcid": entry.orcid}
        creators.append({"name": entry.inverted} | {key: text for key, text in known.items() if text})
    grants = [f"{entry['funder']}: {entry['award']} {entry['title']}".strip() for entry in owner.funding]
    fields = {
        "title": package.title,
        "upload_type": "dataset",
        "description": str(escape(package.description)),
        "creators": creators,
        "license": spdx_identifier(owner.licence).lower(),
        "access_right": "open" if spdx_identifier(owner.licence) else "",
        "publication_date": package.publication.latest,
        "version": package.version,
        "keywords": package.keywords,
        "notes": str(escape(" ".join([*grants, owner.text("access")]).strip())),
        "language": "eng",
        "doi": owner.doi,
    }
    return {key: value for key, value in fields.items() if value not in ("", [])}

"""The entities of a crate: maps with an ``@id`` that refer to each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from fairmesh.fair.inventory import File
from fairmesh.fair.publisher import Organization, Person, web
from fairmesh.identifiers import ORCID, SPDX, spdx_identifier

Entity = dict[str, Any]
_EMPTY: tuple[Any, ...] = ("", None, [], {})


class Graph:
    """The entities of a crate, in the order of their first addition."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}

    def add(self, identity: str, kind: str | list[str], **properties: Any) -> Entity:
        """Add an entity unless it exists, without empty properties, and return a reference to it."""
        if identity not in self._entities:
            kept = {key: value for key, value in properties.items() if key == "value" or value not in _EMPTY}
            values = {key: unwrapped(value) for key, value in kept.items()}
            self._entities[identity] = {"@id": identity, "@type": kind, **values}
        return ref(identity)

    def person(self, person: Person, home: str = "") -> Entity:
        """Add an author: a person or an organization."""
        if person.is_group:
            identity = person.ror or f"#group/{fragment(person.name)}"
            return self.add(identity, "Organization", name=person.name, url=person.ror or web(home))
        identity = f"{ORCID}{person.orcid}" if person.orcid else f"#person/{fragment(person.full)}"
        return self.add(
            identity,
            "Person",
            name=person.full,
            givenName=person.given,
            familyName=person.family if person.given else "",
            affiliation=self.organization(person.affiliation) if person.affiliation else None,
        )

    def organization(self, organization: Organization) -> Entity:
        """Add an organization, identified by its address if it has one."""
        url = web(organization.url)
        identity = url or f"#organisation/{fragment(organization.name)}"
        return self.add(identity, "Organization", name=organization.name, url=url)

    def licence(self, licence: str) -> Entity | str | None:
        """Add an SPDX license; return any other text unchanged."""
        if not spdx_identifier(licence):
            return licence or None
        identity = f"{SPDX}{spdx_identifier(licence)}"
        return self.add(
            identity, "CreativeWork", name=spdx_identifier(licence), identifier=spdx_identifier(licence), url=identity
        )

    def file(self, file: File, **more: Any) -> Entity:
        """Add a file of the package."""
        properties = {
            "name": file.name,
            "encodingFormat": file.media_type,
            "contentSize": str(file.bytes),
            "sha256": file.sha256,
        }
        return self.add(file.id, "File", **properties | more)

    def update(self, identity: str, **properties: Any) -> None:
        """Add properties to an existing entity."""
        self._entities[identity] |= {key: unwrapped(value) for key, value in properties.items()}

    def to_list(self) -> list[Entity]:
        """Return the entities."""
        return list(self._entities.values())


def ref(identity: str) -> Entity:
    """Refer to an entity."""
    return {"@id": identity}


def unwrapped(value: Any) -> Any:
    """Return a list's only member instead of the list, as the specification recommends."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def fragment(text: str) -> str:
    """Return a text as a URL fragment.

    >>> fragment("<b> #1")
    '%3Cb%3E%20%231'
    """
    return quote(text, safe="")


def refs(entities: Iterable[File]) -> list[Entity]:
    """Refer to files."""
    return [ref(file.id) for file in entities]

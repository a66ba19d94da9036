"""The owners of results: the organization and the person that a result was made by, and their names in machines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fairmesh.files import text_sha256

_LONGEST_SHORT_NAME = 40
_KIND_ORGANISATION = "organisation"


@dataclass(frozen=True)
class ResultOwner:
    """The organization and the person that a result belongs to.

    Parameters
    ----------
    organisation, organisation_url : str
        Name and address of the organization; empty if unknown.
    person, orcid : str
        Name and ORCID of the person, who is an author in the configuration; empty if unknown.
    """

    organisation: str = ""
    organisation_url: str = ""
    person: str = ""
    orcid: str = ""

    @classmethod
    def of_publisher(cls, publisher: Mapping[str, Any]) -> ResultOwner:
        """Return the owner that the publisher of a configuration or plan names.

        The person is that of the key ``person``, or else the only author.

        >>> publisher = {"organisation": "UvA", "authors": [{"name": "Ada Example"}]}
        >>> ResultOwner.of_publisher(publisher)
        ResultOwner(organisation='UvA', organisation_url='', person='Ada Example', orcid='')
        """
        listed = publisher.get("authors")
        authors = [_author(author) for author in listed] if isinstance(listed, list) else []
        named = str(publisher.get("person") or "")
        chosen = [author for author in authors if author.get("name") == named] if named else authors
        author = chosen[0] if len(chosen) == 1 and not _is_group(chosen[0]) else {}
        return cls(
            str(publisher.get("organisation") or ""),
            str(publisher.get("organisation_url") or ""),
            str(author.get("name") or ""),
            str(author.get("orcid") or ""),
        )

    @classmethod
    def read(cls, entry: Any) -> ResultOwner:
        """Read the owner of a record."""
        entry = entry if isinstance(entry, Mapping) else {}
        return cls(**{field.name: str(entry.get(field.name) or "") for field in fields(cls)})

    def to_json(self) -> dict[str, str]:
        """Return the known parts as JSON-ready data."""
        parts = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {name: text for name, text in parts.items() if text}

    def differs_from(self, other: ResultOwner) -> bool:
        """Return whether this is certainly another organization, or another person; what is unknown does not differ.

        >>> ResultOwner("UvA").differs_from(ResultOwner("VU")), ResultOwner("UvA").differs_from(ResultOwner("uva "))
        (True, False)
        >>> ResultOwner("UvA", person="Ada").differs_from(ResultOwner("UvA", person="Bob"))
        True
        >>> ResultOwner("UvA", person="Ada").differs_from(ResultOwner("UvA"))
        False
        """
        if self.has_other_organisation(other):
            return True
        if self.orcid and other.orcid:
            return self.orcid != other.orcid
        return bool(self.person and other.person) and _folded(self.person) != _folded(other.person)

    def has_other_organisation(self, other: ResultOwner) -> bool:
        """Return whether this is certainly another organization."""
        if self.organisation_url and self.organisation_url == other.organisation_url:
            return False
        known = bool(self.organisation and other.organisation)
        return known and _folded(self.organisation) != _folded(other.organisation)

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.to_json())


NO_OWNER = ResultOwner()
"""An owner of whom nothing is known."""


def _author(entry: Any) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {"name": str(entry)}


def _is_group(author: Mapping[str, Any]) -> bool:
    return bool(author.get("ror")) or author.get("type") == _KIND_ORGANISATION


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def short_name(text: str) -> str:
    """Return a name of lowercase letters, digits and hyphens, which is safe in paths, for an organization or person.

    >>> short_name("Universität Zürich"), short_name("../etc"), short_name("東京")
    ('universitat-zurich', 'etc', '130016b2')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SHORT_NAME].strip("-")
    return name or text_sha256(text)[:8]

"""Findable and accessible: what a machine can say of F1 to A2 without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fairmesh.fair.citation import DATACITE
from fairmesh.fair.crate import DESCRIPTOR, PREVIEW, SUMS
from fairmesh.fair.croissant import CROISSANT
from fairmesh.fair.datapackage import DATA_PACKAGE
from fairmesh.fair.reading import Found, ids, is_inside, is_local
from fairmesh.fair.times import day
from fairmesh.identifiers import DOI

_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOI = re.compile(re.escape(DOI) + r"10\.\d{4,9}/\S+")
_SHA256 = re.compile("[0-9a-f]{64}")
UNHASHED = {DESCRIPTOR, PREVIEW, SUMS}
"""What cannot hold its own hash, or that of what holds its."""
SHORT = 40  # characters; a description that is shorter describes nothing


def has_doi(found: Found) -> bool:
    """Return whether the package is deposited: its identifier is a DOI."""
    return bool(_DOI.fullmatch(str(found.root.get("identifier"))))


def identifier(found: Found) -> Iterator[str]:
    """F1: an identifier that nothing else has."""
    given = str(found.root.get("identifier") or "")
    if not given:
        yield "the data set has no identifier"
    elif not _UUID.fullmatch(given) and not _DOI.fullmatch(given):
        yield f"its identifier is neither a DOI nor a UUID: {given!r}"


def rich(found: Found) -> Iterator[str]:
    """F2: enough words to be found by."""
    for key in ("name", "description", "keywords", "author", "license", "datePublished"):
        if not found.root.get(key):
            yield f"the data set has no {key}"
    if found.root.get("description") and len(str(found.root["description"])) < SHORT:
        yield f"its description has fewer than {SHORT} characters"
    if found.root.get("datePublished") and not day(found.root["datePublished"]):
        yield f"datePublished is no date: {found.root['datePublished']!r}"
    for identity in ids(found.root.get("author")):
        if not found.by_id.get(identity, {}).get("name"):
            yield f"the author {identity} has no name"


def identifies(found: Found) -> Iterator[str]:
    """F3: the documents say what they describe, and by the same name."""
    if ids(found.descriptor.get("about")) != ["./"]:
        yield f"{DESCRIPTOR} does not say that it is about ./"
    reached = _reached(found)
    for entity in [*found.files, *found.data_sets]:
        identity = str(entity.get("@id"))
        if identity not in reached and identity != DESCRIPTOR:
            yield f"{identity} is no part of the data set"
    given = str(found.root.get("identifier") or "")
    for name, key in ((DATA_PACKAGE, "id"), (CROISSANT, "identifier")):
        said = found.document(name).get(key)
        if said != given:
            yield f"{name} says {said!r} where the crate says {given!r}"


def _reached(found: Found) -> set[str]:
    """Return what hasPart leads to from the root."""
    reached: set[str] = set()
    waiting = ["./"]
    while waiting:
        identity = waiting.pop()
        if identity not in reached:
            reached.add(identity)
            waiting += ids(found.by_id.get(identity, {}).get("hasPart"))
    return reached


def indexable(found: Found) -> Iterator[str]:
    """F4: all that an index asks for."""
    record = found.document(DATACITE)
    if not record:
        yield f"{DATACITE} is missing, which a repository passes on to indexes"
    for key in ("creators", "titles", "publisher", "publicationYear", "types"):
        if record and not record.get(key):
            yield f"{DATACITE} has no {key}"
    search = found.document(CROISSANT)
    for key in ("name", "description", "license"):
        if not search.get(key):
            yield f"{CROISSANT}, which dataset searches read, has no {key}"


def retrievable(found: Found) -> Iterator[str]:
    """A1: whatever is named is there."""
    for entity in found.files:
        identity = str(entity.get("@id"))
        if is_local(identity) and is_inside(identity) and not found.path(identity).is_file():
            yield f"{identity} is missing"
    for entity in found.data_sets:
        identity = str(entity.get("@id"))
        if is_local(identity) and is_inside(identity) and not found.path(identity).is_dir():
            yield f"the folder {identity} is missing"
    for path in found.sums:
        if not (found.folder / path).is_file():
            yield f"{path}, which SHA256SUMS names, is missing"


def open_protocol(found: Found) -> Iterator[str]:
    """A1.1: relative paths and the web, nothing that needs an account or this computer."""
    for entity in [*found.files, *found.data_sets]:
        identity = str(entity.get("@id"))
        if is_local(identity):
            if not is_inside(identity):
                yield f"{identity} lies outside of the package"
        elif not identity.startswith(("https://", "http://", "#")):
            yield f"{identity} is not an address of the web"


def access(found: Found) -> Iterator[str]:
    """A1.2: who may have the data is said."""
    if not str(found.root.get("conditionsOfAccess") or "").strip():
        yield "conditionsOfAccess does not say who may have the data"


def outlives(found: Found) -> Iterator[str]:
    """A2: the metadata say enough of each file to be of use without it."""
    for entity in found.files:
        identity = str(entity.get("@id"))
        if identity in UNHASHED:
            continue
        if not _SHA256.fullmatch(str(entity.get("sha256"))):
            yield f"{identity} has no SHA-256"
        if not str(entity.get("contentSize") or "").isdecimal():
            yield f"{identity} has no size"
    for entity in found.data_sets:
        if not _SHA256.fullmatch(str(entity.get("sha256"))):
            yield f"{entity.get('@id')} has no hash of its manifest"
    if not found.sums:
        yield f"{SUMS} is missing or empty"

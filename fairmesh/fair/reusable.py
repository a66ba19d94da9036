"""Interoperable and reusable: what a machine can say of I1 to R1.3 without a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from fairmesh.errors import FairmeshError
from fairmesh.fair import vocabulary as v
from fairmesh.fair.citation import CITATION, DATACITE
from fairmesh.fair.croissant import CONFORMS, CROISSANT
from fairmesh.fair.datapackage import DATA_PACKAGE
from fairmesh.fair.findable import UNHASHED
from fairmesh.fair.reading import Entity, Found, ids, is_inside, is_local, many, maps, references
from fairmesh.fair.times import moment
from fairmesh.identifiers import SPDX, spdx_identifier
from fairmesh.runner.provenance import manifest_sha256
from fairmesh.schema import load_yaml

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")


def language(found: Found) -> Iterator[str]:
    """I1: JSON-LD, in which no word is without a meaning."""
    if not set(v.CONTEXTS) <= {each for each in many(found.context) if isinstance(each, str)}:
        yield f"@context does not name {' and '.join(v.CONTEXTS)}"
    for identity, count in Counter(str(each.get("@id")) for each in found.graph).items():
        if count > 1:
            yield f"{identity} is described {count} times"
    known = v.CRATE.keys() | v.RUN.keys() | _own_terms(found)
    for entity in found.graph:
        if not entity.get("@id") or not entity.get("@type"):
            yield f"an entity has no @id or no @type: {str(entity)[:80]}"
        used = {*entity, *map(str, many(entity.get("@type")))} - {"@id", "@type"}
        for term in sorted(used - known):
            yield f"{entity.get('@id')}: {term} is in no context, so that it means nothing"


def _own_terms(found: Found) -> set[str]:
    return {str(term) for each in many(found.context) if isinstance(each, dict) for term in each}


def vocabularies(found: Found) -> Iterator[str]:
    """I2: the words come from vocabularies that are public."""
    if v.CRATE_1_1 not in ids(found.descriptor.get("conformsTo")):
        yield f"the document does not say that it conforms to {v.CRATE_1_1}"
    for profile in v.PROFILES:
        if profile not in ids(found.root.get("conformsTo")):
            yield f"the data set does not say that it conforms to {profile}"
    for entity in found.of_type("FormalParameter"):
        if not entity.get("additionalType"):
            yield f"{entity.get('@id')} does not say what its values are"


def qualified(found: Found) -> Iterator[str]:
    """I3: every reference leads to something, and says how."""
    for entity in found.graph:
        for key, target in references(entity):
            if target not in found.by_id:
                yield f"{entity.get('@id')}: {key} refers to {target}, which is not there"


def described(found: Found) -> Iterator[str]:
    """R1: every file says what it is, every column what it holds."""
    for entity in found.files:
        kinds = [each for each in many(entity.get("encodingFormat")) if isinstance(each, str)]
        if not any(_MEDIA_TYPE.fullmatch(kind) for kind in kinds):
            yield f"{entity.get('@id')} has no media type"
    resources = maps(found.document(DATA_PACKAGE).get("resources"))
    if not resources:
        yield f"{DATA_PACKAGE} describes no table"
    for resource in resources:
        for schema in maps(resource.get("schema")):
            for field in maps(schema.get("fields")):
                if not field.get("type"):
                    yield f"{resource.get('name')}: the column {field.get('name')} has no type"


def licensed(found: Found) -> Iterator[str]:
    """R1.1: a licence that a machine can recognise, the same in all documents."""
    given = ids(found.root.get("license"))
    if not given:
        said = found.root.get("license")
        yield f"the licence is a text that no machine understands: {said!r}" if said else "there is no licence"
        return
    name = given[0].removeprefix(SPDX)
    if not given[0].startswith(SPDX) or spdx_identifier(name) != name:
        yield f"{given[0]} is no licence that SPDX knows"
    said = {
        DATA_PACKAGE: _first(found.document(DATA_PACKAGE).get("licenses"), "name"),
        DATACITE: _first(found.document(DATACITE).get("rightsList"), "rightsIdentifier"),
        CROISSANT: str(found.document(CROISSANT).get("license") or "").removeprefix(SPDX),
        CITATION: _cited(found),
    }
    for document, other in said.items():
        if other != name:
            yield f"{document} says {other!r} where the crate says {name!r}"


def _first(value: object, key: str) -> object:
    return next((each.get(key) for each in maps(value)), None)


def _cited(found: Found) -> object:
    path = found.folder / CITATION
    try:
        node = load_yaml(path).entries.get("license")
    except (FairmeshError, OSError):
        return None
    return node.plain() if node is not None else None


def provenance(found: Found) -> Iterator[str]:
    """R1.2: who did what with what, when; and every file is the one that was made."""
    actions = found.of_type("CreateAction")
    if not actions:
        yield "no action says how the data came about"
    for action in actions:
        yield from _of_action(action)
    yield from _hashes(found)


def _of_action(action: Entity) -> Iterator[str]:
    name = action.get("@id")
    for key in ("instrument", "agent", "result"):
        if not action.get(key):
            yield f"{name} has no {key}"
    times = {key: moment(action.get(key)) for key in ("startTime", "endTime")}
    for key, time in times.items():
        if time is None and (action.get(key) or action.get("actionStatus") != v.FAILED):
            yield f"{name}: {key} is no time with a zone: {action.get(key)!r}"
    if times["startTime"] and times["endTime"] and times["startTime"] > times["endTime"]:
        yield f"{name} ended before it started"


def _hashes(found: Found) -> Iterator[str]:
    """Compare every hash and size with the file as it is now; a missing file is another principle's fault."""
    for entity in found.files:
        identity = str(entity.get("@id"))
        path = unquote(identity)
        is_ours = is_local(identity) and is_inside(identity) and found.path(identity).is_file()
        if identity in UNHASHED or not is_ours:
            continue
        if found.sha256(path) != entity.get("sha256"):
            yield f"{identity} is not the file that was described: its SHA-256 is another"
        if str(found.path(identity).stat().st_size) != str(entity.get("contentSize")):
            yield f"{identity} has not the size that is stated"
        if found.sums.get(path) != entity.get("sha256"):
            yield f"{identity}: SHA256SUMS and the crate differ"
    described_files = {unquote(str(each.get("@id"))) for each in found.files}
    for path, digest in found.sums.items():
        if path not in described_files and (found.folder / path).is_file() and found.sha256(path) != digest:
            yield f"{path} is not the file that SHA256SUMS names: its SHA-256 is another"
    for entity in found.data_sets:
        below = unquote(str(entity.get("@id")))
        parts = [(path.removeprefix(below), digest) for path, digest in found.sums_below.get(below, {}).items()]
        if entity.get("sha256") and manifest_sha256(parts) != entity["sha256"]:
            yield f"{entity.get('@id')}: its manifest in SHA256SUMS is not the one that was described"


def standards(found: Found) -> Iterator[str]:
    """R1.3: the documents of the community are there and say which standard they follow."""
    if found.document(CROISSANT).get("conformsTo") != CONFORMS:
        yield f"{CROISSANT} does not say that it conforms to {CONFORMS}"
    if not found.document(DATA_PACKAGE).get("profile"):
        yield f"{DATA_PACKAGE} names no profile"
    if not (found.folder / CITATION).is_file():
        yield f"{CITATION} is missing"

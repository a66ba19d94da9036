"""Checks of the FAIR principles: what a machine finds in a crate without a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from fairmesh.errors import FairmeshError
from fairmesh.fair import vocabulary as v
from fairmesh.fair.citation import CITATION, DATACITE
from fairmesh.fair.crate import DESCRIPTOR, PREVIEW, SUMS
from fairmesh.fair.crate_reader import Crate, Entity, ids, is_inside, is_local, many, maps, references
from fairmesh.fair.croissant import CONFORMS, CROISSANT
from fairmesh.fair.datapackage import DATA_PACKAGE
from fairmesh.fair.dates import day, moment
from fairmesh.identifiers import DOI, SPDX, spdx_identifier
from fairmesh.runner.provenance import manifest_sha256
from fairmesh.schema import load_yaml

_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOI = re.compile(re.escape(DOI) + r"10\.\d{4,9}/\S+")
_SHA256 = re.compile("[0-9a-f]{64}")
UNHASHED = {DESCRIPTOR, PREVIEW, SUMS}
"""Files that cannot contain their own hash, or refer to each other."""
SHORT = 40  # characters; a description that is shorter describes nothing


def has_doi(crate: Crate) -> bool:
    """Return whether the crate has a DOI."""
    return bool(_DOI.fullmatch(str(crate.root.get("identifier"))))


def identifier(crate: Crate) -> Iterator[str]:
    """F1: the crate has a globally unique identifier."""
    given = str(crate.root.get("identifier") or "")
    if not given:
        yield "the data set has no identifier"
    elif not _UUID.fullmatch(given) and not _DOI.fullmatch(given):
        yield f"its identifier is neither a DOI nor a UUID: {given!r}"


def rich(crate: Crate) -> Iterator[str]:
    """F2: the crate has rich metadata."""
    for key in ("name", "description", "keywords", "author", "license", "datePublished"):
        if not crate.root.get(key):
            yield f"the data set has no {key}"
    if crate.root.get("description") and len(str(crate.root["description"])) < SHORT:
        yield f"its description has fewer than {SHORT} characters"
    if crate.root.get("datePublished") and not day(crate.root["datePublished"]):
        yield f"datePublished is no date: {crate.root['datePublished']!r}"
    for identity in ids(crate.root.get("author")):
        if not crate.by_id.get(identity, {}).get("name"):
            yield f"the author {identity} has no name"


def identifies(crate: Crate) -> Iterator[str]:
    """F3: all documents contain the same identifier, and all files are parts."""
    if ids(crate.descriptor.get("about")) != ["./"]:
        yield f"{DESCRIPTOR} does not say that it is about ./"
    reached = _reached(crate)
    for entity in [*crate.files, *crate.data_sets]:
        identity = str(entity.get("@id"))
        if identity not in reached and identity != DESCRIPTOR:
            yield f"{identity} is no part of the data set"
    given = str(crate.root.get("identifier") or "")
    for name, key in ((DATA_PACKAGE, "id"), (CROISSANT, "identifier")):
        said = crate.document(name).get(key)
        if said != given:
            yield f"{name} says {said!r} where the crate says {given!r}"


def _reached(crate: Crate) -> set[str]:
    """Return the entities that hasPart reaches from the root."""
    reached: set[str] = set()
    waiting = ["./"]
    while waiting:
        identity = waiting.pop()
        if identity not in reached:
            reached.add(identity)
            waiting += ids(crate.by_id.get(identity, {}).get("hasPart"))
    return reached


def indexable(crate: Crate) -> Iterator[str]:
    """F4: the entries that an index requires exist."""
    record = crate.document(DATACITE)
    if not record:
        yield f"{DATACITE} is missing, which a repository passes on to indexes"
    for key in ("creators", "titles", "publisher", "publicationYear", "types"):
        if record and not record.get(key):
            yield f"{DATACITE} has no {key}"
    search = crate.document(CROISSANT)
    for key in ("name", "description", "license"):
        if not search.get(key):
            yield f"{CROISSANT}, which dataset searches read, has no {key}"


def retrievable(crate: Crate) -> Iterator[str]:
    """A1: all named files and folders exist."""
    for entity in crate.files:
        identity = str(entity.get("@id"))
        if is_local(identity) and is_inside(identity) and not crate.path(identity).is_file():
            yield f"{identity} is missing"
    for entity in crate.data_sets:
        identity = str(entity.get("@id"))
        if is_local(identity) and is_inside(identity) and not crate.path(identity).is_dir():
            yield f"the folder {identity} is missing"
    for path in crate.sums:
        if not (crate.folder / path).is_file():
            yield f"{path}, which SHA256SUMS names, is missing"


def open_protocol(crate: Crate) -> Iterator[str]:
    """A1.1: paths are relative or on the web."""
    for entity in [*crate.files, *crate.data_sets]:
        identity = str(entity.get("@id"))
        if is_local(identity):
            if not is_inside(identity):
                yield f"{identity} lies outside of the package"
        elif not identity.startswith(("https://", "http://", "#")):
            yield f"{identity} is not an address of the web"


def access(crate: Crate) -> Iterator[str]:
    """A1.2: access conditions are stated."""
    if not str(crate.root.get("conditionsOfAccess") or "").strip():
        yield "conditionsOfAccess does not say who may have the data"


def outlives(crate: Crate) -> Iterator[str]:
    """A2: metadata of each file have its hash and size."""
    for entity in crate.files:
        identity = str(entity.get("@id"))
        if identity in UNHASHED:
            continue
        if not _SHA256.fullmatch(str(entity.get("sha256"))):
            yield f"{identity} has no SHA-256"
        if not str(entity.get("contentSize") or "").isdecimal():
            yield f"{identity} has no size"
    for entity in crate.data_sets:
        if not _SHA256.fullmatch(str(entity.get("sha256"))):
            yield f"{entity.get('@id')} has no hash of its manifest"
    if not crate.sums:
        yield f"{SUMS} is missing or empty"


_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")


def language(crate: Crate) -> Iterator[str]:
    """I1: the crate is JSON-LD, and every term is defined."""
    if not set(v.CONTEXTS) <= {item for item in many(crate.context) if isinstance(item, str)}:
        yield f"@context does not name {' and '.join(v.CONTEXTS)}"
    for identity, count in Counter(str(item.get("@id")) for item in crate.graph).items():
        if count > 1:
            yield f"{identity} is described {count} times"
    known = v.CRATE.keys() | v.RUN.keys() | _own_terms(crate)
    for entity in crate.graph:
        if not entity.get("@id") or not entity.get("@type"):
            yield f"an entity has no @id or no @type: {str(entity)[:80]}"
        used = {*entity, *map(str, many(entity.get("@type")))} - {"@id", "@type"}
        for term in sorted(used - known):
            yield f"{entity.get('@id')}: {term} is in no context, so that it means nothing"


def _own_terms(crate: Crate) -> set[str]:
    return {str(term) for item in many(crate.context) if isinstance(item, dict) for term in item}


def vocabularies(crate: Crate) -> Iterator[str]:
    """I2: terms come from public vocabularies."""
    if v.CRATE_1_1 not in ids(crate.descriptor.get("conformsTo")):
        yield f"the document does not say that it conforms to {v.CRATE_1_1}"
    for profile in v.PROFILES:
        if profile not in ids(crate.root.get("conformsTo")):
            yield f"the data set does not say that it conforms to {profile}"
    for entity in crate.of_type("FormalParameter"):
        if not entity.get("additionalType"):
            yield f"{entity.get('@id')} does not say what its values are"


def qualified(crate: Crate) -> Iterator[str]:
    """I3: every reference has a target."""
    for entity in crate.graph:
        for key, target in references(entity):
            if target not in crate.by_id:
                yield f"{entity.get('@id')}: {key} refers to {target}, which is not there"


def described(crate: Crate) -> Iterator[str]:
    """R1: every file has a media type, every column a description."""
    for entity in crate.files:
        kinds = [item for item in many(entity.get("encodingFormat")) if isinstance(item, str)]
        if not any(_MEDIA_TYPE.fullmatch(kind) for kind in kinds):
            yield f"{entity.get('@id')} has no media type"
    resources = maps(crate.document(DATA_PACKAGE).get("resources"))
    if not resources:
        yield f"{DATA_PACKAGE} describes no table"
    for resource in resources:
        for schema in maps(resource.get("schema")):
            for field in maps(schema.get("fields")):
                if not field.get("type"):
                    yield f"{resource.get('name')}: the column {field.get('name')} has no type"


def licensed(crate: Crate) -> Iterator[str]:
    """R1.1: all documents have the same SPDX license."""
    given = ids(crate.root.get("license"))
    if not given:
        said = crate.root.get("license")
        yield f"the licence is a text that no machine understands: {said!r}" if said else "there is no licence"
        return
    name = given[0].removeprefix(SPDX)
    if not given[0].startswith(SPDX) or spdx_identifier(name) != name:
        yield f"{given[0]} is no licence that SPDX knows"
    said = {
        DATA_PACKAGE: _first(crate.document(DATA_PACKAGE).get("licenses"), "name"),
        DATACITE: _first(crate.document(DATACITE).get("rightsList"), "rightsIdentifier"),
        CROISSANT: str(crate.document(CROISSANT).get("license") or "").removeprefix(SPDX),
        CITATION: _cited(crate),
    }
    for document, other in said.items():
        if other != name:
            yield f"{document} says {other!r} where the crate says {name!r}"


def _first(value: object, key: str) -> object:
    return next((item.get(key) for item in maps(value)), None)


def _cited(crate: Crate) -> object:
    path = crate.folder / CITATION
    try:
        node = load_yaml(path).entries.get("license")
    except (FairmeshError, OSError):
        return None
    return node.plain() if node is not None else None


def provenance(crate: Crate) -> Iterator[str]:
    """R1.2: actions have agent, instrument, result and times, and all hashes are right."""
    actions = crate.of_type("CreateAction")
    if not actions:
        yield "no action says how the data came about"
    for action in actions:
        yield from _of_action(action)
    yield from _hashes(crate)


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


def _hashes(crate: Crate) -> Iterator[str]:
    """Compare hashes and sizes with the files; a missing file counts for A1."""
    for entity in crate.files:
        identity = str(entity.get("@id"))
        path = unquote(identity)
        is_ours = is_local(identity) and is_inside(identity) and crate.path(identity).is_file()
        if identity in UNHASHED or not is_ours:
            continue
        if crate.sha256(path) != entity.get("sha256"):
            yield f"{identity} is not the file that was described: its SHA-256 is another"
        if str(crate.path(identity).stat().st_size) != str(entity.get("contentSize")):
            yield f"{identity} has not the size that is stated"
        if crate.sums.get(path) != entity.get("sha256"):
            yield f"{identity}: SHA256SUMS and the crate differ"
    described_files = {unquote(str(item.get("@id"))) for item in crate.files}
    for path, digest in crate.sums.items():
        if path not in described_files and (crate.folder / path).is_file() and crate.sha256(path) != digest:
            yield f"{path} is not the file that SHA256SUMS names: its SHA-256 is another"
    for entity in crate.data_sets:
        below = unquote(str(entity.get("@id")))
        parts = [(path.removeprefix(below), digest) for path, digest in crate.sums_below.get(below, {}).items()]
        if entity.get("sha256") and manifest_sha256(parts) != entity["sha256"]:
            yield f"{entity.get('@id')}: its manifest in SHA256SUMS is not the one that was described"


def standards(crate: Crate) -> Iterator[str]:
    """R1.3: community documents exist and name their standards."""
    if crate.document(CROISSANT).get("conformsTo") != CONFORMS:
        yield f"{CROISSANT} does not say that it conforms to {CONFORMS}"
    if not crate.document(DATA_PACKAGE).get("profile"):
        yield f"{DATA_PACKAGE} names no profile"
    if not (crate.folder / CITATION).is_file():
        yield f"{CITATION} is missing"

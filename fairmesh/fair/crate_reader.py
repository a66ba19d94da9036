"""Read a crate for checks; its documents are untrusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from fairmesh.errors import FairmeshError
from fairmesh.fair.crate import DESCRIPTOR, SUMS
from fairmesh.files import file_sha256
from fairmesh.jobs.reading import read_checked
from fairmesh.runner import jsonfiles
from fairmesh.runner.manifest import read_sums
from fairmesh.runner.safefiles import read_regular

Entity = dict[str, Any]


@dataclass(frozen=True)
class Crate:
    """A crate in a folder.

    Parameters
    ----------
    folder : Path
        The folder of ``ro-crate-metadata.json``.
    graph : list of dict
        Its entities.
    context : object
        The value of ``@context``.
    problems : list of str
        Other documents that cannot be read, one message each.
    """

    folder: Path
    graph: list[Entity]
    context: Any
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Crate:
        """Read a crate.

        Raises
        ------
        FairmeshError
            If the document is missing or invalid.
        """
        path = folder / DESCRIPTOR
        try:
            document = jsonfiles.parse(read_regular(str(path)))
            graph = document["@graph"]
        except OSError as error:
            raise FairmeshError(f"{path}: {error.strerror}; `fairmesh crate` writes it") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FairmeshError(f"{path}: not a crate: {error}") from error
        if not isinstance(graph, list) or not all(isinstance(entity, dict) for entity in graph):
            raise FairmeshError(f"{path}: not a crate: @graph is not a list of maps")
        return cls(folder, graph, document.get("@context"))

    @cached_property
    def by_id(self) -> dict[str, Entity]:
        """The entities by ``@id``."""
        return {str(entity.get("@id")): entity for entity in self.graph}

    @property
    def root(self) -> Entity:
        """The root data set; empty if there is none."""
        return self.by_id.get("./", {})

    @property
    def descriptor(self) -> Entity:
        """The metadata descriptor."""
        return self.by_id.get(DESCRIPTOR, {})

    def of_type(self, kind: str) -> list[Entity]:
        """Return the entities of a type."""
        return [entity for entity in self.graph if kind in many(entity.get("@type"))]

    @cached_property
    def files(self) -> list[Entity]:
        """The file entities."""
        return self.of_type("File")

    @cached_property
    def data_sets(self) -> list[Entity]:
        """The data sets other than the root."""
        return [entity for entity in self.of_type("Dataset") if entity.get("@id") != "./"]

    def path(self, identity: str) -> Path:
        """Return the path of a relative address."""
        return self.folder / unquote(identity)

    def document(self, name: str) -> dict[str, Any]:
        """Read another JSON document of the crate; empty if it is missing."""
        if name not in self._documents:
            self._documents[name], problem = read_checked(self.folder / name)
            self.problems.extend(filter(None, [problem]))
        return self._documents[name]

    @cached_property
    def _documents(self) -> dict[str, dict[str, Any]]:
        return {}

    @cached_property
    def sums(self) -> dict[str, str]:
        """Hashes by path from SHA256SUMS."""
        path = self.folder / SUMS
        try:
            sums = read_sums(read_regular(str(path)))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problems.append(f"{path}: cannot be read: {error.strerror}; left out")
            return {}
        return {path: digest for path, digest in sums.items() if is_inside(path)}

    @cached_property
    def sums_below(self) -> dict[str, dict[str, str]]:
        """Hashes from SHA256SUMS by data set."""
        sums: dict[str, dict[str, str]] = {unquote(str(entity.get("@id"))): {} for entity in self.data_sets}
        for path, digest in self.sums.items():
            parts = path.split("/")
            for end in range(1, len(parts)):
                below = "/".join(parts[:end]) + "/"
                if below in sums:
                    sums[below][path] = digest
        return sums

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return {}

    def sha256(self, path: str) -> str:
        """Compute the hash of a file; empty if it cannot be read."""
        if path not in self._hashes:
            try:
                self._hashes[path] = file_sha256(self.folder / path)
            except OSError:
                self._hashes[path] = ""
        return self._hashes[path]


def many(value: Any) -> list[Any]:
    """Return a value as a list: JSON-LD writes single members without one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def maps(value: Any) -> list[dict[str, Any]]:
    """Return the members of a value that are maps."""
    return [member for member in many(value) if isinstance(member, dict)]


def ids(value: Any) -> list[str]:
    """Return the targets of a property."""
    return [str(member["@id"]) for member in maps(value) if "@id" in member]


def references(entity: Entity) -> Iterator[tuple[str, str]]:
    """Yield the references of an entity as property and target."""
    for key, value in entity.items():
        if key not in {"@id", "@type"}:
            for target in ids(value):
                yield key, target


def is_local(identity: str) -> bool:
    """Return whether an address is a path."""
    return not identity.startswith("#") and ":" not in identity.partition("/")[0]


def is_inside(identity: str) -> bool:
    """Return whether a relative address stays inside the crate."""
    path = PurePosixPath(unquote(identity))
    return not path.is_absolute() and ".." not in path.parts

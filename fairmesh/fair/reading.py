"""A package as somebody else finds it: its documents are read, nothing in them is believed."""

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
class Found:
    """A package in a folder.

    Parameters
    ----------
    folder : Path
        Where ``ro-crate-metadata.json`` is.
    graph : list of dict
        Its entities, as they stand there.
    context : object
        What ``@context`` says.
    problems : list of str
        Other documents that are there and cannot be read, a line each; what they would say is left out.
    """

    folder: Path
    graph: list[Entity]
    context: Any
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Found:
        """Read a package.

        Raises
        ------
        FairmeshError
            If there is no such document, or it is no list of entities.
        """
        path = folder / DESCRIPTOR
        try:
            found = jsonfiles.parse(read_regular(str(path)))
            graph = found["@graph"]
        except OSError as error:
            raise FairmeshError(f"{path}: {error.strerror}; `fairmesh crate` writes it") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FairmeshError(f"{path}: not a crate: {error}") from error
        if not isinstance(graph, list) or not all(isinstance(each, dict) for each in graph):
            raise FairmeshError(f"{path}: not a crate: @graph is not a list of maps")
        return cls(folder, graph, found.get("@context"))

    @cached_property
    def by_id(self) -> dict[str, Entity]:
        """The entities by their names."""
        return {str(each.get("@id")): each for each in self.graph}

    @property
    def root(self) -> Entity:
        """The data set itself; empty if there is none."""
        return self.by_id.get("./", {})

    @property
    def descriptor(self) -> Entity:
        """The entity of the document."""
        return self.by_id.get(DESCRIPTOR, {})

    def of_type(self, kind: str) -> list[Entity]:
        """Return the entities of a type."""
        return [each for each in self.graph if kind in many(each.get("@type"))]

    @cached_property
    def files(self) -> list[Entity]:
        """The files."""
        return self.of_type("File")

    @cached_property
    def data_sets(self) -> list[Entity]:
        """The folders that are data sets of their own."""
        return [each for each in self.of_type("Dataset") if each.get("@id") != "./"]

    def path(self, identity: str) -> Path:
        """Return the place that a relative address stands for."""
        return self.folder / unquote(identity)

    def document(self, name: str) -> dict[str, Any]:
        """Read another JSON document of the package; empty if there is no such one."""
        if name not in self._documents:
            self._documents[name], problem = read_checked(self.folder / name)
            self.problems.extend(filter(None, [problem]))
        return self._documents[name]

    @cached_property
    def _documents(self) -> dict[str, dict[str, Any]]:
        return {}

    @cached_property
    def sums(self) -> dict[str, str]:
        """What SHA256SUMS says: hash by path."""
        path = self.folder / SUMS
        try:
            found = read_sums(read_regular(str(path)))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problems.append(f"{path}: cannot be read: {error.strerror}; left out")
            return {}
        return {path: digest for path, digest in found.items() if is_inside(path)}

    @cached_property
    def sums_below(self) -> dict[str, dict[str, str]]:
        """The lines of SHA256SUMS by the data set that holds the file."""
        found: dict[str, dict[str, str]] = {unquote(str(each.get("@id"))): {} for each in self.data_sets}
        for path, digest in self.sums.items():
            parts = path.split("/")
            for end in range(1, len(parts)):
                below = "/".join(parts[:end]) + "/"
                if below in found:
                    found[below][path] = digest
        return found

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return {}

    def sha256(self, path: str) -> str:
        """Return the hash of a file as it is now; empty if it cannot be read."""
        if path not in self._hashes:
            try:
                self._hashes[path] = file_sha256(self.folder / path)
            except OSError:
                self._hashes[path] = ""
        return self._hashes[path]


def many(value: Any) -> list[Any]:
    """Return a value as a list, which JSON-LD writes only where there are several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def maps(value: Any) -> list[dict[str, Any]]:
    """Return the maps among the members of a value; what stands there in their place says nothing."""
    return [each for each in many(value) if isinstance(each, dict)]


def ids(value: Any) -> list[str]:
    """Return what a property refers to."""
    return [str(each["@id"]) for each in maps(value) if "@id" in each]


def references(entity: Entity) -> Iterator[tuple[str, str]]:
    """Yield the references of an entity: property, and what it refers to."""
    for key, value in entity.items():
        if key not in {"@id", "@type"}:
            for target in ids(value):
                yield key, target


def is_local(identity: str) -> bool:
    """Return whether an address is that of a file or folder of the package."""
    return not identity.startswith("#") and ":" not in identity.partition("/")[0]


def is_inside(identity: str) -> bool:
    """Return whether a relative address stays inside the package."""
    path = PurePosixPath(unquote(identity))
    return not path.is_absolute() and ".." not in path.parts

"""The fifteen FAIR principles, in the words of Wilkinson et al. (2016), with what a machine can say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from fairmesh.fair import findable, reusable
from fairmesh.fair.reading import Found

Check = Callable[[Found], Iterator[str]]
Kind = Literal["machine", "self", "deposit"]

KINDS: dict[Kind, str] = {
    "machine": "checked by machine, offline",
    "self": "self-assessed: a machine checks that it is stated, people that it is true",
    "deposit": "prepared; met for good with a deposit in a repository that gives a DOI",
}


@dataclass(frozen=True)
class Principle:
    """One of the fifteen.

    Parameters
    ----------
    code, text : str
        Its number, and what it asks for.
    kind : str
        How far this verdict goes.
    check : callable
        Gives what speaks against it.
    """

    code: str
    text: str
    kind: Kind
    check: Check


PRINCIPLES = (
    Principle(
        "F1", "(Meta)data are assigned a globally unique and persistent identifier.", "deposit", findable.identifier
    ),
    Principle("F2", "Data are described with rich metadata.", "machine", findable.rich),
    Principle(
        "F3",
        "Metadata clearly and explicitly include the identifier of the data they describe.",
        "machine",
        findable.identifies,
    ),
    Principle("F4", "(Meta)data are registered or indexed in a searchable resource.", "deposit", findable.indexable),
    Principle(
        "A1",
        "(Meta)data are retrievable by their identifier using a standardised communications protocol.",
        "deposit",
        findable.retrievable,
    ),
    Principle("A1.1", "The protocol is open, free, and universally implementable.", "machine", findable.open_protocol),
    Principle(
        "A1.2",
        "The protocol allows for an authentication and authorisation procedure, where necessary.",
        "self",
        findable.access,
    ),
    Principle(
        "A2", "Metadata are accessible, even when the data are no longer available.", "deposit", findable.outlives
    ),
    Principle(
        "I1",
        "(Meta)data use a formal, accessible, shared, and broadly applicable language for knowledge representation.",
        "machine",
        reusable.language,
    ),
    Principle("I2", "(Meta)data use vocabularies that follow FAIR principles.", "self", reusable.vocabularies),
    Principle("I3", "(Meta)data include qualified references to other (meta)data.", "machine", reusable.qualified),
    Principle(
        "R1",
        "(Meta)data are richly described with a plurality of accurate and relevant attributes.",
        "self",
        reusable.described,
    ),
    Principle(
        "R1.1",
        "(Meta)data are released with a clear and accessible data usage licence.",
        "machine",
        reusable.licensed,
    ),
    Principle("R1.2", "(Meta)data are associated with detailed provenance.", "machine", reusable.provenance),
    Principle("R1.3", "(Meta)data meet domain-relevant community standards.", "machine", reusable.standards),
)

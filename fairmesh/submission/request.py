"""What a person asks for: which study, who submits, and what the documents cannot know by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PDF = "sientific_contribution.pdf"  # sic: so it is called in submit.adoc


@dataclass(frozen=True)
class Request:
    """A wish for a submission.

    Parameters
    ----------
    given : mapping
        Who submits what, by the names of `fairmesh.submission.identity.REQUIRED`; what is missing comes from the logs.
    descriptor : str
        Name of the innermost folder; the study's name if empty.
    repository : str
        Where the code can be cloned from; git is asked if empty.
    pdf : Path or None
        The description of the scientific contribution, which only people can write.
    references : mapping
        What the reference model reaches, by the name of the metric, in its unit.
    """

    given: Mapping[str, str]
    descriptor: str = ""
    repository: str = ""
    pdf: Path | None = None
    references: Mapping[str, float] = field(default_factory=dict)

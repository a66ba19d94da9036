"""The ``submission_*`` events of a log, by their key without the prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairmesh.study.settings import Publisher
from fairmesh.submission.repository import commit_of

COMMIT = "github_commit_version"
DIVISION = "open"  # what the Science working group accepts: submit.adoc, 2023

REQUIRED = {
    "org": "the organization that submits: --org, or organisation of the publisher",
    "poc_name": "the contact's name: --contact, or contact.name of the publisher",
    "poc_email": "the contact's e-mail address: --email, or contact.email of the publisher",
    "status": "how the system is available: --status, or status of the publisher: cloud, onprem, preview or research",
    "platform": "the name of the system: --platform, or platform of the publisher",
    COMMIT: "the commit of the code: run it from a git repository without uncommitted changes, or --commit",
}
"""Required entries, and where they come from."""

NAMES = {"org": "org", "poc_name": "contact", "poc_email": "email", "status": "status", "platform": "platform"}
"""Descriptions of the entries."""


@dataclass(frozen=True)
class Application:
    """The application of a submission."""

    name: str
    version: str

    @property
    def tagged(self) -> str:
        """The content of VERSION.txt.

        >>> Application("cloudmask", "0.1.0").tagged
        'cloudmask-v0.1.0'
        """
        return f"{self.name}-v{self.version}"


def of_publisher(publisher: Publisher) -> dict[str, str]:
    """Return the entries of the configuration."""
    named = {
        "org": publisher.organisation,
        "status": publisher.status or "",
        "platform": publisher.platform,
        "poc_name": publisher.contact.name,
        "poc_email": publisher.contact.email,
    }
    return {name: text for name, text in named.items() if text}


def of_run(application: Application, folder: Path, publisher: Publisher) -> dict[str, str]:
    """Return the entries that are known before a run, for experiment.json."""
    own = {"benchmark": application.name, "version": application.tagged, "division": DIVISION}
    commit = commit_of(folder)
    return own | ({COMMIT: commit} if commit else {}) | of_publisher(publisher)


def missing(given: Mapping[str, str]) -> list[str]:
    """Return descriptions of missing required entries.

    >>> missing(dict.fromkeys(REQUIRED, "x") | {"org": ""})
    ['org: the organization that submits: --org, or organisation of the publisher']
    """
    return [f"{NAMES.get(key, 'commit')}: {meaning}" for key, meaning in REQUIRED.items() if not given.get(key)]

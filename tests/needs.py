"""What tests need of the computer, and which real components they drive."""

from __future__ import annotations

import os

import pytest

_components: dict[str, None] = {}


def must_have(there: object, missing: str) -> None:
    """Skip a test where something is missing, with the reason; in continuous integration that is an error."""
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{missing}; in continuous integration this is an error")
    pytest.skip(missing)


def note_component(name: str) -> None:
    """Note a real component with its version, as "Snakemake 9.27"; the report of the tests lists each once."""
    _components[name] = None


def noted_components() -> list[str]:
    """Return the components that were noted in this process."""
    return list(_components)

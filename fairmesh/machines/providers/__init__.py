"""Providers of rented machines: they create, list and destroy instances."""

from __future__ import annotations

from pathlib import Path

from fairmesh import extras
from fairmesh.machines.providers.base import Instance, Provider, ProviderError
from fairmesh.study import rented

__all__ = ["Instance", "Provider", "ProviderError", "make_provider"]


def make_provider(settings: rented.Provider, project: Path) -> Provider:
    """Return the provider that a machine names.

    Parameters
    ----------
    settings : fairmesh.study.rented.Provider
        The machine's ``provider``.
    project : Path
        The folder in which commands run.

    Raises
    ------
    InputError
        If packages or credentials are missing.
    """
    if not settings.libcloud:
        from fairmesh.machines.providers.commands import CommandsProvider  # noqa: PLC0415

        return CommandsProvider(settings, project)
    extras.require("cloud", f"the provider {settings.libcloud}")
    from fairmesh.machines.providers.libcloud import LibcloudProvider  # noqa: PLC0415  it takes a second to import

    return LibcloudProvider(settings)

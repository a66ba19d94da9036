"""What the monitor was started with. Its pages run again and again in one process, and find it here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fairmesh.api import Project
from fairmesh.web.access import token_file


@dataclass(frozen=True)
class Setting:
    """What the monitor works with.

    Parameters
    ----------
    project : Project
        Where it works; this process's folder by default, as under ``streamlit run``.
    token_file : Path
        Where the token is that whoever steers must show.
    names : tuple of str
        By which others call this computer.
    root : str
        The path below which a proxy shows it.
    """

    project: Project = field(default_factory=Project.of)
    token_file: Path = field(default_factory=token_file)
    names: tuple[str, ...] = ()
    root: str = ""

    @property
    def options(self) -> dict[str, object]:
        """What Streamlit must know of this."""
        origins = [f"{scheme}://{name}" for name in self.names for scheme in ("http", "https")]
        return {"server.baseUrlPath": self.root, "server.corsAllowedOrigins": origins}


_given: list[Setting] = []


def give(setting: Setting) -> None:
    """Set what all pages work with from now on."""
    _given[:] = [setting]


def given() -> Setting:
    """Return what the monitor works with."""
    if not _given:
        give(Setting())
    return _given[0]

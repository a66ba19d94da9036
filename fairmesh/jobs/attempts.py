"""What became of the attempts at a job, read while runners may be writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.files import read_json
from fairmesh.runner.claims import numbers
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, DONE, ENDS, EXPERIMENT, STAGES, STATUS

BAD_ENDS = tuple(state for state in ENDS if state != DONE)


class Stages:
    """Why shared stages have no result, each looked up once.

    Parameters
    ----------
    results : Path
        The results folder.
    application : str
        Whose stages they are.
    """

    def __init__(self, results: Path, application: str) -> None:
        self._folder = results / STAGES / application
        self._known: dict[str, str] = {}

    def reason(self, needs: dict[str, str]) -> str:
        """Say which of the needed stages failed, and why; empty if none did."""
        return next(filter(None, (self._of(name, fingerprint) for name, fingerprint in needs.items())), "")

    def _of(self, name: str, fingerprint: str) -> str:
        if fingerprint not in self._known:
            self._known[fingerprint] = ""
            own = self._folder / f"{name}-{fingerprint[:12]}"
            attempt = last_attempt(own, fingerprint)
            status = read_map(attempt / STATUS) if attempt else {}
            if status.get("state") in BAD_ENDS:
                self._known[fingerprint] = f"its stage {name} {status['state']}: {status.get('reason') or 'no reason'}"
            elif not (own / COMMIT).exists():
                self._known[fingerprint] = self.reason(read_map(own / EXPERIMENT).get("stages") or {})
        return self._known[fingerprint]


def last_attempt(folder: Path, fingerprint: str) -> Path | None:
    """Give the last attempt, unless it was one at something else than what is planned now."""
    number = max(numbers(str(folder / ATTEMPTS)), default=0)
    if not number:
        return None
    attempt = folder / ATTEMPTS / str(number)
    return attempt if read_map(attempt / EXPERIMENT).get("fingerprint", fingerprint) == fingerprint else None


def read_map(path: Path) -> dict[str, Any]:
    """Read what a runner may be writing at this moment or may never have written."""
    try:
        found = read_json(path)
    except (FairmeshError, OSError):
        return {}
    return found if isinstance(found, dict) else {}

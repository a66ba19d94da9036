"""The FAIR score of a study as its page shows it, read from ``fair.json``."""

from __future__ import annotations

from typing import Any

from fairmesh.jobs.attempts import read_map
from fairmesh.site.view import StudyView

FAIR = "fair.json"
_STATES = {"met": "met", "prepared": "prepared for a deposit", "falls": "not met"}


def score(view: StudyView) -> dict[str, Any] | None:
    """Return ``met``, ``prepared``, ``falls``, ``of``, ``asks`` and the principles; None if nobody has scored it."""
    found = read_map(view.study.folder / FAIR)
    principles = [each for each in found.get("principles") or [] if isinstance(each, dict)]
    if not principles or not all(isinstance(found.get(key), int) for key in ("met", "prepared", "falls", "of")):
        return None
    return {
        **{key: found[key] for key in ("met", "prepared", "falls", "of")},
        "asks": list(map(str, found.get("asks") or [])),
        "principles": [_principle(each) for each in principles],
    }


def _principle(found: dict[str, Any]) -> dict[str, Any]:
    state = str(found.get("state") or "")
    return {
        "code": str(found.get("principle") or ""),
        "text": str(found.get("text") or ""),
        "state": state if state in _STATES else "falls",
        "words": _STATES.get(state, state),
        "assessed": str(found.get("assessed") or ""),
        "findings": list(map(str, found.get("findings") or [])),
    }

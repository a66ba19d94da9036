"""Somebody's wish that a job or a run end: cancel.json in its folder, with who wished it and when."""

import os
from typing import Any, Dict

from . import jsonfiles
from .protocol import CANCEL, FORMAT


def reason(folder: str) -> str:
    """Return the wish for a folder in words, or an empty text if there is none."""
    path = os.path.join(folder, CANCEL)
    if not folder or not os.path.isfile(path):
        return ""
    return words(jsonfiles.read_map(path) or {})


def words(wish: Dict[str, Any]) -> str:
    """Say who cancelled, and when."""
    text = "cancelled by {}".format(wish.get("who") or "somebody")
    return "{} at {}".format(text, wish["when"]) if wish.get("when") else text


def write(folder: str, who: str) -> bool:
    """Wish that a folder's job or run end; False if somebody did already, whose wish stays."""
    path = os.path.join(folder, CANCEL)
    return jsonfiles.write_new(path, {"format": FORMAT, "who": who, "when": jsonfiles.now()})

"""Write values as YAML that versions 1.1 and 1.2 read alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*", re.ASCII)
# Words that YAML 1.1 or 1.2 reads as a boolean or null, in upper or lower case.
_RESERVED = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LONGEST_KEY = 1000  # YAML's simple keys end at 1024 characters


def dump_yaml(value: Any) -> str:
    """Return a value as block YAML that parsers of YAML 1.1 and 1.2 read back unchanged.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        The value, with any nesting; keys are strings.

    Raises
    ------
    TypeError
        If it contains a value of another type.

    Examples
    --------
    >>> print(dump_yaml({"gpu": "on", "rates": [1e-05, 3], "none": None}), end="")
    gpu: "on"
    rates:
      - 1.0e-05
      - 3
    none: null
    """
    lines: list[str] = []
    _block(value, "", lines)
    return "\n".join(lines) + "\n"


def _block(value: Any, pad: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            text = _text(key)
            head = f"{pad}? {text}\n{pad}:" if len(text) > _LONGEST_KEY else f"{pad}{text}:"
            _entry_lines(head, item, pad, lines)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            _entry_lines(f"{pad}-", item, pad, lines)
    else:
        lines.append(pad + _flat(value))


def _entry_lines(head: str, item: Any, pad: str, lines: list[str]) -> None:
    if isinstance(item, dict | list | tuple) and item:
        lines.append(head)
        _block(item, pad + "  ", lines)
    else:
        lines.append(f"{head} {_flat(item)}")


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"YAML's core has no {type(value).__name__}")
    return writer(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _float(number: float) -> str:
    if not math.isfinite(number):
        return ".nan" if math.isnan(number) else "-.inf" if number < 0 else ".inf"
    text = repr(number)
    # YAML 1.1 reads a number without a point in the mantissa as a text.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


_WRITERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float,
    type(None): lambda _: "null",
}

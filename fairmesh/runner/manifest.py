r"""File names in records, and the lines that sha256sum(1) writes and checks.

The system's file names are bytes. As text they are UTF-8; other bytes become lone surrogates, as in Python, and are
written as ``\xfc`` in records, with the key ``escaped``.
"""

import os
import re
from typing import Any, Dict, Mapping, Optional, Tuple

_ESCAPED = re.compile(r"\\(?:x([89a-f][0-9a-f])|\\)")
_SPECIAL = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_SIGNS = {escaped: sign for sign, escaped in _SPECIAL.items()}
_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)", re.DOTALL)
_IN_LINE = re.compile(r"\\(.?)", re.DOTALL)


def name_text(path: str) -> str:
    """Return a path decoded as UTF-8, independent of the locale."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def is_text(path: str) -> bool:
    """Return whether a path can be written in UTF-8."""
    return not any("\ud800" <= sign <= "\udfff" for sign in path)


def entry(path: str) -> Dict[str, Any]:
    r"""Return the entry of a file in a record.

    >>> entry("tables/a.csv"), entry("gr\udcfc.txt")
    ({'path': 'tables/a.csv'}, {'path': 'gr\\xfc.txt', 'escaped': True})
    """
    if is_text(path):
        return {"path": path}
    escaped = path.replace("\\", "\\\\").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return {"path": escaped, "escaped": True}


def path_in(entry: Mapping[str, Any]) -> str:
    """Return the path in a record's entry; empty if the entry is not valid."""
    path = entry.get("path")
    if not isinstance(path, str):
        return ""
    return _ESCAPED.sub(_unescaped, path) if entry.get("escaped") is True else path


def _unescaped(escape: Any) -> str:
    return bytes([int(escape[1], 16)]).decode("utf-8", "surrogateescape") if escape[1] else "\\"


def sum_line(sha256: str, path: str) -> str:
    r"""Return a line of ``SHA256SUMS``, with its line end.

    >>> sum_line("ab", "two\nlines"), sum_line("ab", "plain")
    ('\\ab  two\\nlines\n', 'ab  plain\n')
    """
    escaped = "".join(_SPECIAL.get(sign, sign) for sign in path)
    return "{}{}  {}\n".format("" if escaped == path else "\\", sha256, escaped)


def read_sums(data: bytes) -> Dict[str, str]:
    """Return the hashes in a ``SHA256SUMS`` by path; invalid lines are left out."""
    lines = map(_read_line, data.decode("utf-8", "surrogateescape").split("\n"))
    return dict(filter(None, lines))


def _read_line(line: str) -> Optional[Tuple[str, str]]:
    match = _LINE.fullmatch(line)
    if not match:
        return None
    escaped, sha256, path = match.groups()
    return (_IN_LINE.sub(_sign, path) if escaped else path), sha256


def _sign(escape: Any) -> str:
    return _SIGNS.get(escape[0], str(escape[0]))

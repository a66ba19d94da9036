"""Names under which a service on this computer may be asked for: DNS can make any other name point here."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def known_hosts(names: Iterable[str] = ()) -> frozenset[str]:
    """Give the names by which this computer calls itself, and those by which others were told to call it."""
    return frozenset(each.lower() for each in (*LOOPBACK, *names))


def is_known(host: str, known: frozenset[str]) -> bool:
    """Tell whether a request's header ``Host`` has a known name.

    >>> [is_known(host, known_hosts()) for host in ("localhost:8501", "[::1]:80", "evil.example", "", "[")]
    [True, True, False, False, False]
    """
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() in known
    except ValueError:
        return False


def is_foreign(origin: str | None, host: str, site: str = "none") -> bool:
    """Tell whether a page of another site made a browser send a request.

    Parameters
    ----------
    origin : str or None
        The header ``Origin``, if there is one.
    host, site : str
        The headers ``Host`` and ``Sec-Fetch-Site``.

    Examples
    --------
    >>> is_foreign("http://localhost:8501", "localhost:8501"), is_foreign("http://evil.example", "localhost:8501")
    (False, True)
    """
    foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
    return foreign or site not in {"none", "same-origin"}

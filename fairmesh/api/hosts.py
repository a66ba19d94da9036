"""Names under which a service on this computer may be asked for: DNS can make any other name point here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from fairmesh.errors import InputError, Problem

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
_ROOT = re.compile(r"(/[A-Za-z0-9._~@-]+)*", re.ASCII)


def known_hosts(names: Iterable[str] = ()) -> frozenset[str]:
    """Return the names by which this computer calls itself, and those by which others were told to call it."""
    return frozenset((*LOOPBACK, *(_host(each) for each in names)))


def is_known(host: str, known: frozenset[str]) -> bool:
    """Whether a request's header ``Host`` has a known name.

    >>> [is_known(host, known_hosts()) for host in ("localhost:8501", "[::1]:80", "evil.example", "", "[")]
    [True, True, False, False, False]
    """
    return _host(host) in known


def is_foreign(origin: str | None, host: str, site: str = "none", names: Iterable[str] = ()) -> bool:
    """Whether a page of another site made a browser send a request.

    A proxy may put its own address into ``Host``, so that a page whose address is one of the names is an own one. A
    name without a port is that of the usual ports alone: what listens on another port may belong to somebody else.

    Parameters
    ----------
    origin : str or None
        The header ``Origin``, if there is one.
    host, site : str
        The headers ``Host`` and ``Sec-Fetch-Site``.
    names : iterable of str
        By which others call this computer: ``HOST`` or ``HOST:PORT``.

    Examples
    --------
    >>> is_foreign("http://localhost:8501", "localhost:8501"), is_foreign("http://evil.example", "localhost:8501")
    (False, True)
    >>> [is_foreign(f"https://a.example{port}", "localhost", "none", ["a.example"]) for port in ("", ":443", ":9999")]
    [False, False, True]
    """
    if site not in {"none", "same-origin"}:
        return True
    if origin is None:
        return False
    scheme, _, address = origin.lower().partition("://")
    own = {host.lower(), *(each.lower() for each in names)}
    return address not in own and address.removesuffix(f":{DEFAULT_PORTS.get(scheme)}") not in own


def check_root(path: str) -> str:
    """Return the path below which a proxy shows a service, without a slash at its end.

    Raises
    ------
    InputError
        If it is no path.

    >>> check_root("/user/ada/fairmesh/"), check_root("/")
    ('/user/ada/fairmesh', '')
    """
    found = path.rstrip("/")
    if not _ROOT.fullmatch(found):
        raise InputError([Problem(f"not a path: {path!r}", "--root-path", "such as /fairmesh")])
    return found


def below_root(path: str, root: str) -> str:
    """Return the path of a request with the root before it, whether the proxy left it there or took it away.

    >>> below_root("/docs", "/fairmesh"), below_root("/fairmesh/docs", "/fairmesh"), below_root("/docs", "")
    ('/fairmesh/docs', '/fairmesh/docs', '/docs')
    """
    return path if path == root or path.startswith(f"{root}/") else root + path


def _host(address: str) -> str:
    """Return the name in ``HOST`` or ``HOST:PORT``; empty if there is none."""
    try:
        return (urlsplit(f"//{address}").hostname or "").lower()
    except ValueError:
        return ""

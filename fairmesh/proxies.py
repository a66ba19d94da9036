"""Find the proxy for an address: from the environment, and none for this computer itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def find_proxy(url: str) -> str:
    """Return the proxy for an address, by ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``; often none.

    >>> find_proxy("http://127.0.0.1:8765")
    ''
    """
    from urllib import request  # noqa: PLC0415  takes 50 ms, and few commands speak to another computer

    address = urlsplit(url)
    known = request.getproxies()
    found = known.get(address.scheme) or known.get("all") or ""
    if not found or is_loopback(address.hostname or "") or request.proxy_bypass(address.netloc.rpartition("@")[2]):
        return ""
    return found if "://" in found else f"http://{found}"


def proxy_note(proxy: str) -> str:
    """Return the words for a proxy in a message, without the password that it may hold; none without a proxy.

    >>> proxy_note("http://me:secret@proxy.example:3128"), proxy_note("")
    (' through the proxy http://proxy.example:3128', '')
    """
    if not proxy:
        return ""
    address = urlsplit(proxy)
    return f" through the proxy {address.scheme}://{address.netloc.rpartition('@')[2]}"


def is_loopback(host: str) -> bool:
    """Return whether only this computer reaches an address.

    >>> [is_loopback(host) for host in ("127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost", "a.localhost")]
    [True, True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "", "example.org", "localhost.example.org")]
    [False, False, False, False]
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().rstrip(".").split(".")[-1] == "localhost"  # RFC 6761
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback

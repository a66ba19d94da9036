"""Who may reach the service and the monitor: host names, the address to listen on, and the token."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.files import write_new
from fairmesh.proxies import is_loopback
from fairmesh.user import home_folder

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
TOKEN_VARIABLE = "FAIRMESH_TOKEN"  # noqa: S105  read by clients; jobs do not inherit it
TOKEN_BYTES = 32
MIN_TOKEN = 20  # characters of a token that a person chose
_ROOT = re.compile(r"(/[A-Za-z0-9._~@-]+)*", re.ASCII)


def known_hosts(names: Iterable[str] = ()) -> frozenset[str]:
    """Return the host names that requests may use: those of this computer for itself, and further ones."""
    return frozenset((*LOOPBACK, *(_host(name) for name in names)))


def is_known(host: str, known: frozenset[str]) -> bool:
    """Return whether a request's header ``Host`` has a known name.

    >>> [is_known(host, known_hosts()) for host in ("localhost:8501", "[::1]:80", "evil.example", "", "[")]
    [True, True, False, False, False]
    """
    return _host(host) in known


def is_cross_site(origin: str | None, host: str, site: str = "none", names: Iterable[str] = ()) -> bool:
    """Return whether a request comes from a page of another site.

    A proxy may put its own address into ``Host``, so a page at one of the names is not of another site. A name
    without a port stands for the default ports only: another port may belong to another user.

    Parameters
    ----------
    origin : str or None
        The header ``Origin``, if there is one.
    host, site : str
        The headers ``Host`` and ``Sec-Fetch-Site``.
    names : iterable of str
        Names of this computer: ``HOST`` or ``HOST:PORT``.

    Examples
    --------
    >>> is_cross_site("http://localhost:8501", "localhost:8501"), is_cross_site("http://evil.example", "localhost:8501")
    (False, True)
    >>> ports = ("", ":443", ":9999")
    >>> [is_cross_site(f"https://a.example{port}", "localhost", "none", ["a.example"]) for port in ports]
    [False, False, True]
    """
    if site not in {"none", "same-origin"}:
        return True
    if origin is None:
        return False
    scheme, _, address = origin.lower().partition("://")
    own = {host.lower(), *(name.lower() for name in names)}
    return address not in own and address.removesuffix(f":{DEFAULT_PORTS.get(scheme)}") not in own


def check_root(path: str) -> str:
    """Return the path below which a proxy shows a service, without a trailing slash.

    Raises
    ------
    InputError
        If it is not a path.

    >>> check_root("/user/ada/fairmesh/"), check_root("/")
    ('/user/ada/fairmesh', '')
    """
    found = path.rstrip("/")
    if not _ROOT.fullmatch(found):
        raise InputError([Problem(f"not a path: {path!r}", "--root-path", "such as /fairmesh")])
    return found


def below_root(path: str, root: str) -> str:
    """Return the path of a request with the root before it, whether the proxy keeps or removes it.

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


def check_address(host: str, names: Sequence[str], has_own_token: bool) -> None:
    """Check the address to listen on: other than loopback, it needs an explicit token file and host name.

    Raises
    ------
    InputError
        If one of them is missing.
    """
    if is_loopback(host):
        return
    problems = []
    if not has_own_token:
        message = f"listening on {host}, which other computers can reach, needs a token file"
        problems.append(Problem(message, "--token-file"))
    if not names:
        message = f"listening on {host} needs the host name that others use"
        problems.append(Problem(message, "--name"))
    if problems:
        raise InputError(problems)


def address_at(host: str, port: int) -> str:
    """Return the address of a server.

    >>> address_at("127.0.0.1", 8501), address_at("::1", 8501)
    ('http://127.0.0.1:8501', 'http://[::1]:8501')
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises
    ------
    InputError
        If the port is taken, or there is no such address.
    """
    if not 0 <= port < 1 << 16:
        raise InputError([Problem(f"not a port: {port}", "--port", "0 to 65535")])
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # Without the protocol's number, asyncio would keep the delay of 40 ms by Nagle's algorithm.
        bound = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError([Problem(f"cannot listen on {host}, port {port}: {error}", "--port")]) from error
    return bound


def token_file() -> Path:
    """Return the default token file, in the user's configuration folder.

    Raises
    ------
    InputError
        If the user has neither a home folder nor ``XDG_CONFIG_HOME``.
    """
    own = os.environ.get("XDG_CONFIG_HOME") or (home_folder() or Path()) / ".config"
    if not Path(own).is_absolute():
        message = "no home folder for the token: set XDG_CONFIG_HOME to a folder of your own"
        raise InputError([Problem(message)])
    return Path(own) / "fairmesh" / "token"


def read_token(path: Path) -> str:
    """Return the token in a file; create it, readable by this user only, if there is none.

    Raises
    ------
    FairmeshError
        If others can read it, or it cannot be created.
    InputError
        If it is too short.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            with suppress(FileExistsError):  # another process was faster
                write_new(path, secrets.token_urlsafe(TOKEN_BYTES) + "\n", 0o600)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            mode = os.fstat(descriptor).st_mode
            token = file.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FairmeshError(f"cannot read the token from {path}: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise FairmeshError(f"{path}: other users can read the token; run: chmod 600 {path}")
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError([Problem(f"the token must be one word of at least {MIN_TOKEN} ASCII characters", str(path))])
    return token

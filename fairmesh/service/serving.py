"""Serving: the token, where to listen, and the server itself."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from collections.abc import Iterable, Sequence

import uvicorn

from fairmesh.api import Place
from fairmesh.errors import InputError, Problem
from fairmesh.service.app import create_app

MOST_CONNECTIONS = 1000
TURN = 0.0005  # seconds after which who reads files lets others answer


def check_address(host: str, names: Sequence[str], has_own_token: bool) -> None:
    """Check where to listen: elsewhere than on this computer alone only with a token and a name, both given on purpose.

    Raises
    ------
    InputError
        If that is not so.
    """
    if is_loopback(host):
        return
    problems = []
    if not has_own_token:
        problems.append(Problem(f"to listen on {host}, which others reach, name the token's file", "--token-file"))
    if not names:
        message = f"to listen on {host}, name the host as others call it"
        problems.append(Problem(message, "--name"))
    if problems:
        raise InputError(problems)


def is_loopback(host: str) -> bool:
    """Tell whether only this computer reaches an address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", "example.org")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Begin to listen.

    Raises
    ------
    InputError
        If that is not possible: the port is taken, or there is no such address.
    """
    if not 0 <= port < 1 << 16:
        raise InputError([Problem(f"there is no port {port}", "--port", "0 to 65535")])
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(kind, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError([Problem(f"cannot listen on {host}, port {port}: {error}", "--port")]) from error
    return bound


def server(place: Place, token: str, names: Iterable[str] = ()) -> uvicorn.Server:
    """Make the server; ``run`` of it, with sockets, serves until somebody interrupts it."""
    sys.setswitchinterval(TURN)
    logging.getLogger("fairmesh.service").setLevel(logging.ERROR)
    config = uvicorn.Config(
        create_app(place, token, names),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)

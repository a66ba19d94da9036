"""Where a service listens: on this computer alone, unless a person says otherwise on purpose."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from fairmesh.errors import InputError, Problem
from fairmesh.proxies import is_loopback


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
        bound = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves it to wait 40 ms
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError([Problem(f"cannot listen on {host}, port {port}: {error}", "--port")]) from error
    return bound

"""The server itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

import uvicorn

from fairmesh.api import Place
from fairmesh.service.app import create_app

MOST_CONNECTIONS = 1000
TURN = 0.0001  # seconds after which who reads files lets others answer


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

"""The server itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

import uvicorn

from fairmesh.api import Project
from fairmesh.service.app import create_app
from fairmesh.web.connections import MAX_CONNECTIONS, ConnectionLimits, protocol

TURN = 0.0001  # seconds after which who reads files lets others answer


def server(
    project: Project, token: str, names: Iterable[str] = (), root: str = "", patience: ConnectionLimits | None = None
) -> uvicorn.Server:
    """Make the server; ``run`` of it, with sockets, serves until somebody interrupts it."""
    sys.setswitchinterval(TURN)
    logging.getLogger("fairmesh.service").setLevel(logging.ERROR)
    patience = patience or ConnectionLimits()
    config = uvicorn.Config(
        create_app(project, token, names, root=root),
        http=protocol(patience),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=patience.idle,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)

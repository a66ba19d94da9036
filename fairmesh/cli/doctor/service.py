"""Whether the service and the monitor can listen, and keep their secret."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from fairmesh.cli.doctor.finding import Finding, fail, ok, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.cli.serve import PORT
from fairmesh.web.access import token_file

PORTS = {PORT: "fairmesh serve", 8501: "fairmesh monitor"}


def checks(_: Here) -> Iterator[Finding]:
    """Look at token and ports."""
    yield token(token_file(), os.getuid())
    for number, whose in PORTS.items():
        yield port(number, whose)


def token(path: Path, user: int) -> Finding:
    """Check that nobody else may read the token."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ok("token", f"{path} is made when fairmesh serve is started first")
    except OSError as error:
        return fail("token", f"{path}: {error.strerror}", f"look at {path.parent}")
    if not stat.S_ISREG(found.st_mode) or found.st_uid != user:
        return fail("token", f"{path} is no file of yours", f"remove {path}; fairmesh serve makes a new one")
    if stat.S_IMODE(found.st_mode) & 0o077:
        return fail("token", f"{path} may be read by others", f"remove {path}: who read it has it; a new one is made")
    return ok("token", f"{path}, for you alone")


def port(number: int, whose: str) -> Finding:
    """Check that a port of this computer is free."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return warn(f"port {number}", f"{error.strerror}", f"{whose} --port: choose another")
            return warn(f"port {number}", "somebody listens there", f"fine if it is {whose}; else {whose} --port")
    return ok(f"port {number}", f"free for {whose}")

"""``fairmesh monitor``: watch and steer studies in a browser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.api import Project
from fairmesh.cli import options
from fairmesh.printing import print_lines
from fairmesh.proxies import is_loopback
from fairmesh.web.access import address_at, check_address, check_root, listen, read_token, token_file

if TYPE_CHECKING:
    from fairmesh.monitor.login import Login

PORT = 8501


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_listening(parser, PORT)


def run(arguments: argparse.Namespace) -> int:
    """Run the monitor until it is interrupted."""
    project = Project.of(options.project(arguments), arguments.results)
    check_address(arguments.host, arguments.names, arguments.token_file is not None)
    path = arguments.token_file or token_file()
    read_token(path)
    listen(arguments.host, arguments.port).close()  # otherwise Streamlit would silently use another port
    from fairmesh.monitor import app, context, login  # noqa: PLC0415  in an extra of the package

    names, root = tuple(arguments.names), check_root(arguments.root_path)
    # Only a terminal: a link in a log would be the token of whoever reads it first.
    by_link = sys.stderr.isatty() and is_loopback(arguments.host) and not names and not root
    one_time = login.Login(arguments.port) if by_link else None
    settings = context.Settings(project, path.resolve(), names, root, one_time)
    context.use_settings(settings)
    print_lines(_greeting(address_at(arguments.host, arguments.port), one_time, path), file=sys.stderr)
    sys.argv = [app.__file__]  # Streamlit reads its settings beside this script
    address = {"server.address": arguments.host, "server.port": arguments.port, "logger.hideWelcomeMessage": True}
    app.app.run(config={**address, **settings.streamlit_options})
    return 0


def _greeting(address: str, login: Login | None, token: Path) -> str:
    if login is None:
        return f"The monitor is at {address}. To steer, enter the token in {token}."
    link = f"Open this link, which works once, to watch and steer:\n\n  {login.link(address)}\n"
    return f"{link}\nAny other browser shows {address}; to steer there, enter the token in {token}."

"""``fairmesh serve``: start the REST service."""

from __future__ import annotations

import argparse
import sys

from fairmesh.api import Project
from fairmesh.cli import options
from fairmesh.printing import print_lines
from fairmesh.web.access import address_at, check_address, check_root, listen, read_token, token_file

PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_listening(parser, PORT)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from fairmesh.service import app  # noqa: PLC0415  in an extra of the package

    project = Project.of(options.project(arguments), arguments.results)
    check_address(arguments.host, arguments.names, arguments.token_file is not None)
    root = check_root(arguments.root_path)
    path = arguments.token_file or token_file()
    token = read_token(path)
    bound = listen(arguments.host, arguments.port)
    address = address_at(arguments.host, bound.getsockname()[1])
    where = f"{address}{root}/api/v1, documented at {root}/docs"
    print_lines(f"{where}; the token is in {path}", file=sys.stderr)
    server = app.create_server(project, token, arguments.names, root)
    server.run([bound])
    return 0 if server.started else 1

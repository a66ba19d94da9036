"""``fairmesh monitor``: watch and steer studies in a browser."""

from __future__ import annotations

import argparse
import sys

from fairmesh.api import Project
from fairmesh.cli import options
from fairmesh.printing import print_lines
from fairmesh.web.access import check_address, check_root, listen, read_token, token_file

PORT = 8501


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_listening(parser, PORT)


def run(arguments: argparse.Namespace) -> int:
    """Run the monitor until it is interrupted."""
    check_address(arguments.host, arguments.names, arguments.token_file is not None)
    path = arguments.token_file or token_file()
    read_token(path)
    listen(arguments.host, arguments.port).close()  # otherwise Streamlit would silently use another port
    from fairmesh.monitor import app, context  # noqa: PLC0415  in an extra of the package

    project = Project.of(results=arguments.results)
    settings = context.Settings(project, path.resolve(), tuple(arguments.names), check_root(arguments.root_path))
    context.use_settings(settings)
    print_lines(f"the token for steering is in {path}", file=sys.stderr)
    sys.argv = [app.__file__]  # Streamlit reads its settings beside this script
    app.app.run(config={"server.address": arguments.host, "server.port": arguments.port, **settings.streamlit_options})
    return 0

"""``fairmesh monitor``: the monitor, in a browser."""

from __future__ import annotations

import argparse
import sys

from fairmesh.api import Project
from fairmesh.cli import common
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_lines
from fairmesh.web.access import check_address, check_root, listen, read_token, token_file

PORT = 8501


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    common.add_listening(parser, PORT)


def run(arguments: argparse.Namespace) -> int:
    """Show the monitor until somebody interrupts it."""
    check_address(arguments.host, arguments.names, arguments.token_file is not None)
    path = arguments.token_file or token_file()
    read_token(path)
    listen(arguments.host, arguments.port).close()  # Streamlit would take another port without a word
    try:
        from fairmesh.monitor import app, context  # noqa: PLC0415  a clear line where it is not installed
    except ImportError as error:
        message = f"{error.name} is missing: pip install 'fairmesh[monitor]'"
        raise InputError([Problem(message)]) from error
    project = Project.of(results=arguments.results)
    settings = context.Settings(project, path.resolve(), tuple(arguments.names), check_root(arguments.root_path))
    context.use_settings(settings)
    print_lines(f"the token with which to steer is in {path}", file=sys.stderr)
    sys.argv = [app.__file__]  # beside this script Streamlit looks for its settings
    app.app.run(config={"server.address": arguments.host, "server.port": arguments.port, **settings.streamlit_options})
    return 0

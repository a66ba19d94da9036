"""What the Snakefile calls first: it opens the session of the main process, or the small view of a single job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.errors import InputError, Problem
from fairmesh.user import user
from fairmesh.workflow.exits import clear_errors

if TYPE_CHECKING:
    from fairmesh.workflow.jobview import JobView
    from fairmesh.workflow.session import Session


def check_configuration(workflow: Any) -> None:
    """Check config/config.yaml before Snakemake's reader does, which lets duplicate keys pass."""
    if workflow.is_main_process:
        with clear_errors():
            from fairmesh.workflow import configuration  # noqa: PLC0415  not inside jobs

            _check_folder(Path(workflow.basedir))
            os.environ.setdefault("LOGNAME", user())  # Snakemake asks for a name, which a number in a container lacks
            configuration.check_file()


def _check_folder(folder: Path) -> None:
    """Refuse a folder of which Snakemake takes a part for a wildcard, wherever a rule names its environment."""
    if {"{", "}"} & {*str(folder)}:
        raise InputError([Problem("Snakemake cannot work in a folder with { or } in its path; rename it", str(folder))])


def open_view(workflow: Any) -> Session | JobView:
    """Open what the rules ask: the whole plan in the main process, one experiment.json inside a job."""
    if not workflow.is_main_process:
        from fairmesh.workflow.jobview import JobView  # noqa: PLC0415  it alone is imported inside jobs

        return JobView(workflow.config)
    with clear_errors():
        from fairmesh.workflow.session import Session  # noqa: PLC0415  not inside jobs

        return Session(workflow, Path(workflow.basedir))

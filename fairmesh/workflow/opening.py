"""What the Snakefile calls first: it opens the session of the main process, or the small view of a single job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.workflow.exits import clear_errors

if TYPE_CHECKING:
    from fairmesh.workflow.jobview import JobView
    from fairmesh.workflow.session import Session


def check_configuration(workflow: Any) -> None:
    """Check config/config.yaml before Snakemake's reader does, which lets duplicate keys pass."""
    if workflow.is_main_process:
        with clear_errors():
            from fairmesh.workflow import configuration  # noqa: PLC0415  not inside jobs

            configuration.check_file()


def open_view(workflow: Any) -> Session | JobView:
    """Open what the rules ask: the whole plan in the main process, one experiment.json inside a job."""
    if not workflow.is_main_process:
        from fairmesh.workflow.jobview import JobView  # noqa: PLC0415  it alone is imported inside jobs

        return JobView(workflow.config)
    with clear_errors():
        from fairmesh.workflow.session import Session  # noqa: PLC0415  not inside jobs

        return Session(workflow, Path(workflow.basedir))

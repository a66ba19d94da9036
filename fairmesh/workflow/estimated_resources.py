"""Set the resources of experiments from the upper ends of their estimates: ``config/resources/<study>.yaml``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fairmesh.files import write_text
from fairmesh.results.estimates.estimator import LEVEL
from fairmesh.results.estimates.quantities import MEMORY
from fairmesh.schema import dump_yaml, load_yaml
from fairmesh.schema.model import load_model
from fairmesh.study.estimated import Changes, EstimatedResources, Resources, count_changes, resources_file
from fairmesh.study.machines import Machine
from fairmesh.workflow.estimate import Estimate
from fairmesh.workflow.machine_estimate import ExperimentEstimate

START = 1  # minutes for the start and the end of a job
RUNNER = 64  # MB of the runner, and of what is measured between two samples


def write_resources(
    estimates: Sequence[Estimate], project: Path, machines: Mapping[str, Machine], lower: bool
) -> tuple[Path | None, dict[str, Changes]]:
    """Write the estimated resources of a study; experiments that have run keep what the file says.

    Parameters
    ----------
    estimates : sequence of Estimate
        Estimates of one study, of plans without estimated resources.
    project : Path
        The project folder.
    machines : mapping of str to Machine
        The machines by name.
    lower : bool
        Whether the estimate also counts where study and application request more.

    Returns
    -------
    Path or None, dict of str to Changes
        The file, None if no experiment has an interval; and what changes, by resource.
    """
    study = estimates[0].plan.study
    path = resources_file(study, project)
    experiments = _before(path, study)
    new = {
        (predicted.experiment.machine, predicted.experiment.id): resources
        for estimate in estimates
        for predicted in estimate.experiments
        if (resources := upper_resources(predicted)).known
    }
    if not new:
        return None, {}
    for (machine, identity), resources in new.items():
        experiments.setdefault(machine, {})[identity] = resources
    content = EstimatedResources(study=study, lower=lower, experiments=experiments)
    write_text(path, _text(content))
    planned = {experiment.name: experiment for estimate in estimates for experiment in estimate.to_run}
    return path, count_changes(planned, content, machines)


def upper_resources(estimate: ExperimentEstimate) -> Resources:
    """Return the resources of an experiment from the upper ends of its intervals.

    The run time is in whole minutes with one more for start and end; memory has room for the runner.
    """
    seconds, memory = estimate.seconds.high, estimate.predictions[MEMORY.name].high
    return Resources(
        runtime=None if seconds is None else math.ceil(seconds / 60) + START,
        mem_mb=None if memory is None else math.ceil(memory / 1e6) + RUNNER,
    )


def _before(path: Path, study: str) -> dict[str, dict[str, Resources]]:
    """Return what a file says already."""
    if not path.is_file():
        return {}
    content = load_model(EstimatedResources, load_yaml(path), path)
    return {machine: dict(by_id) for machine, by_id in content.experiments.items()} if content.study == study else {}


def _text(content: EstimatedResources) -> str:
    command, today = f"fairmesh estimate {content.study} --write", datetime.now(UTC).date()
    head = (
        f"# Written by `{command}` on {today}: upper ends of intervals of {LEVEL} %.\n"
        f"# {_meaning(content.lower)}\n"
        "# Delete this file to request what study and application say.\n"
    )
    experiments = {
        machine: {identity: resources.known for identity, resources in by_id.items()}
        for machine, by_id in content.experiments.items()
    }
    return head + dump_yaml({"study": content.study, "lower": content.lower, "experiments": experiments})


def _meaning(lower: bool) -> str:
    if lower:
        return "They replace what study and application request, also where that is more."
    return "They replace what study and application request where that is less, or nothing."

"""A study's results as people analyse them: the table of ``table``, with units and titles in its ``attrs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.errors import InputError, Problem
from fairmesh.results.load import PLAN, StudyResults, load_study
from fairmesh.results.table import metric_columns, parameter_columns, table

if TYPE_CHECKING:
    import pandas as pd

USAGE_UNITS = {"seconds": "s", "cpu_s": "s", "energy_j": "J"} | dict.fromkeys(
    ("peak_bytes", "read_bytes", "write_bytes"), "byte"
)
"""The unit of the columns of what was used."""


def load_results(path: str | Path) -> pd.DataFrame:
    """Return the results of a study: one row an experiment, whether it is done or not.

    Parameters
    ----------
    path : str or Path
        The study's folder in the results, or a results folder that holds one study.

    Returns
    -------
    pandas.DataFrame
        As ``table`` gives it. ``attrs`` holds ``study``, ``title``, ``units`` (by column; ``1`` is a pure number) and
        ``better`` (``higher`` or ``lower``, by column of a metric that has a direction).

    Raises
    ------
    InputError
        If there is no such study.

    Examples
    --------
    >>> import fairmesh
    >>> frame = fairmesh.load_results("results/quick")  # doctest: +SKIP
    >>> frame.groupby("epochs")["accuracy"].mean(), frame.attrs["units"]["training_time"]  # doctest: +SKIP
    """
    folder = _study(Path(path))
    return results_frame(load_study(folder.parent, folder.name))


def results_frame(study: StudyResults) -> pd.DataFrame:
    """Return the data frame of loaded results."""
    found, columns = table(study), metric_columns(study)
    found.attrs = {
        "study": study.name,
        "title": str(study.plan.get("title") or study.name),
        "units": units(study),
        "better": {columns[metric.name]: metric.better for metric in study.metrics if metric.better},
    }
    return found


def units(study: StudyResults) -> dict[str, str]:
    """Return the unit of each column that has one; ``1`` for metrics that are pure numbers."""
    declared = study.plan["application"].get("parameters") or {}
    own = {
        column: str(declared.get(name, {}).get("unit") or "") for name, column in parameter_columns(study.plan).items()
    }
    columns = metric_columns(study)
    measured = {columns[each.name]: each.unit or "1" for each in study.metrics}
    return {name: unit for name, unit in (own | measured | USAGE_UNITS).items() if unit}


def _study(path: Path) -> Path:
    """Return the folder of the study that a path means."""
    if (path / PLAN).is_file():
        return path.resolve()
    found = sorted(each.parent for each in path.glob(f"*/{PLAN}"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in found)
    message = (
        f"{path} holds several studies" if found else f"{path}: there are no results here; a run of a study makes them"
    )
    raise InputError([Problem(message, allowed=names)])

"""Records become outcomes, tables and statistics; pandas is loaded only by what gives a table."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from fairmesh.results.load import Outcome, StudyResults, load_study
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.ranking import RankedPoint, best_point, points_of
from fairmesh.results.statistics import Summary
from fairmesh.results.table import table, write_csv

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Metric",
    "MetricValue",
    "Outcome",
    "RankedPoint",
    "StudyResults",
    "Summary",
    "best_point",
    "load_study",
    "points_of",
    "table",
    "write_csv",
]


class _Callable(ModuleType):
    """``fairmesh.results(path)`` reads results; the package has the same name."""

    def __call__(self, path: str | Path) -> pd.DataFrame:
        """Return the results of a study: see ``fairmesh.results.frame.frame``."""
        from fairmesh.results.frame import frame  # noqa: PLC0415  what gives a table needs pandas

        return frame(path)


sys.modules[__name__].__class__ = _Callable

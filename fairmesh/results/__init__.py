"""Records become outcomes, tables and statistics; pandas is loaded only by what gives a table."""

from __future__ import annotations

from fairmesh.results.load import Outcome, StudyResults, load_study
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.ranking import RankedPoint, best_point, points_of
from fairmesh.results.statistics import Summary
from fairmesh.results.table import table, write_csv

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

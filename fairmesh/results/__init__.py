"""Records become results: outcomes, tables, statistics, rankings, comparisons and merges.

It may import ``status``, ``study``, ``jobs`` and what is below. Only ``table`` imports pandas, inside its functions.
Begin with ``load.load_study``.
"""

from fairmesh.results.load import Outcome, StudyResults, load_study
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.ranking import RankedPoint, best_point, points_of
from fairmesh.results.statistics import Summary
from fairmesh.results.table import load_results, table, write_csv

__all__ = [
    "Metric",
    "MetricValue",
    "Outcome",
    "RankedPoint",
    "StudyResults",
    "Summary",
    "best_point",
    "load_results",
    "load_study",
    "points_of",
    "table",
    "write_csv",
]

"""Records become outcomes, tables and statistics; pandas is loaded only by what gives a table."""

from fairmesh.results.load import Outcome, StudyResults, load_study
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.statistics import Group, Summary, fold_repeats
from fairmesh.results.table import table, write_csv

__all__ = [
    "Group",
    "Metric",
    "MetricValue",
    "Outcome",
    "StudyResults",
    "Summary",
    "fold_repeats",
    "load_study",
    "table",
    "write_csv",
]

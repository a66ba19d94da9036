"""What to run: a study file and its application become a plan."""

from fairmesh.study.application import Application
from fairmesh.study.load import load_plan
from fairmesh.study.plan import Experiment, Plan, StageInstance

__all__ = ["Application", "Experiment", "Plan", "StageInstance", "load_plan"]

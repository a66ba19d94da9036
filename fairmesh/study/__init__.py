"""Turn a study file and its application into a plan: experiments, shared stages, and their resources.

It may import ``schema``, ``expressions``, ``names`` and ``files``, and nothing of ``jobs``. Begin with
``load.load_plan``, which reads a study; ``application``, ``studyfile`` and ``settings`` are the models of the files.
"""

from fairmesh.study.application import Application
from fairmesh.study.load import load_plan
from fairmesh.study.plan import Experiment, Plan, StageInstance

__all__ = ["Application", "Experiment", "Plan", "StageInstance", "load_plan"]

"""What somebody wants to run: a study that is known here or a new text, where, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.api import Project, Run
from fairmesh.api.uploads import is_taken, save_text
from fairmesh.errors import BusyError, FairmeshError
from fairmesh.workflow.planner import PLANNER
from fairmesh.workflow.planning import PlanRequest, Preview, machine_of


@dataclass(frozen=True)
class Wish:
    """What to run.

    Parameters
    ----------
    name : str
        A study with a file here; empty if the text is meant.
    text : str
        A study that somebody writes.
    profile : str
        The name of a profile.
    where : str
        Which experiments, as an expression.
    first : int or None
        At most so many.
    probe : bool
        Whether the cheapest experiment of each kind comes first.
    """

    name: str = ""
    text: str = ""
    profile: str = ""
    where: str = ""
    first: int | None = None
    probe: bool = False

    def preview(self, project: Project, rows: int = 0) -> Preview:
        """Return what it comes to, with the first rows of its experiments.

        Raises
        ------
        InputError
            With all mistakes.
        FairmeshError
            If it takes too much time or memory.
        """
        machine_of(project, self.profile)
        wanted = PlanRequest(
            self.name, self.text, self.profile, self.where, first=self.first, limit=rows, expects=bool(rows)
        )
        return PLANNER.preview(project, wanted)

    def save(self, project: Project) -> str:
        """Save the text as a new study, and give its name.

        Raises
        ------
        InputError
            With all mistakes.
        BusyError
            If there is a study of this name.
        """
        name = PLANNER.preview(project, PlanRequest(text=self.text)).study
        save_text(project, name, self.text)
        return name

    def start(self, project: Project) -> Run:
        """Start a run; a text is saved first.

        Raises
        ------
        InputError
            With all mistakes; nothing is saved then.
        BusyError
            If a run of the study goes on, or there is a study of the name already.
        """
        study = self.preview(project).study
        if not self.name:
            save_text(project, study, self.text)
        asked = {"where": self.where, "first": self.first, "probe": self.probe}
        config = {key: value for key, value in asked.items() if value}
        return Run.start(project, study, project.study_file(self.name or study), f"profiles/{self.profile}", config)


def name_is_taken(project: Project, study: str) -> FairmeshError | None:
    """Return what is wrong if a new study's name belongs to another one."""
    if is_taken(project, study):
        return BusyError(f"study {study!r} exists already; choose another name")
    return None

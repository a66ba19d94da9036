"""What somebody wants to run: a study that is known here or a new text, where, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.api import Place, Run
from fairmesh.api.launching import launch
from fairmesh.api.plan import Plan
from fairmesh.api.saving import check_text, save_text
from fairmesh.api.study import Study
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.study.selection import Selection


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

    def plan(self, place: Place) -> Plan:
        """Give the experiments that are meant.

        Raises
        ------
        InputError
            With all mistakes.
        """
        machine = machine_of(place, self.profile)
        if self.name:
            return self._study(place, self.name, machine).plan(self.where, first=self.first)
        return Plan(Selection(self.where, "", self.first).of(check_text(place, self.text, machine).whole))

    def save(self, place: Place) -> str:
        """Save the text as a new study, and give its name.

        Raises
        ------
        InputError
            With all mistakes.
        BusyError
            If there is a study of this name.
        """
        return save_text(place, self.text).whole.study

    def start(self, place: Place) -> Run:
        """Start a run; a text is saved first.

        Raises
        ------
        InputError
            With all mistakes; nothing is saved then.
        BusyError
            If a run of the study goes on, or there is a study of the name already.
        """
        self.plan(place)
        name = self.name or self.save(place)
        study = self._study(place, name, machine_of(place, self.profile))
        asked = {"where": self.where, "first": self.first, "probe": self.probe}
        config = {key: value for key, value in asked.items() if value}
        return launch(place, study.name, study.source, f"profiles/{self.profile}", config)

    def _study(self, place: Place, name: str, machine: str) -> Study:
        return Study.load(place.study_file(name), place.folder, machine)


def machine_of(place: Place, profile: str) -> str:
    """Give the machine that a profile runs on.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    found = place.profiles()
    if profile not in found:
        raise InputError([Problem(f"there is no profile {profile!r}", "profile", ", ".join(found))])
    return found[profile]


def name_is_taken(place: Place, plan: Plan) -> FairmeshError | None:
    """Give what is wrong if a new study's name belongs to another one."""
    name = plan.whole.study
    if name.lower() in {each.lower() for each in place.studies()}:
        return BusyError(f"there is a study {name!r} already; give this one another name")
    return None

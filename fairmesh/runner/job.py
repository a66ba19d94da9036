"""The runner's view of a job folder: command, inputs and record."""

import os
from typing import Any, Dict, List, Optional

from . import commit, jsonfiles, protocol
from .container import Container

# Encloses a stage's name in a rendered command, in place of its folder; arguments cannot contain it.
MARK = "\0"
APPLICATION = MARK + MARK
"""Stands in a rendered command for the folder of the application."""


class Job:
    """A job folder, its home folder, and the options of this start.

    Parameters
    ----------
    folder : str
        The job folder, with experiment.json.
    home : str
        The folder that holds runner.pyz, stages/ and environments/.
    record : str, optional
        The file that gets a copy of the commit; found from the folder's place in the results if not given.
    force : bool
        Whether to run again despite a valid commit of another run.
    lease : dict, optional
        The resources of which cores and GPUs of this computer are leased; by default nothing is.

    Raises
    ------
    commit.Refused
        If the folder holds no job.
    """

    def __init__(
        self,
        folder: str,
        home: str,
        record: Optional[str] = None,
        force: bool = False,
        lease: Optional[Dict[str, Any]] = None,
    ) -> None:
        experiment = jsonfiles.read_map(os.path.join(folder, protocol.EXPERIMENT))
        if experiment is None or "fingerprint" not in experiment:
            raise commit.Refused(f"{folder} holds no {protocol.EXPERIMENT}")
        self.folder, self.home, self.force, self.lease = folder, home, force, lease or {}
        self.experiment: Dict[str, Any] = experiment
        self.fingerprint = str(experiment["fingerprint"])
        self.record = record or _record_beside(folder)
        self.run = os.environ.get(protocol.RUN, "")
        self.run_folder = os.environ.get(protocol.RUN_FOLDER, "")
        self.exclusive = experiment.get("measure") == "exclusive"

    @property
    def name(self) -> str:
        """The name that messages use."""
        return str(self.experiment["id"])

    def commit(self) -> Optional[Dict[str, Any]]:
        """Return the valid commit, which makes a start unnecessary; None if there is none."""
        good = commit.read(self.folder, self.fingerprint)
        if good and self.force and good.get("run") != self.run:
            return None
        return good

    def copy_record(self) -> None:
        """Copy the commit to the record, for which the workflow waits."""
        if self.record:
            commit.copy_record(self.folder, self.record)

    def stage_folders(self) -> Dict[str, str]:
        """Return the folder of the winning attempt of each stage that this job needs.

        Raises
        ------
        commit.Refused
            If a stage is not ready.
        """
        return {name: self._stage(name, fingerprint) for name, fingerprint in self.experiment["stages"].items()}

    def _stage(self, name: str, fingerprint: str) -> str:
        application = self.experiment["application"]["name"]
        folder = os.path.join(self.home, protocol.STAGES, application, protocol.marker_name(name, fingerprint))
        good = commit.read(folder, fingerprint)
        if good is None:
            raise commit.Refused(f"stage {name} is not ready: {folder} holds no such result")
        return os.path.join(folder, protocol.ATTEMPTS, str(good["attempt"]))

    def command(self, stages: Dict[str, str]) -> List[str]:
        """Return the command with the folders of the stages and the application filled in."""
        arguments = [str(argument) for argument in self.experiment["command"]]
        for name, folder in stages.items():
            arguments = [argument.replace(MARK + name + MARK, folder) for argument in arguments]
        application = self.application_folder()
        return [argument.replace(APPLICATION, application) for argument in arguments]

    def application_folder(self) -> str:
        """Return the folder of the application: of its copy in the job's home if there is one."""
        folder = self.experiment["application"].get("folder", "")
        return os.environ.get("FAIRMESH_APPLICATION") or (folder and os.path.join(self.home, folder))

    def container(self, attempt: str) -> Optional[Container]:
        """Return the container in which the program of an attempt runs; None if there is none."""
        settings = self.experiment.get("container")
        return Container(settings, self.home, attempt, self.application_folder()) if settings else None

    def environment(self, attempt: str, stages: Dict[str, str]) -> Dict[str, str]:
        """Return the environment of the program: that of this process, the job's variables, and paths."""
        own = self.variables(attempt, stages)
        paths = [own.get("PYTHONPATH", ""), os.environ.get("PYTHONPATH", "")]
        own.update({"PYTHONPATH": os.pathsep.join(filter(None, paths))} if paths[0] else {})
        return dict(os.environ, **own)

    def variables(self, attempt: str, stages: Dict[str, str]) -> Dict[str, str]:
        """Return the variables that the job sets for its program."""
        variables = {name: str(value) for name, value in self.experiment.get("environment", {}).items()}
        variables["FAIRMESH_CONFIG"] = os.path.join(attempt, protocol.CONFIG)
        folder = self.experiment["application"].get("folder", "")
        if folder and not os.path.isabs(folder):
            # A copy in the job's home: `python -m <package>` finds it even if it is not installed.
            paths = [os.path.dirname(os.path.join(self.home, folder)), variables.get("PYTHONPATH", "")]
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        variables.setdefault("FAIRMESH_APPLICATION", self.application_folder())
        for name, folder in stages.items():
            plain = "".join(c if c.isalnum() else "_" for c in name.upper())
            variables["FAIRMESH_STAGE_" + plain] = folder
        return variables


def _record_beside(folder: str) -> Optional[str]:
    """Return the path of the record if the folder is in a study's results, so that manual starts count, too."""
    place = commit.beside(folder, protocol.RECORDS)
    return place + ".json" if place else None

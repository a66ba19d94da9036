"""The runner's view of a job folder: what to run, where the inputs are, where the result goes."""

import os
from typing import Any, Dict, List, Optional

from . import commit, jsonfiles, protocol

# In a rendered command, a stage's folder stands as its name between two of these; no argument can hold one.
MARK = "\0"


class Job:
    """A job folder, the home above it, and how this start was asked for.

    Parameters
    ----------
    folder : str
        The job folder; experiment.json in it says what to run.
    home : str
        The folder that holds runner.pyz, stages/ and environments/.
    record : str, optional
        The file that gets a copy of the commit; found from the folder's place in the results if not given.
    force : bool
        Whether to run again though there is a good commit of another run.

    Raises
    ------
    commit.Refused
        If the folder holds no job.
    """

    def __init__(self, folder: str, home: str, record: Optional[str] = None, force: bool = False) -> None:
        experiment = jsonfiles.read_map(os.path.join(folder, protocol.EXPERIMENT))
        if experiment is None or "fingerprint" not in experiment:
            raise commit.Refused(f"{folder} holds no {protocol.EXPERIMENT}")
        self.folder, self.home, self.force = folder, home, force
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
        """Return the commit that makes a start unnecessary."""
        good = commit.read(self.folder, self.fingerprint)
        if good and self.force and good.get("run") != self.run:
            return None
        return good

    def copy_record(self) -> None:
        """Copy the commit to where the workflow waits for it."""
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
        """Return the command with the folders of the stages filled in."""
        arguments = [str(argument) for argument in self.experiment["command"]]
        for name, folder in stages.items():
            arguments = [argument.replace(MARK + name + MARK, folder) for argument in arguments]
        return arguments

    def environment(self, attempt: str, stages: Dict[str, str]) -> Dict[str, str]:
        """Return the environment of the program: this one, what the job asks for, and where things are."""
        variables = dict(os.environ, **self.experiment.get("environment", {}))
        variables["FAIRMESH_CONFIG"] = os.path.join(attempt, protocol.CONFIG)
        folder = self.experiment["application"].get("folder", "")
        if folder and not os.path.isabs(folder):
            # A copy that travels with the job: `python -m <package>` finds it there, installed or not.
            folder = os.path.join(self.home, folder)
            paths = [os.path.dirname(folder), variables.get("PYTHONPATH", "")]
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        variables.setdefault("FAIRMESH_APPLICATION", folder)
        for name, folder in stages.items():
            plain = "".join(c if c.isalnum() else "_" for c in name.upper())
            variables["FAIRMESH_STAGE_" + plain] = folder
        return variables


def _record_beside(folder: str) -> Optional[str]:
    """Return the record's place if the folder stands in a study's results, so that a start by hand counts there too."""
    rest, identity = os.path.split(folder)
    rest, machine = os.path.split(rest)
    study, experiments = os.path.split(rest)
    if experiments != protocol.EXPERIMENTS:
        return None
    return os.path.join(study, protocol.RECORDS, machine, identity + ".json")

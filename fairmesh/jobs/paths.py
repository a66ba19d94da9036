"""The paths of a results folder; no other module builds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fairmesh.runner import protocol


@dataclass(frozen=True)
class JobPaths:
    """The paths of a job folder, of an experiment or a stage."""

    folder: Path

    @property
    def config(self) -> Path:
        """The parameters, as the program reads them."""
        return self.folder / protocol.CONFIG

    @property
    def script(self) -> Path:
        """The batch script."""
        return self.folder / protocol.JOB

    @property
    def experiment(self) -> Path:
        """The input of the runner."""
        return self.folder / protocol.EXPERIMENT

    @property
    def commit(self) -> Path:
        """The result of the attempt that won."""
        return self.folder / protocol.COMMIT

    @property
    def cancel(self) -> Path:
        """The request to cancel the job."""
        return self.folder / protocol.CANCEL

    @property
    def rule_log(self) -> Path:
        """The output of the runner when the workflow last called it."""
        return self.folder / "rule.log"

    @property
    def attempts(self) -> Path:
        """The folder of all attempts."""
        return self.folder / protocol.ATTEMPTS

    def attempt(self, number: int) -> Path:
        """Return the folder of an attempt."""
        return self.attempts / str(number)


@dataclass(frozen=True)
class StudyPaths:
    """The paths of a study in a results folder."""

    home: Path
    study: str

    @cached_property
    def folder(self) -> Path:
        """The study's folder."""
        return self.home / self.study

    @property
    def plan(self) -> Path:
        """The expanded study."""
        return self.folder / "plan.json"

    @property
    def published(self) -> Path:
        """The summary of the last complete publication."""
        return self.folder / "published.json"

    @property
    def lock(self) -> Path:
        """The lock that a run holds until it ends."""
        return self.folder / "run.lock"

    def job(self, machine: str, identity: str) -> JobPaths:
        """Return the job folder of an experiment."""
        return JobPaths(self.folder.joinpath(protocol.EXPERIMENTS, machine, identity))

    def record(self, machine: str, identity: str) -> Path:
        """Return the record of an experiment."""
        return self.folder.joinpath(protocol.RECORDS, machine, f"{identity}.json")

    def stage_job(self, application: str, stage: str) -> JobPaths:
        """Return the job folder of a shared stage, named ``<stage>-<12 hex>``; shared by all studies of the home."""
        return JobPaths(self.home / protocol.STAGES / application / stage)

    def stage_marker(self, stage: str) -> Path:
        """Return this study's copy of a shared stage's commit."""
        return self.folder / protocol.STAGES / f"{stage}.json"

    def run(self, uuid: str) -> Path:
        """Return the folder of one invocation of the workflow."""
        return self.folder / "runs" / uuid

    @property
    def machines(self) -> Path:
        """The folder with a file for each remote machine."""
        return self.folder / "machines"

    def machine(self, name: str) -> Path:
        """Return the file with the state of a remote machine, which the dispatcher writes."""
        return self.machines / f"{name}.json"

    @property
    def runner(self) -> Path:
        """The runner, which all jobs of the home share."""
        return self.home / protocol.RUNNER

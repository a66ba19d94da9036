"""Describe the jobs of other machines to the dispatcher, and run it while the workflow runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path

from fairmesh.dispatch.remote_job import ApplicationFiles, NeededStage, RemoteJob
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner.protocol import EXPERIMENTS, marker_name
from fairmesh.study import Experiment, StageInstance
from fairmesh.workflow.application_copy import copy_application
from fairmesh.workflow.study_input import StudyInput
from fairmesh.workflow.targets import Target


class RemoteJobs:
    """The jobs of other machines.

    Parameters
    ----------
    study : StudyInput
        The input of the run.
    find : callable
        Returns the target of a job: of its kind, machine and id.
    is_forced : callable
        Returns whether a job runs although there is a result.
    """

    def __init__(
        self, study: StudyInput, find: Callable[[str, str, str], Target], is_forced: Callable[[Target], bool]
    ) -> None:
        self._study, self._find, self._is_forced = study, find, is_forced

    def job(self, kind: str, machine: str, identity: str) -> RemoteJob:
        """Return the job of a request; called in the threads of the dispatcher."""
        target = self._find(kind, machine, identity)
        folders = self._study.folders
        job: Experiment | StageInstance
        job = folders.experiments[machine, identity] if kind == EXPERIMENTS else folders.stages[identity]
        needs = job.stages if isinstance(job, Experiment) else job.needs
        return RemoteJob(
            paths=JobPaths(Path(target.folder)),
            fingerprint=target.fingerprint,
            record=Path(target.output),
            key=job.key,
            stages=[self._needed(*need) for need in needs.items()],
            application=self._application,
            resources=target.resources,
            is_exclusive=target.exclusive,
            force=self._is_forced(target),
        )

    def _needed(self, name: str, fingerprint: str) -> NeededStage:
        return NeededStage(self._study.folders.stage_job(marker_name(name, fingerprint)), fingerprint)

    def copy_application(self) -> None:
        """Copy the application into the results folder, from which it is sent: edits during the run change nothing.

        Raises
        ------
        InputError
            If it is too large to be copied.
        """
        _ = self._application

    @cached_property
    def _application(self) -> ApplicationFiles:
        application, target = self._study.plan.application, self._study.folders.application_copy
        folder = self._study.paths.home / target
        code = copy_application(application, folder)
        return ApplicationFiles(target, folder, [folder / path.relative_to(application.folder) for path in code.files])


def remote_machines(study: StudyInput, names: Collection[str]) -> list[str]:
    """Return those of the machines whose jobs the dispatcher starts."""
    return [name for name in study.plan.all_machines if name in names and study.machines.is_remote(name)]

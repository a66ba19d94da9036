"""Announce a run to the terminal: the plan, the start, the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fairmesh.names import find_primary_metric
from fairmesh.printing import count_text
from fairmesh.runner.protocol import marker_name
from fairmesh.workflow.announce import Name, announce, experiment_names, stage_names
from fairmesh.workflow.forecast import forecast
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.study_input import StudyInput
from snakemake_logger_plugin_fairmesh.events import EXPERIMENT_RULES


class Announcer:
    """Announces a run.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    study : StudyInput
        The input of the run.
    """

    def __init__(self, snakemake: SnakemakeWorkflow, study: StudyInput) -> None:
        self._snakemake, self._study, self._plan = snakemake, study, study.plan

    def announce_plan(self) -> None:
        """Announce what the logger plugin needs to know of the plan."""
        names = experiment_names(self._plan)
        announce(
            "plan",
            study=self._plan.study,
            count=len(names),
            names=names | dict(stage_names(self._plan)),
            width=max(map(len, names.values()), default=0),
            metric=self._metric(),
            nothing=self._nothing_to_do(),
            why=self._why(),
        )

    def _nothing_to_do(self) -> str:
        """Return the text for a run that has nothing to do; empty if results are missing that nobody asked for."""
        paths, page = self._study.paths, self._study.site / "index.html"
        if not all(paths.record(experiment.machine, experiment.id).exists() for experiment in self._plan.selected):
            return ""
        website = f"; website: {page}" if page.is_file() else ""
        count = len(self._plan)
        results = f"all {count} experiments have results" if count > 1 else "its experiment has a result"
        return f"{self._plan.study}: {results}{website}"

    def _metric(self) -> dict[str, str]:
        """Return name and unit of the primary metric, which is printed for each experiment."""
        metrics = self._plan.application.metrics
        name = find_primary_metric(metrics)
        unit = metrics[name].unit if name in metrics else ""
        return {"name": name, "unit": "" if unit == "1" else unit} if name else {}

    def _why(self) -> dict[Name, str]:
        """Return in a dry run why each experiment would run."""
        if not self._snakemake.is_dry_run:
            return {}
        entries = forecast(self._plan, self._study.paths, self._study.reruns_other_code)
        again = "measured again" if self._study.config.again else ""
        return {(entry.experiment.machine, entry.experiment.id): entry.why or again for entry in entries}

    def announce_start(self, profile: str, remade: Collection[Name], *, are_submitted: bool) -> None:
        """Announce the run in three lines, and the shared stages that are made again, since other code made them."""
        jobs = [job.wildcards for job in self._snakemake.jobs_to_run() if job.rule.name in EXPERIMENT_RULES]
        running = {(wildcards.machine, wildcards.experiment) for wildcards in jobs}
        lines = [self._header(profile, len(jobs)), *(self._remade(running, remade) if remade else ())]
        announce("start", "\n".join(lines), to_run=len(jobs), are_submitted=are_submitted)

    def _remade(self, running: Collection[Name], remade: Collection[Name]) -> Iterator[str]:
        """Yield a line about each shared stage that is made again."""
        experiments = [entry for entry in self._plan.selected if (entry.machine, entry.id) in running]
        needed = Counter(stage.fingerprint for entry in experiments for stage in self._plan.needed_stages([entry]))
        names = dict(stage_names(self._plan))
        for stage in self._plan.stages.values():
            name = ("", marker_name(stage.name, stage.fingerprint))
            if name in remade:
                count = needed[stage.fingerprint]
                what = count_text(count, "experiment")
                yield f"{names[name]}, for {what}: made again, since the code has changed"

    def _header(self, profile: str, to_run: int) -> str:
        plan, log = self._plan, self._snakemake.log
        chosen = f" (selected from {len(plan.experiments)})" if len(plan) < len(plan.experiments) else ""
        place = [self._machines(), f"with {profile}" if profile else ""]
        return "\n".join(
            [
                plan.study if plan.title in {"", plan.study} else f"{plan.study}: {plan.title}",
                f"{to_run} of {count_text(len(plan), 'experiment')}{chosen} to run on {' '.join(filter(None, place))}",
                f"results: {self._study.paths.folder}" + (f"; log: {os.path.relpath(log)}" if log else ""),
            ]
        )

    def _machines(self) -> str:
        """Return the machines of the selected experiments, with the kind of those that are elsewhere."""
        used = {experiment.machine for experiment in self._plan.selected}
        names = [name for name in self._plan.machines if name in used]
        machines = self._study.machines
        texts = [f"{name} ({machines[name].kind})" if machines.is_remote(name) else name for name in names]
        return ", ".join(texts) if len(texts) > 1 else f"machine {texts[0]}"

    def announce_end(self, published: Mapping[str, Any], *, is_interrupted: bool) -> None:
        """Announce what came of the run.

        Parameters
        ----------
        published : mapping
            The content of published.json.
        is_interrupted : bool
            Whether the run was interrupted or cancelled.
        """
        from fairmesh.workflow.ending import ending, interrupted  # noqa: PLC0415  not at the start of a run

        paths = self._study.paths
        announce("end", (is_interrupted and interrupted(paths)) or ending(paths, self._study.site, published))

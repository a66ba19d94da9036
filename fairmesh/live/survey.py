"""Which jobs a plan comes to, and what the files of each say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fairmesh.jobs.paths import StudyPaths
from fairmesh.live.facts import NO_FACTS, FactReader, Facts
from fairmesh.live.memo import Map, Memo
from fairmesh.live.model import EXPERIMENT, STAGE
from fairmesh.live.news import Name, News
from fairmesh.names import experiment_key
from fairmesh.runner import protocol


@dataclass(frozen=True, slots=True)
class Found:
    """A job with what its files say.

    Parameters
    ----------
    kind, machine, id, key, folder : str
        As in ``JobStatus``.
    fingerprint : str
        What it computes, as planned.
    facts : Facts
        What its files say.
    point : mapping
        Its entry in the plan; of a stage, its experiment.json.
    is_selected : bool
        Whether the last run was to run it.
    """

    kind: str
    machine: str
    id: str
    key: str
    fingerprint: str
    folder: str
    facts: Facts
    point: Map
    is_selected: bool


class Survey:
    """Looks at the files of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    """

    def __init__(self, paths: StudyPaths) -> None:
        self.paths = paths
        self._folder = str(paths.folder)
        self._contents = Memo()
        self._facts = FactReader()

    def judge(self, found: Found) -> Found:
        """Look for proof that who works at a job is gone."""
        if found.facts.is_over and not found.facts.claim:
            return found
        return replace(found, facts=self._facts.judge(found.folder, found.fingerprint, found.facts))

    def experiments(self, points: Iterable[Map]) -> Iterator[Found]:
        """Give the planned points, and the same points on other machines that have a result of them."""
        recorded = _names(f"{self._folder}/{protocol.RECORDS}")
        rendered = _names(f"{self._folder}/{protocol.EXPERIMENTS}")
        planned = {(point["machine"], point["id"]) for point in points}
        for point in points:
            machine, identity = point["machine"], point["id"]
            folder = f"{self._folder}/{protocol.EXPERIMENTS}/{machine}/{identity}"
            facts = self._result(point, machine, folder) if f"{identity}.json" in recorded.get(machine, ()) else None
            if facts is None and identity in rendered.get(machine, ()):
                facts = self._facts.from_folder(folder, point["fingerprint"])
            selected = bool(point.get("selected", True))
            key = point.get("key") or experiment_key(self.paths.study, machine, identity)
            yield Found(
                EXPERIMENT, machine, identity, key, point["fingerprint"], folder, facts or NO_FACTS, point, selected
            )
            yield from self._elsewhere(point, recorded, planned)

    def _elsewhere(self, point: Map, recorded: Mapping[str, frozenset[str]], planned: set[Name]) -> Iterator[Found]:
        identity = point["id"]
        for machine, names in recorded.items():
            if f"{identity}.json" in names and (machine, identity) not in planned:
                folder = f"{self._folder}/{protocol.EXPERIMENTS}/{machine}/{identity}"
                facts = self._result(point, machine, folder)
                if facts:
                    key = experiment_key(self.paths.study, machine, identity)
                    yield Found(EXPERIMENT, machine, identity, key, point["fingerprint"], folder, facts, point, False)

    def _result(self, point: Map, machine: str, folder: str) -> Facts | None:
        record = f"{self._folder}/{protocol.RECORDS}/{machine}/{point['id']}.json"
        return self._facts.from_record(record, folder, point["fingerprint"])

    def stages(self, application: str, points: Iterable[Map], news: Mapping[Name, News]) -> Iterator[Found]:
        """Give the shared stages that the plan needs, each after those that it needs itself."""
        seen: set[str] = set()
        selected = {each for point in points if point.get("selected", True) for each in _needs(point)}

        def below(needs: Iterable[tuple[str, str]]) -> Iterator[Found]:
            for name, fingerprint in needs:
                if fingerprint in seen:
                    continue
                seen.add(fingerprint)
                marker = f"{name}-{fingerprint[:12]}"
                folder = str(self.paths.stage_job(application, marker).folder)
                content = self._contents.read(f"{folder}/{protocol.EXPERIMENT}")
                yield from below(_needs(content))
                facts = self._facts.from_folder(folder, fingerprint)
                asked = (name, fingerprint) in selected or ("", marker) in news
                yield Found(STAGE, "", marker, fingerprint[:12], fingerprint, folder, facts, content, asked)

        yield from below(dict.fromkeys(each for point in points for each in _needs(point)))


def _names(folder: str) -> dict[str, frozenset[str]]:
    """Give the names of what is in each folder of a folder, by the folder's name."""
    found = {}
    for machine in _listed(folder):
        names = _listed(f"{folder}/{machine}")
        if names:
            found[machine] = frozenset(names)
    return found


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  for every look of everybody who watches
    except OSError:
        return []


def _needs(point: Map) -> Iterable[tuple[str, str]]:
    return (point.get("stages") or {}).items()

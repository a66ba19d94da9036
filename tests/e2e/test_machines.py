"""Studies over several machines, from the study file to the table."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

TWO_HERE = "local: {kind: local}\nother: {kind: local, setup: [export TOY_MACHINE=other]}\n"


def write_machines(place: Workplace, text: str) -> None:
    (place.folder / "config/machines.yaml").write_text(text)


def records(place: Workplace) -> list[tuple[str, str]]:
    """Return machine and id of all records."""
    return sorted((path.parent.name, path.stem) for path in (place.results / "sweep/records").glob("*/*.json"))


def table(place: Workplace) -> list[dict[str, str]]:
    with (place.results / "sweep/results.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_point_runs_once_on_each_machine_and_a_second_run_starts_nothing(workplace: Workplace) -> None:
    write_machines(workplace, TWO_HERE)
    workplace.study({"value": [1, 2]}, machines={"each": ["local", "other"]})
    output = workplace.run()
    assert "4 of 4 experiments to run on local, other" in output
    assert "value=1 on other" in output
    points = [(machine, f"value={value}") for machine in ("local", "other") for value in (1, 2)]
    assert records(workplace) == points
    assert workplace.starts() == Counter({"value=1": 2, "value=2": 2, stage_of(workplace): 1})
    assert sorted((row["machine"], row["id"]) for row in table(workplace)) == points
    scripts = [workplace.results / f"sweep/experiments/{machine}/value=1/job.sh" for machine in ("local", "other")]
    assert ["TOY_MACHINE" in script.read_text() for script in scripts] == [False, True]
    workplace.run()
    assert workplace.experiments_started().total() == 4


def stage_of(place: Workplace) -> str:
    (folder,) = (place.results / "stages/toy").iterdir()
    return Path(folder).name


def test_a_dry_run_names_the_machine_of_each_experiment(workplace: Workplace) -> None:
    write_machines(workplace, TWO_HERE)
    workplace.study({"value": 1}, machines={"each": ["local", "other"]})
    output = workplace.run("-n")
    assert "value=1 on local   new" in output
    assert "value=1 on other   new" in output
    assert "2 of 2 experiments and 1 shared stage would run" in output


def test_an_experiment_of_a_killed_run_is_collected_on_its_machine_alone(workplace: Workplace) -> None:
    write_machines(workplace, TWO_HERE)
    workplace.study({"value": 1, "seconds": 6}, machines={"each": ["local", "other"]})
    process = workplace.start(*RECORDS_ONLY, "--config", "where=machine == 'other' ")
    wait_until(workplace.experiments_started, "an experiment has begun")
    kill(process)
    workplace.run(*RECORDS_ONLY)
    assert workplace.experiments_started().total() == 2
    assert [machine for machine, _ in records(workplace)] == ["local", "other"]


def test_a_machine_of_another_profile_is_refused_before_anything_runs(workplace: Workplace) -> None:
    workplace.study({"value": 1}, machines={"each": ["local", "slurm"]})
    output = workplace.run(status=2)
    assert "the profile of this run, for local, cannot start jobs on slurm; use --profile profiles/slurm" in output
    assert not workplace.results.exists()
    workplace.run(*RECORDS_ONLY, "--config", "where=machine != 'slurm' ")
    assert records(workplace) == [("local", "value=1")]

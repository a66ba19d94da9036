"""Studies over several machines, from the study file to the table."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.files import read_json
from fairmesh.schema import dump_yaml
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.slurm.cluster import SlurmCluster
from tests.sshd import SshNetwork, SshServer, ssh_network
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

TWO_HERE = "local: {kind: local}\nother: {kind: local, setup: [export TOY_MACHINE=other]}\n"


def write_machines(place: Workplace, text: str) -> None:
    (place.folder / "config/machines.yaml").write_text(text)


def records(place: Workplace) -> list[tuple[str, str]]:
    """Return machine and id of all records."""
    return sorted((path.parent.name, path.stem) for path in record_files(place))


def record_files(place: Workplace) -> list[Path]:
    return sorted((place.results / "sweep/records").glob("*/*.json"))


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


@pytest.fixture
def network() -> Iterator[SshNetwork]:
    with ssh_network() as network:
        yield network


def host(network: SshNetwork, place: Workplace, name: str, **keys: object) -> dict[str, object]:
    """Return the entry of a host in machines.yaml; its experiments count their starts where all do."""
    setup = [f"export TOY_STARTS={place.folder}/starts TOY_MACHINE={name}"]
    return {"kind": "ssh", "host": name, "ssh_config": str(network.config), "slots": 2, "setup": setup, **keys}


@pytest.mark.clusters
def test_one_study_over_this_computer_and_two_hosts_of_which_one_is_behind_the_other(
    workplace: Workplace, network: SshNetwork
) -> None:
    network.add("gate")
    network.add("inner", jump="gate")
    entries = {"local": {"kind": "local"}, **{name: host(network, workplace, name) for name in ("gate", "inner")}}
    write_machines(workplace, dump_yaml(entries))
    workplace.study({"value": [1, 2]}, machines={"each": ["local", "gate", "inner"]})
    output = workplace.run()
    assert "6 of 6 experiments to run on local, gate (ssh), inner (ssh)" in output
    points = [(machine, f"value={value}") for machine in ("gate", "inner", "local") for value in (1, 2)]
    assert records(workplace) == points
    assert workplace.starts() == Counter({"value=1": 3, "value=2": 3, stage_of(workplace): 1})
    assert sorted((row["machine"], row["id"], row["state"]) for row in table(workplace)) == [
        (*point, "done") for point in points
    ]
    workplace.run()
    assert workplace.experiments_started().total() == 6


@pytest.fixture
def gate(workplace: Workplace, network: SshNetwork) -> SshServer:
    """Return a host that is the machine ``gate``, beside this computer."""
    server = network.add("gate")
    write_machines(workplace, dump_yaml({"local": {"kind": "local"}, "gate": host(network, workplace, "gate")}))
    return server


@pytest.mark.clusters
def test_a_stage_runs_on_its_machine_and_its_output_reaches_the_others(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": 1}, machines={"each": ["local", "gate"], "stages": {"numbers": "gate"}})
    workplace.run(*RECORDS_ONLY)
    assert records(workplace) == [("gate", "value=1"), ("local", "value=1")]
    assert workplace.starts() == Counter({"value=1": 2, stage_of(workplace): 1})
    (status,) = (workplace.results / "stages/toy").glob("*/attempts/1/status.json")
    assert len(list(gate.home.glob("fairmesh/*/stages/toy/*/attempts/1/numbers.json"))) == 1
    assert json.loads(status.read_text())["state"] == "done"


@pytest.mark.clusters
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_an_experiment_goes_on_without_the_run_and_the_next_run_fetches_it(
    workplace: Workplace, gate: SshServer, how: signal.Signals
) -> None:
    workplace.study({"value": [1, 2], "seconds": 8}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.experiments_started().total() == 2, "both experiments have begun")
    os.kill(process.pid, how)
    assert process.wait(timeout=60)
    assert not records(workplace)
    workplace.run(*RECORDS_ONLY)
    assert workplace.experiments_started().total() == 2
    assert [record["state"] for record in map(read_json, record_files(workplace))] == ["done", "done"]


@pytest.mark.clusters
def test_ctrl_c_cancels_what_runs_on_another_machine(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": 1, "behaviour": "hang"}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(workplace.experiments_started, "the experiment has begun")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    assert process.returncode, output
    (status_file,) = workplace.results.glob("sweep/experiments/gate/*/attempts/1/status.json")
    status = read_json(status_file)
    assert status["state"] == "cancelled", output
    wait_until(lambda: not [pid for pid in gate.jobs() if b"toy.py" in cmdline(pid)], "its program has ended")


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.clusters
def test_a_failed_experiment_on_another_machine_fails_the_run_with_its_log(
    workplace: Workplace, gate: SshServer
) -> None:
    workplace.study({"behaviour": ["exit", "good"]}, machines={"each": ["gate"]})
    output = workplace.run(*RECORDS_ONLY, status=1)
    assert "behaviour=exit   failed: " in output
    assert "toy: something went wrong" in output
    assert records(workplace) == [("gate", "behaviour=good")]
    assert workplace.experiments_started().total() == 2


@pytest.mark.clusters
def test_again_measures_anew_on_another_machine(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": 1}, machines={"each": ["gate"]})
    workplace.run(*RECORDS_ONLY)
    workplace.run(*RECORDS_ONLY, "--config", "again=true")
    assert workplace.experiments_started().total() == 2
    record = json.loads((workplace.results / "sweep/records/gate/value=1.json").read_text())
    assert record["attempt"] == 2
    workplace.run(*RECORDS_ONLY, "-R", "dispatch")
    assert workplace.experiments_started().total() == 3
    workplace.run(*RECORDS_ONLY)
    assert workplace.experiments_started().total() == 3


@pytest.mark.clusters
def test_exclusive_experiments_run_one_after_another_on_a_host(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": [1, 2], "seconds": 2}, machines={"each": ["gate"]}, measure="exclusive")
    workplace.run(*RECORDS_ONLY)
    spans = sorted((record["started"], record["ended"]) for record in map(read_json, record_files(workplace)))
    assert spans[0][1] <= spans[1][0]


@pytest.mark.clusters
def test_the_cheapest_of_each_machine_is_probed_first(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": [1, 2, 3]}, machines={"each": ["local", "gate"]})
    output = workplace.run(*RECORDS_ONLY, "--config", "probe=true")
    assert "probe: 2 first, the cheapest of each kind: value=1 on local, value=1 on gate; 4 more" in output
    assert workplace.experiments_started().total() == 6


@pytest.mark.clusters
def test_experiments_are_shared_out_and_stay_where_they_have_a_result(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": list(range(8))}, machines={"any": ["local"]})
    workplace.run(*RECORDS_ONLY, "--config", "first=4")
    workplace.study({"value": list(range(8))}, machines={"any": ["local", "gate"]})
    workplace.run(*RECORDS_ONLY)
    assert workplace.experiments_started().total() == 8
    places = {name: machine for machine, name in records(workplace)}
    assert len(places) == 8
    assert all(places[f"value={number}"] == "local" for number in range(4))
    assert "gate" in places.values()


@pytest.mark.clusters
def test_this_computer_a_cluster_and_hosts_with_and_without_a_scheduler_mix_in_one_run(
    slurm_workplace: Workplace, slurm: SlurmCluster, network: SshNetwork
) -> None:
    place = slurm_workplace
    network.add("gate")
    login = network.add("login", jump="gate")
    variables = {**slurm.variables, "PATH": f"{slurm.folder}/bin:$PATH"}
    login.write_profile("".join(f'export {name}="{value}"\n' for name, value in variables.items()))
    entries = {
        "local": {"kind": "local"},
        "slurm": {"kind": "profile", "scheduler": "slurm"},
        "gate": host(network, place, "gate"),
        "hpc": host(network, place, "login", scheduler="slurm", resources={"slurm_partition": "main"}),
    }
    write_machines(place, dump_yaml(entries))
    place.study({"value": [1, 2]}, machines={"each": list(entries)})
    output = place.run()
    assert "8 of 8 experiments to run on local, slurm, gate (ssh), hpc (ssh)" in output
    assert records(place) == [(machine, f"value={value}") for machine in sorted(entries) for value in (1, 2)]
    assert place.experiments_started() == Counter({"value=1": 4, "value=2": 4})
    statuses = place.results.glob("sweep/experiments/*/*/attempts/1/status.json")
    jobs = {(path.parents[3].name, bool(read_json(path)["job_id"])) for path in statuses}
    assert jobs == {("local", False), ("slurm", True), ("gate", False), ("hpc", True)}
    place.run()
    assert place.experiments_started().total() == 8


@pytest.mark.clusters
def test_a_study_without_machines_runs_wholly_on_the_machine_of_the_run(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"value": [1, 2]})
    output = workplace.run(*RECORDS_ONLY, "--config", "machine=gate")
    assert "2 of 2 experiments to run on machine gate (ssh)" in output
    assert records(workplace) == [("gate", "value=1"), ("gate", "value=2")]
    assert len(list(gate.home.glob("fairmesh/*/stages/toy/*/commit.json"))) == 1

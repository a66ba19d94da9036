"""Studies on a real cluster of Slurm's: everything done by both profiles, bundles, and what Slurm would refuse."""

from __future__ import annotations

import csv
import getpass
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh import schema
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.needs import must_have
from tests.slurm.cluster import SlurmCluster, cluster
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]
BOTH = pytest.mark.parametrize("slurm_workplace", ["slurm", "slurm-lean"], indirect=True)
SOON = ("--latency-wait", "5")


def machine(place: Workplace, **keys: Any) -> None:
    """Describe the cluster in machines.yaml."""
    entry = {"kind": "profile", "scheduler": "slurm"} | keys
    (place.folder / "config/machines.yaml").write_text(schema.dump_yaml({"slurm": entry}))


def options(place: Workplace) -> tuple[str, ...]:
    """Return what makes a run look at its jobs more often."""
    return ("--slurm-init-seconds-before-status-checks", "6") if place.profile == "slurm" else ()


def jobs(found: SlurmCluster, fields: str) -> list[str]:
    """Return what Slurm says of all its jobs, ended ones too, newest first."""
    return found.ask("squeue", "--noheader", "--states=all", "--sort=-i", f"--format={fields}").splitlines()


@BOTH
def test_all_is_done_and_the_site_says_which_node_ran_what(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    place = slurm_workplace
    machine(place, resources={"mem_mb": 100}, gpus={"big": {"slurm_partition": "gpu", "gres": "gpu:a100:1"}})
    place.study({"union": [{"value": [1, 2]}, {"value": 3, "gpu": "big"}]}, derive={"runtime": "2 + value"})
    place.run(*options(place))
    assert place.recorded() == {"value=1", "value=2", "gpu=big+value=3"}
    memory = {"slurm": "600M", "slurm-lean": "100M"}[place.profile]
    asked = jobs(slurm, "%P %l %b %m")[:4]
    assert f"gpu 5:00 gres:gpu:a100:1 {memory}" in asked
    assert {f"main 3:00 N/A {memory}", f"main 4:00 N/A {memory}"} <= set(asked)
    rows = csv.DictReader((place.results / "sweep/results.csv").read_text().splitlines())
    nodes = {row["id"]: row["node"] for row in rows}
    assert nodes["gpu=big+value=3"] == "n3", "the one with the GPU"
    assert set(nodes.values()) <= {"n1", "n2", "n3"}
    pages = [path.read_text() for path in place.folder.glob("site/public/studies/sweep/experiments/**/*.html")]
    assert any("node n3, job " in page for page in pages)

    place.forget_starts()
    machine(place, resources={"mem_mb": 100, "slurm_partition": "main"})
    assert "experiments have results" in place.run(*RECORDS_ONLY), "another partition is no reason to run again"
    assert not place.starts()


@pytest.mark.long
@BOTH
def test_an_exclusive_experiment_has_its_node_for_itself(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    slurm_workplace.study({"value": [1]}, measure="exclusive")
    slurm_workplace.run(*RECORDS_ONLY, *options(slurm_workplace))
    assert jobs(slurm, "%C %h")[0].split()[0] == "2", "all cores of the node"
    assert slurm_workplace.recorded() == {"value=1"}


def test_bundles_keep_one_target_each(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    slurm_workplace.study({"behaviour": ["good", "exit"], "value": {"from": 1, "to": 6, "step": 1}})
    before = len(jobs(slurm, "%i"))
    output = slurm_workplace.run(*RECORDS_ONLY, *SOON, "--fairmesh-bundle", "5", status=1)
    assert len(jobs(slurm, "%i")) - before == 4, "one of the stage, three of twelve experiments"
    assert slurm_workplace.recorded() == {f"behaviour=good+value={value}" for value in range(1, 7)}
    assert slurm_workplace.status("behaviour=exit+value=1")["reason"] == "exit code 3"
    assert set(slurm_workplace.experiments_started().values()) == {1}
    assert slurm_workplace.snakemake_log().count("it ended with status 1 in Slurm's job") == 6
    assert any("value=6" in line and "failed: exit code 3" in line for line in output.splitlines())
    slurm_workplace.forget_starts()
    slurm_workplace.run(*RECORDS_ONLY, *SOON, "--fairmesh-bundle", "5", status=1)
    assert len(slurm_workplace.experiments_started()) == 6, "what failed, and nothing else"


def test_an_ended_bundle_leaves_the_rest_to_the_next_run(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    slurm_workplace.study({"behaviour": ["hang"], "value": [1, 2]})
    process = slurm_workplace.start(*RECORDS_ONLY, *SOON, "--fairmesh-bundle", "2")
    wait_until(slurm_workplace.experiments_started, "the first of the bundle runs")
    (running,) = slurm_workplace.experiments_started()
    slurm.ask("scancel", slurm_workplace.status(running)["job_id"])
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    log = slurm_workplace.snakemake_log()
    assert "ended as CANCELLED while this one ran" in log or "it ended with status" in log
    assert "ended as CANCELLED before this one began" in log
    assert "cancelled" in output, output
    assert list(slurm_workplace.experiments_started()) == [running]


@BOTH
@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"slurm_partition": "mian"}, "slurm_partition 'mian', which value=1 (and 2 more) would run in, is not known"),
        ({"mem_mb": 99999999}, "Slurm would refuse value=1 (and 2 more), which asks for"),
        ({"gres": "gpu:h100:8"}, "Requested node configuration is not available"),
    ],
)
def test_what_slurm_would_refuse_is_said_before_anything_starts(
    slurm_workplace: Workplace, slurm: SlurmCluster, resources: dict[str, Any], message: str
) -> None:
    machine(slurm_workplace, resources=resources)
    slurm_workplace.study({"value": [1, 2]})
    before = jobs(slurm, "%i")
    output = slurm_workplace.run(*RECORDS_ONLY, status=2)
    assert message in output.splitlines()[-1]
    assert "Traceback" not in output
    assert jobs(slurm, "%i") == before


def test_an_account_that_nobody_keeps_is_refused(slurm_workplace: Workplace) -> None:
    slurm_workplace.profile = "slurm"
    machine(slurm_workplace, resources={"slurm_account": "climate"})
    slurm_workplace.study({"value": [1]})
    output = slurm_workplace.run(*RECORDS_ONLY, status=2)
    assert "this Slurm keeps no accounts" in output.splitlines()[-1]


def test_a_job_that_can_never_start_is_ended_with_its_reason(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    slurm.ask("sbatch", "--exclusive", "--nodes=3", "--output=/dev/null", "--wrap=sleep 600")
    wait_until(lambda: jobs(slurm, "%T")[0] == "RUNNING", "all nodes are taken")
    slurm_workplace.study({"value": [1]})
    process = slurm_workplace.start(*RECORDS_ONLY, *SOON)
    waiting = ("squeue", "--noheader", "--states=PENDING", "--format=%i")
    wait_until(lambda: slurm.ask(*waiting), "the job of the stage waits")
    slurm.ask("scontrol", "update", f"jobid={slurm.ask(*waiting).strip()}", "minmemorynode=99999999")
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "can never start: BadConstraints; it is cancelled" in output


def test_a_controller_that_is_down_is_said_at_once(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    slurm_workplace.study({"value": [1]})
    slurm.kill("slurmctld")
    try:
        output = slurm_workplace.run(*RECORDS_ONLY, status=1)
    finally:
        slurm.start("slurmctld")
    assert "Slurm's controller does not answer: " in output.splitlines()[-1]
    assert "Traceback" not in output


HIDDEN = 'mount -t tmpfs none "$0" && exec slurmd -N n3'


@pytest.mark.long
def test_a_folder_that_a_node_does_not_see_is_named(slurm_workplace: Workplace, slurm: SlurmCluster) -> None:
    apart = ("unshare", "--mount", "sh", "-c")
    tried = subprocess.run([*apart, "mount -t tmpfs none /mnt"], check=False, capture_output=True)
    must_have(tried.returncode == 0, "NOT ROOT: a node that sees other folders was not tried")
    environment = slurm.environment | {"FAIRMESH_TEST_CLUSTER": str(slurm.folder)}
    environment["PATH"] += ":/usr/sbin"
    machine(slurm_workplace, resources={"slurm_partition": "gpu"})
    slurm_workplace.study({"value": [1]})
    slurm.kill("n3")
    try:
        subprocess.run([*apart, HIDDEN, slurm_workplace.folder], env=environment, check=True)
        output = slurm_workplace.run(*RECORDS_ONLY, *SOON, status=1)
    finally:
        slurm.kill("n3")
        slurm.start("n3")
    assert "left nothing here: its node does not share this folder" in output


class WithoutSlurm(Workplace):
    """A computer on which Slurm is not installed."""

    @property
    def environment(self) -> dict[str, str]:
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        for program in ("bash", "sh", "python3", "uname", "which"):
            if not (folder / program).exists():
                (folder / program).symlink_to(str(shutil.which(program)))
        return super().environment | {"PATH": str(folder)}


@pytest.mark.parametrize("profile", ["slurm", "slurm-lean"])
def test_without_slurm_one_line_says_so(tmp_path: Path, slurm: SlurmCluster, profile: str) -> None:
    place = WithoutSlurm(tmp_path, profile, slurm)
    place.study({"value": [1]})
    output = place.run(*RECORDS_ONLY, status=2)
    assert "there is no sbatch in the path" in output.splitlines()[-1]
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def with_accounts() -> Iterator[SlurmCluster]:
    """Yield a cluster that keeps accounts."""
    with cluster(nodes=2, accounting=True) as found:
        yield found


@pytest.mark.long
@pytest.mark.parametrize("profile", ["slurm", "slurm-lean"])
def test_with_accounting(with_accounts: SlurmCluster, tmp_path: Path, profile: str) -> None:
    place = Workplace(tmp_path, profile, with_accounts)
    place.study({"value": [1, 2]})
    machine(place, resources={"slurm_account": "fairmess"})
    refused = place.run(*RECORDS_ONLY, status=2).splitlines()[-1]
    assert "slurm_account 'fairmess'" in refused
    assert "did you mean 'fairmesh'? (allowed: fairmesh, root)" in refused
    machine(place, resources={"slurm_account": "fairmesh"})
    place.run(*RECORDS_ONLY, *options(place))
    assert place.recorded() == {"value=1", "value=2"}
    assert set(with_accounts.ask("sacct", "-X", "-n", "--format=Account,State").split()) == {"fairmesh", "COMPLETED"}


@pytest.mark.parametrize("profile", ["slurm-lean", pytest.param("slurm", marks=pytest.mark.long)])
def test_a_limit_of_the_queue_is_kept_to_and_said_once(
    with_accounts: SlurmCluster, tmp_path: Path, profile: str
) -> None:
    place = Workplace(tmp_path, profile, with_accounts)
    place.study({"value": {"from": 1, "to": 6, "step": 1}})
    machine(place, resources={"slurm_account": "fairmesh"})
    set_limit = ("sacctmgr", "--immediate", "--quiet", "modify", "user", "where", f"name={getpass.getuser()}", "set")
    with_accounts.ask(*set_limit, "MaxSubmitJobs=2")
    try:
        told = place.fairmesh("doctor", "--profile", f"profiles/{profile}", status=None)
        output = place.run(*RECORDS_ONLY, *options(place))
    finally:
        with_accounts.ask(*set_limit, "MaxSubmitJobs=-1")
    assert "Slurm lets 2 be in its queue (MaxSubmitJobs of account fairmesh)" in told
    said = "AssocMaxSubmitJobLimit" if profile == "slurm-lean" else "Slurm lets 2 jobs be in its queue"
    assert output.count(said) == 1
    assert place.experiments_started() == {f"value={value}": 1 for value in range(1, 7)}
    assert place.recorded() == set(place.experiments_started())

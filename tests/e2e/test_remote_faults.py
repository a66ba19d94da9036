"""Studies on machines behind ssh, and all that can happen to these: each experiment starts once, or says why not.

Two or more real sshd, one behind the other. The program counts its starts itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.files import read_json
from fairmesh.machines.home import home_name
from tests.e2e.far import Far, kill_all, programs, runners
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.lying_machine import LIES
from tests.machine_jobs import small_disk
from tests.sge.cluster import SgeCluster
from tests.slurm.cluster import SlurmCluster
from tests.sshd import SshServer, ssh_network
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]

NOTICED = 20.0  # seconds from the proof of a loss until it is known here
HEARTBEAT, SILENCE = 18.0, 90.0  # the longest pause between two signs of life; without proof, it counts as lost then


@pytest.fixture
def far(workplace: Workplace) -> Iterator[Far]:
    """Yield a working folder with a network without machines."""
    with ssh_network() as network:
        yield Far(workplace, network)


def two_hosts(far: Far, **keys: object) -> tuple[SshServer, SshServer]:
    """Add a host, and one behind it."""
    gate = far.add("gate", **keys)
    return gate, far.add("inner", server={"jump": "gate"}, **keys)


def begin(far: Far, count: int = 2, *arguments: str) -> subprocess.Popen[str]:
    """Start a run, and wait until so many experiments have begun."""
    process = far.place.start(*RECORDS_ONLY, *arguments)
    wait_until(lambda: far.started().total() >= count or process.poll() is not None, "experiments have begun", 120)
    assert process.poll() is None, process.communicate()[0]
    return process


def end(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for the end of a run; return what it said."""
    output, _ = process.communicate(timeout=400)
    assert process.returncode == status, output
    return output


# Servers that do not answer


def test_servers_that_are_stopped_and_restarted_while_experiments_run(far: Far) -> None:
    gate, inner = two_hosts(far, patience=0.05)
    far.study({"value": 1, "seconds": 12})
    process = begin(far)
    for server in (inner, gate):
        server.stop()
    wait_until(lambda: {far.state(name)["state"] for name in far.names} == {"paused"}, "both machines are paused")
    assert "cannot be reached" in far.state("gate")["reason"]
    for server in (gate, inner):
        server.start()
    output = end(process)
    far.check(["seconds=12+value=1"])
    assert "gate is paused: gate cannot be reached" in output
    assert "gate is connected again" in output
    assert "inner is connected again" in output


def test_a_server_that_is_restarted_again_and_again_while_experiments_start(far: Far) -> None:
    gate, _ = two_hosts(far)
    far.study({"value": [1, 2, 3]})
    process = far.place.start(*RECORDS_ONLY)
    wait_until(lambda: "Accepted" in gate.log or process.poll() is not None, "the first connection", 120)
    for _ in range(4):
        time.sleep(0.7)
        gate.restart()
    end(process)
    far.check([f"value={value}" for value in (1, 2, 3)])


@pytest.mark.long
def test_a_black_hole_while_experiments_run(far: Far) -> None:
    gate, _ = two_hosts(far)
    far.study({"value": 1, "seconds": 10})
    process = begin(far)
    with gate.black_hole():
        wait_until(
            lambda: {far.state(name)["state"] for name in far.names} == {"unreachable"}, "both are unreachable", 150
        )
    end(process)
    far.check(["seconds=10+value=1"])


def test_a_changed_host_key_is_refused_and_the_other_machine_goes_on(far: Far) -> None:
    far.add("gate")
    inner = far.add("inner", server={"jump": "gate"})
    known = (inner.folder / "host_key").read_bytes(), (inner.folder / "host_key.pub").read_bytes()
    inner.make_key()
    inner.restart()
    far.study({"value": 1})
    process = far.place.start(*RECORDS_ONLY)
    wait_until(lambda: far.records() and far.state("inner").get("state") == "refused", "one is done, one refused", 120)
    os.kill(process.pid, signal.SIGTERM)
    output = end(process, 1)
    assert "inner is refused: inner: its host key has changed" in output
    assert "fairmesh machines trust inner" in output
    assert "Accepted" not in inner.log
    for name, content in zip(("host_key", "host_key.pub"), known, strict=True):
        (inner.folder / name).write_bytes(content)
    inner.restart()
    far.place.run(*RECORDS_ONLY)
    far.check(["value=1"])


# Losses


def test_a_killed_job_is_noticed_in_time_and_the_next_run_starts_it_again(
    far: Far, slurm: SlurmCluster, sge: SgeCluster
) -> None:
    gate, inner = two_hosts(far)
    far.add("hpc", server={"jump": "gate"}, cluster=slurm)
    far.add("grid", cluster=sge)
    far.study({"value": 1, "behaviour": "resumes", "seconds": 20})
    identity = "behaviour=resumes+seconds=20+value=1"
    process = begin(far, 4)
    wait_until(lambda: all(far.status(name, identity).get("state") == "running" for name in far.names), "all run")
    time.sleep(5)  # the longer nothing changes, the later is the next poll
    killed = time.time()
    for server in (gate, inner):
        kill_all([*runners(server), *programs(server)])
    kill_all([*slurm.processes(), *sge.processes()])
    late: dict[str, float] = {}

    def all_noticed() -> bool:
        for name in set(far.names) - late.keys():
            if far.status(name, identity)["state"] in {"lost", "failed", "node_fail"}:
                late[name] = time.time() - killed
        return len(late) == len(far.names)

    wait_until(all_noticed, f"all losses are known; {late}", 120)
    output = end(process, 1)
    print("noticed after", {name: f"{seconds:.1f} s" for name, seconds in late.items()})
    assert all(late[name] < NOTICED for name in ("gate", "inner")), late
    assert "lost: its runner was killed" in output
    far.place.run(*RECORDS_ONLY)
    far.check([identity], starts=2)


@pytest.mark.long
def test_a_loss_after_a_long_quiet_time_is_noticed_in_time(far: Far) -> None:
    """The pause between two polls has grown to its longest."""
    gate, inner = two_hosts(far)
    far.study({"value": 1, "behaviour": "hang"})
    process = begin(far)
    identity = "behaviour=hang+value=1"
    time.sleep(100)
    killed = time.time()
    for server in (gate, inner):
        kill_all([*runners(server), *programs(server)])
    for name in far.names:
        wait_until(lambda name=name: far.status(name, identity)["state"] == "lost", f"{name} has lost it", 60)
    late = time.time() - killed
    end(process, 1)
    print(f"noticed after {late:.1f} s")
    assert late < NOTICED


def test_a_rebooted_host_is_proof_of_loss_and_the_next_run_goes_on(far: Far) -> None:
    gate = far.add("gate", server={"is_own_host": True})
    inner = far.add("inner", server={"is_own_host": True, "jump": "gate"})
    far.study({"value": 1, "behaviour": "resumes", "seconds": 12})
    identity = "behaviour=resumes+seconds=12+value=1"
    process = begin(far)
    wait_until(lambda: all(far.status(name, identity).get("state") == "running" for name in far.names), "both run")
    for server in (inner, gate):
        server.reboot()
    booted = time.time()
    output = end(process, 1)
    assert time.time() - booted < NOTICED + 20
    assert output.count("lost: its runner was killed") >= 2
    assert not programs(gate) + programs(inner)
    far.place.run(*RECORDS_ONLY)
    far.check([identity], starts=2)


@pytest.mark.long
def test_without_proof_a_silent_experiment_is_lost_after_its_heartbeat_and_90_s(far: Far) -> None:
    """Two login nodes with one home: that on which it ran is gone, and the other one cannot know whether it runs."""
    first = far.add("login", server={"is_own_host": True})
    other = far.network.add("other", is_own_host=True, jump="")
    far.write("login", base=str(first.home / "shared"))
    far.study({"value": 1, "behaviour": "hang"})
    identity = "behaviour=hang+value=1"
    process = begin(far, 1)
    wait_until(lambda: far.status("login", identity).get("state") == "running", "it runs")
    far.network.write_entry("login", f"Port {other.port}\n")
    first.reset()
    silent = time.time()
    answers = far.place.results / "sweep/runs"
    wait_until(lambda: list(answers.glob("*/requests/login/experiments/*,answer")), "it counts as lost", 200)
    late = time.time() - silent
    output = end(process, 1)
    print(f"lost after {late:.1f} s without a sign of life")
    assert SILENCE - HEARTBEAT < late < HEARTBEAT + SILENCE + NOTICED
    assert "lost: no sign of life; `fairmesh retry` starts it again" in output
    assert far.started().total() == 1
    far.place.run(*RECORDS_ONLY, status=1)
    assert far.started().total() == 1, "it may still run there"


# Disks


def fill(folder: Path) -> list[Path]:
    """Take all space, and all inodes; return what is to be removed again."""
    fillers = []
    try:
        for number in range(100_000):
            fillers.append(folder / f"filler-{number}")
            with fillers[-1].open("wb", buffering=0) as file:
                while number in {0, 1}:
                    if file.write(b"\0" * 4096) < 4096:
                        break
    except OSError:
        pass
    return fillers


@pytest.mark.parametrize("options", ["size=3m,mode=755", "size=64m,nr_inodes=150,mode=755"], ids=["space", "inodes"])
def test_a_machine_without_space_is_paused_and_goes_on_with_space(far: Far, options: str) -> None:
    gate, _ = two_hosts(far)
    with small_disk(gate.home / "fairmesh", options):
        far.study({"value": [1, 2]})
        fillers = fill(gate.home / "fairmesh")
        process = far.place.start(*RECORDS_ONLY)
        wait_until(lambda: far.state("gate").get("state") == "paused", "the machine is paused", 120)
        assert "No space left on device" in far.state("gate")["reason"]
        assert process.poll() is None
        for path in fillers:
            path.unlink(missing_ok=True)
        output = end(process)
        assert "gate is paused: " in output
        far.check(["value=1", "value=2"])


def test_an_experiment_whose_disk_fills_while_it_runs_fails_and_the_next_run_repeats_it(far: Far) -> None:
    gate, _ = two_hosts(far)
    with small_disk(gate.home / "fairmesh", "size=3m,mode=755"):
        far.study({"value": 1, "seconds": 6})
        process = begin(far)
        fillers = fill(gate.home / "fairmesh")
        wait_until(lambda: not programs(gate), "its program has ended")
        time.sleep(2)
        assert runners(gate), "it waits until it can write how its program has ended"
        for path in fillers:
            path.unlink(missing_ok=True)
        output = end(process, 1)
        assert "value=1 on gate   failed: " in output
        far.place.run(*RECORDS_ONLY)
        identity = "seconds=6+value=1"
        assert far.records() == dict.fromkeys([("gate", identity), ("inner", identity)], "done")
        assert far.started() == {("gate", identity): 2, ("inner", identity): 1}


def test_a_machine_whose_quota_is_used_up_is_paused_and_goes_on(far: Far) -> None:
    """Stand-in for a quota: writing fails as with one."""
    gate, _ = two_hosts(far)
    quota = gate.limit(gate.home / "fairmesh")
    quota.touch()
    far.study({"value": [1, 2]})
    process = far.place.start(*RECORDS_ONLY)
    wait_until(lambda: far.state("gate").get("state") == "paused", "the machine is paused", 120)
    assert "Disk quota exceeded" in far.state("gate")["reason"]
    quota.unlink()
    end(process)
    far.check(["value=1", "value=2"])


# Transfers

FLIP = Path(__file__).parents[1] / "faulty_proxy.py"
BROKEN = (
    *(f"cut down {size}" for size in (0, 30, 2000, 4500, 6000)),
    *(f"cut up {size}" for size in (2500, 9000, 60_000)),
    *(f"flip down {size}" for size in (3000, 5200)),
    *(f"flip up {size}" for size in (4000, 20_000)),
)


def test_connections_that_are_cut_or_corrupted_are_tried_again(far: Far, tmp_path: Path) -> None:
    gate, _ = two_hosts(far)
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy/faults").write_text("\n".join(BROKEN))
    command = f"ProxyCommand {sys.executable} {FLIP} {gate.port} {tmp_path}/proxy\n"
    far.network.write_entry("gate", f"Port {gate.port}\n{command}")
    far.study({"value": [1, 2], "note": ["", "x" * 200]})
    far.place.run(*RECORDS_ONLY)
    connections = len(list((tmp_path / "proxy").glob("connection-*")))
    print(f"{connections} connections, of which {min(connections, len(BROKEN))} were damaged")
    assert connections > 4
    assert len(far.records()) == 8
    assert set(far.started().values()) == {1}


# Many clients


@pytest.mark.long
def test_of_eight_copies_of_a_study_that_run_at_once_one_starts_each_experiment(far: Far) -> None:
    two_hosts(far)
    far.study({"value": 1, "seconds": 5}, machines={"each": ["gate", "inner"]})
    home_name(far.place.results)  # as a run before the study was copied has made it
    copies = [far.place.folder.with_name(f"copy-{number}") for number in range(7)]
    for copy in copies:
        shutil.copytree(far.place.folder, copy, symlinks=True)
    folder = far.place.folder
    processes = []
    for place in (folder, *copies):
        far.place.folder = place
        processes.append(far.place.start(*RECORDS_ONLY))
    far.place.folder = folder
    for process in processes:
        end(process)
    far.check(["seconds=5+value=1"])
    for copy in copies:
        assert len(list(copy.glob("results/sweep/records/*/seconds=5+value=1.json"))) == 2


# Unusual machines, and hostile values


def test_a_noisy_csh_and_a_home_like_nfs(far: Far) -> None:
    far.add("gate", server={"login_shell": "noisy csh"})
    far.add("inner", server={"jump": "gate"}).refuse_links_and_locks()
    far.add("both", server={"jump": "gate", "login_shell": "noisy csh"}).refuse_links_and_locks()
    far.study({"value": [1, 2]})
    process = begin(far, 1)
    kill(process)
    far.place.run(*RECORDS_ONLY)
    far.check(["value=1", "value=2"])


NOTES = (
    'it\'s a $(touch PWNED) `touch PWNED` "q" \\ %s; touch PWNED',
    "-oProxyCommand=touch PWNED",
    "../../..",
    "größe 量 \u202e\u2028 \x85",
    "line\nbreak\ttab {{ value }} {value} ${HOME} $HOME",
)


def test_hostile_values_of_parameters_and_folders_arrive_verbatim(far: Far) -> None:
    base = "~/a b'`touch PWNED`;\"x *"
    gate, inner = two_hosts(far, base=base)
    far.place.edit("toy/application.yaml", '"{{ seed }}"]', '"{{ seed }}", "{{ note }}"]')
    far.place.edit("toy/toy.py", "(behaviour, seconds, value, seed)", "(behaviour, seconds, value, seed, note)")
    far.place.edit("toy/toy.py", '{"sum": {"score": total}}', '{note: {"score": total}}')
    far.study({"note": list(NOTES)})
    far.place.run(*RECORDS_ONLY)
    assert len(far.records()) == 2 * len(NOTES)
    assert set(far.started().values()) == {1}
    for name in far.names:
        experiments = far.place.results / "sweep/experiments" / name
        notes = [note for path in experiments.glob("*/attempts/1/baselines.json") for note in read_json(path)]
        assert sorted(notes) == sorted(NOTES)
    for folder in (far.place.folder, gate.folder, inner.folder):
        assert not list(folder.rglob("PWNED"))
    assert (gate.home / base[2:]).is_dir()


@pytest.mark.parametrize("lie", LIES)
def test_a_machine_that_sends_hostile_files_is_paused_and_the_other_one_goes_on(far: Far, lie: str) -> None:
    far.add("gate")
    program = Path(__file__).parents[1] / "lying_machine.py"
    far.add("inner", server={"jump": "gate", "options": [f"ForceCommand {sys.executable} -IS {program} {lie}"]})
    far.study({"value": 1})
    process = far.place.start(*RECORDS_ONLY)
    wait_until(
        lambda: far.records() and far.state("inner").get("state") in {"paused", "refused"},
        "one is done, one paused",
        120,
    )
    os.kill(process.pid, signal.SIGTERM)
    output = end(process, 1)
    assert "inner is paused: it sends " in output or "inner is paused: its archive has " in output
    assert list(far.records()) == [("gate", "value=1")]
    assert not Path("/tmp/PWNED").exists()  # noqa: S108
    assert not list(far.place.folder.rglob("PWNED"))
    received = (far.place.results / "sweep/experiments/inner").rglob("*")
    assert all(stat.S_IFMT(path.lstat().st_mode) in {stat.S_IFREG, stat.S_IFDIR} for path in received)


@pytest.mark.parametrize("host", ["-oProxyCommand=touch PWNED", "$(touch PWNED)", "a b", "x;touch PWNED", "../x", ""])
def test_a_hostile_host_name_is_refused_before_anything_runs(far: Far, host: str) -> None:
    far.add("gate")
    far.write("inner", host=host)
    far.study({"value": 1})
    output = far.place.run(*RECORDS_ONLY, status=2)
    assert "config/machines.yaml" in output
    assert "inner.host" in output
    assert not list(far.place.folder.rglob("PWNED"))
    assert not far.started()

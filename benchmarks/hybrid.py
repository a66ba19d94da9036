"""Measure experiments on other machines: ``python -m benchmarks.hybrid [PART...]``.

The machines are real: sshd on loopback, Slurm and SGE behind sshd. They share the processors of this computer, so CPU
seconds count and times are upper bounds. The experiments write one number and count their own starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, Report
from fairmesh import schema
from fairmesh.dispatch.client import TargetClient
from fairmesh.files import read_json, text_sha256
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.home import home_name
from fairmesh.machines.ssh import SshTransport
from fairmesh.runner import jsonfiles, owner, protocol
from fairmesh.runner.claims import Claims
from fairmesh.runner.status import Status
from fairmesh.study.machines import Machine
from fairmesh.target.starts import Starts
from tests.clusters import Cluster, kill_at_once
from tests.sge.cluster import cluster as sge_cluster
from tests.slurm.cluster import cluster as slurm_cluster
from tests.sshd import SshNetwork, ssh_network
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
FEW, SOME, HUNDREDS, MANY = 10, 110, 200, 1_000
HOSTS, SLOTS = 4, 10
QUIET, HALF_MINUTE = 125, 30  # seconds
MEGABYTE = 1e6
REFUSED = ("drop connection", "MaxStartups throttling", "no more sessions", "exceeded")
APPLICATION: dict[str, Any] = {
    "name": "tick",
    "title": "Tick",
    "version": "1",
    "licence": "Apache-2.0",
    "description": "Writes one number, and counts its starts.",
    "stages": {
        "measure": {
            "command": [
                "sh",
                "-c",
                'printf "%s\\n" "$0" >> "$TICKS" && sleep "$1" && printf \'{"score": %s}\' "$0" > metrics.json',
                "{{ value }}",
                "{{ seconds }}",
            ]
        }
    },
    "parameters": {
        "value": {"type": "integer", "default": 1, "description": "The number"},
        "seconds": {"type": "number", "default": 0, "description": "How long it takes"},
    },
    "metrics": {"score": {"unit": "1", "better": "higher", "primary": True, "description": "The number"}},
}


@dataclass
class Project:
    """A project folder, with machines that are hosts of a network."""

    folder: Path
    network: SshNetwork
    machines: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "config").mkdir(parents=True)
        (self.folder / "tick").mkdir()
        (self.folder / "profiles").symlink_to(ROOT / "profiles")
        self._write("tick/application.yaml", APPLICATION)
        self._write("config/config.yaml", {"study": "./study.yaml"})
        self.add("local", {"kind": "local"})

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        (self.folder / name).write_text(schema.dump_yaml(content))

    @property
    def ticks(self) -> Path:
        """The file in which the experiments count their starts."""
        return self.folder / "ticks"

    @property
    def results(self) -> Path:
        """The results of the study."""
        return self.folder / "results/ticks"

    def add(self, name: str, keys: Mapping[str, Any]) -> None:
        """Add a machine."""
        self.machines[name] = {"setup": [f"export TICKS={self.ticks}"], **keys}
        self._write("config/machines.yaml", self.machines)

    def add_host(self, name: str, slots: int, cluster: Cluster | None = None, **keys: Any) -> None:
        """Add a host, on which a scheduler may be found in the path of its login shell."""
        server = self.network.add(name)
        if cluster is not None:
            variables = {**cluster.variables, "PATH": f"{cluster.folder}/bin:$PATH"}
            server.write_profile("".join(f'export {key}="{value}"\n' for key, value in variables.items()))
        self.add(name, {"kind": "ssh", "host": name, "ssh_config": str(self.network.config), "slots": slots, **keys})

    def study(self, count: int, machines: Mapping[str, Any] | None = None, seconds: float = 0) -> None:
        """Write a study of so many experiments, and remove what there is."""
        shutil.rmtree(self.folder / "results", ignore_errors=True)
        self.ticks.unlink(missing_ok=True)
        parameters = {"value": {"from": 1, "to": count, "step": 1}, "seconds": seconds}
        content = {"study": "ticks", "application": "./tick", "measure": "shared", "parameters": parameters}
        self._write("study.yaml", content | ({"machines": machines} if machines else {}))

    @contextmanager
    def client(self, *arguments: str) -> Iterator[Client]:
        """Start a run."""
        client = Client(self.folder, arguments)
        try:
            yield client
        finally:
            client.end()

    def run(self, *arguments: str) -> Measured:
        """Run the study to its end."""
        with self.client(*arguments) as client:
            return client.wait()

    def calls(self) -> int:
        """Return how many commands the hosts have received in all."""
        return sum(server.log.count("Starting session: command") for server in self.network.servers.values())

    def refusals(self) -> int:
        """Return how many connections or sessions the hosts have refused in all."""
        logs = [server.log for server in self.network.servers.values()]
        return sum(log.count(text) for log in logs for text in REFUSED)


class Client:
    """A run of Snakemake with all that it starts on this computer, measured."""

    def __init__(self, folder: Path, arguments: tuple[str, ...]) -> None:
        self._report, self._output = folder / "cost.json", folder / "output"
        self._report.unlink(missing_ok=True)
        run = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--profile", "profiles/local"]
        command = [sys.executable, "-m", "benchmarks.client", str(self._report), *run, "--quiet", "all"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TICKS": str(folder / "ticks")}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--omit-from", "publish", *arguments],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self) -> Measured:
        """Wait for its end; return its cost."""
        if self.process.wait():
            print(self._output.read_text(errors="replace")[-3000:], file=sys.stderr)
        return Measured(**read_json(self._report))

    def end(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            self.process.wait()


def costs(report: Report, project: Project) -> None:
    """Compare the cost of experiments over ssh with that of the same ones on this computer."""
    project.add_host("a", SLOTS)
    spent = {}
    for name, machines in (("local", {"each": ["local"]}), ("ssh", {"each": ["a"]})):
        used = []
        for count in (FEW, SOME):
            project.study(count, machines)
            before, began = project.calls(), time.monotonic()
            used.append(project.run().cpu_s)
            calls = project.calls() - before
            print(f"      {count} on {name}: {used[-1]:.2f} s CPU, {calls} calls, {time.monotonic() - began:.0f} s")
        spent[name] = (used[1] - used[0]) / (SOME - FEW)
    report.line("an experiment over ssh, all processes of the client", spent["ssh"], 0.1, "s CPU")
    report.line("of the same on this computer, application and all", 100 * spent["ssh"] / spent["local"], 100, "%")


def refusals(report: Report, project: Project) -> None:
    """Run experiments on several hosts at once, and count the connections that were refused."""
    names = [f"h{number}" for number in range(HOSTS)]
    for name in names:
        project.add_host(name, SLOTS)
    project.study(HUNDREDS, {"any": names})
    statuses = project.folder / "statuses"
    with _witness(project.folder / "bin", statuses):
        began = time.monotonic()
        used = project.run()
    codes = Counter(statuses.read_text().split())
    report.line(f"CPU for each of {HUNDREDS} on {HOSTS} hosts", used.cpu_s / HUNDREDS, 0.1, "s CPU")
    report.line("refused by sshd", project.refusals(), 0, "")
    report.line("calls of ssh that failed", codes.total() - codes["0"], 0, "")
    report.line("calls of ssh for each experiment", codes.total() / HUNDREDS, 2, "")
    _count(report, project, HUNDREDS)
    print(f"      {time.monotonic() - began:.0f} s, {HOSTS} x {SLOTS} slots")


@contextmanager
def _witness(folder: Path, statuses: Path) -> Iterator[None]:
    """Note the exit status of each call of ssh, by a program of that name in front."""
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\n{shutil.which("ssh")} "$@"\ncode=$?\necho $code >> {statuses}\nexit $code\n')
    program.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path


def _count(report: Report, project: Project, count: int) -> None:
    """Report how many experiments were lost or started twice, as they say themselves."""
    starts = Counter(project.ticks.read_text().split())
    records = list(project.results.glob("records/*/*.json"))
    report.line(f"of {count:,} experiments lost", count - len({path.stem for path in records}), 0, "")
    report.line("of them that never started", count - len(starts), 0, "")
    report.line("of them started twice", starts.total() - len(starts), 0, "")


def polls(report: Report, project: Project) -> None:
    """Ask for the state of a thousand experiments of one host, of which nine in ten run."""
    project.add_host("a", SLOTS)
    paths = StudyPaths(project.folder / "results", "ticks")
    transport = SshTransport("a", Machine.model_validate(project.machines["a"]))
    home = project.network.servers["a"].home / "fairmesh" / home_name(paths.home)
    fingerprints = dict(_running(paths, home, number) for number in range(MANY))
    client = TargetClient(transport, home.name, paths.home)
    client.poll({})  # connects, and stores the runner
    times, used = [], []
    for _ in range(5):
        before, began = _cpu(), time.monotonic()
        states = client.poll(fingerprints)
        times.append(time.monotonic() - began)
        used.append(_cpu() - before)
    transport.close()
    counts = Counter(state.state for state in states.values())
    print(f"      {MANY:,} experiments in one call: {dict(counts)}")
    report.line("the states of all of them", min(times), 2, "s")
    report.line("CPU of the client for that", min(used), 0.2, "s CPU")


def _cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _running(paths: StudyPaths, home: Path, number: int) -> tuple[str, str]:
    """Write an experiment on a host as start and runner do; its process is this one. Return folder and fingerprint."""
    identity = f"value={number}"
    folder = paths.job("a", identity).folder.relative_to(paths.home)
    fingerprint = text_sha256(identity)
    claims, starts = Claims(str(home / folder)), Starts(str(home / folder))
    if start := starts.create(1, "none", f"ticks-{number}"):
        starts.update(start._replace(process=owner.current_process()))
    claims.take(1)
    (home / folder / "attempts/1").mkdir(parents=True)
    status = Status(f"{claims.attempt_folder(1)}/status.json", 1, owner.current_process(), "r", fingerprint)
    status.set_state(protocol.RUNNING if number % 10 else protocol.FAILED, progress=50, message="epoch 3 of 8")
    return folder.as_posix(), fingerprint


def losses(report: Report, project: Project) -> None:
    """Kill experiments that have run for a while, and measure the time until that is known."""
    names = [f"h{number}" for number in range(HOSTS)]
    for name in names:
        project.add_host(name, 1)
    project.study(1, {"each": names}, seconds=1_000)
    with project.client() as client:
        wait_until(lambda: all(_is_running(project, name) for name in names), "all experiments run", 120)
        time.sleep(QUIET)  # the pause between polls is the longest one now
        _hide_process(project, names[0])
        ends = {}
        for name in names:
            kill_at_once(project.network.servers[name].jobs())
            ends[name] = time.monotonic()
        known: dict[str, float] = {}
        while len(known) < HOSTS:
            known |= {name: time.monotonic() for name in names if name not in known and _is_known(project, name)}
            time.sleep(0.1)
        client.process.wait()
    report.line("a silent one is noticed after", known[names[0]] - ends[names[0]], 15 + 90, "s")
    for name in names[1:]:
        report.line("a lost one is noticed after", known[name] - ends[name], 20, "s")


def _is_running(project: Project, name: str) -> bool:
    """Return whether an experiment runs on a machine, as the client knows it."""
    statuses = project.results.glob(f"experiments/{name}/*/attempts/1/status.json")
    return [(jsonfiles.read_map(str(path)) or {}).get("state") for path in statuses] == [protocol.RUNNING]


def _hide_process(project: Project, name: str) -> None:
    """Stand-in for a process of another node, which cannot be looked at: its claim names another host."""
    (claim,) = project.network.servers[name].home.glob("fairmesh/*/ticks/experiments/*/*/claims/1")
    jsonfiles.write(str(claim), read_json(claim) | {"host": "elsewhere"})


def _is_known(project: Project, name: str) -> bool:
    """Return whether the rule of an experiment was answered."""
    return any(project.results.glob(f"runs/*/requests/{name}/experiments/*,answer"))


def many(report: Report, project: Project) -> None:
    """Run a thousand experiments over two plain hosts, and over Slurm and SGE behind ssh."""
    with ExitStack() as stack:
        slurm, sge = stack.enter_context(slurm_cluster(2)), stack.enter_context(sge_cluster(SLOTS))
        print(f"      {slurm.describe()}; {sge.describe()}")
        for name in ("a", "b"):
            project.add_host(name, SLOTS)
        project.add_host("slurm", 2 * SLOTS, slurm, scheduler="slurm", resources={"slurm_partition": "main"})
        project.add_host("sge", 2 * SLOTS, sge, scheduler="sge")
        project.study(MANY, {"any": ["a", "b", "slurm", "sge"]})
        began = time.monotonic()
        used = project.run()
    _count(report, project, MANY)
    machines = Counter(path.parent.name for path in project.results.glob("records/*/*.json"))
    report.line(f"CPU for each of {MANY:,}", used.cpu_s / MANY, 0.1, "s CPU")
    report.line("calls for each", project.calls() / MANY, 1, "")
    report.line("refused by sshd", project.refusals(), 0, "")
    report.line("memory of Snakemake's process", used.peak_bytes / MEGABYTE, 400, "MB")
    print(f"      {dict(machines)}; {time.monotonic() - began:.0f} s")


def waiting(report: Report, project: Project) -> None:
    """Measure what a thousand experiments that wait for a host without an answer cost here."""
    project.add_host("a", MANY)
    project.study(MANY, {"each": ["a"]})
    project.network.servers["a"].stop()
    with project.client() as client:
        requests = project.results / "runs"
        wait_until(lambda: len(list(requests.glob("*/requests/a/experiments/*"))) == MANY, "all wait", 300)
        time.sleep(QUIET)
        family = _family(client.process.pid)
        memory = sum(map(_memory, family))
        before, began = sum(map(_used, family)), time.monotonic()
        time.sleep(HALF_MINUTE)
        idle = (sum(map(_used, family)) - before) / (time.monotonic() - began)
        main_memory = max(map(_memory, family))
        stopped = time.monotonic()
        client.end()
    print(f"      {MANY:,} experiments wait: {len(family):,} processes, ended in {time.monotonic() - stopped:.0f} s")
    report.line("processes for each", len(family) / MANY, 1.1, "")
    report.line("memory of all, shared pages counted once", memory / MEGABYTE, 2_000, "MB")
    report.line("memory of Snakemake's process", main_memory / MEGABYTE, 400, "MB")
    report.line("of a processor, while they wait", 100 * idle, 10, "%")


def _family(process: int) -> list[int]:
    """Return a process and its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family, new = [], [process]
    while new:
        family += new
        new = [number for number, parent in parents.items() if parent in new]
    return family


def _memory(process: int) -> int:
    """Return the bytes of memory of a process, in which shared pages count in part."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _used(process: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


PARTS: dict[str, Callable[[Report, Project], None]] = {
    part.__name__: part for part in (costs, refusals, polls, losses, waiting, many)
}


def main(parts: list[str]) -> None:
    """Measure everything, or the named parts."""
    report = Report()
    for name in parts or list(PARTS):
        with tempfile.TemporaryDirectory(prefix="hybrid-") as folder, ssh_network() as network:
            os.environ["XDG_RUNTIME_DIR"] = folder
            print(f"{name}: {(PARTS[name].__doc__ or '').strip()}")
            PARTS[name](report, Project(Path(folder, "project"), network))


if __name__ == "__main__":
    main(sys.argv[1:])

"""A folder in which a person works with studies of the toy application, and what can be seen there afterwards."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairmesh import schema
from fairmesh.jobs.reading import read_map
from tests.clusters import Cluster
from tests.needs import note_component
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
RECORDS_ONLY = ("--omit-from", "publish")  # the website has tests of its own


@dataclass
class Workplace:
    """A working folder with a configuration, the profiles, and a copy of the toy application that may be edited."""

    folder: Path
    profile: str = "local"
    cluster: Cluster | None = None
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "config").mkdir()
        (self.folder / "profiles").symlink_to(ROOT / "profiles")
        shutil.copytree(ROOT / "tests/toy", self.folder / "toy", ignore=shutil.ignore_patterns("__pycache__"))
        self.configure()

    @property
    def machine(self) -> str:
        """The machine that the profile names."""
        return (ROOT / f"profiles/{self.profile}/machine.yaml").read_text().split()[-1]

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of what a person starts here."""
        inherited = os.environ if self.cluster is None else self.cluster.environment
        environment = {key: value for key, value in inherited.items() if not key.startswith("PYTHON")}
        return environment | {"TOY_STARTS": str(self.folder / "starts")}

    def configure(self, **keys: Any) -> None:
        """Write config/config.yaml."""
        (self.folder / "config/config.yaml").write_text(schema.dump_yaml({"study": "./study.yaml"} | keys))

    def study(self, parameters: dict[str, Any], **keys: Any) -> None:
        """Write the study file."""
        keys = {"study": "sweep", "application": "./toy", "measure": "shared", "parameters": parameters} | keys
        (self.folder / "study.yaml").write_text(schema.dump_yaml(keys))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that occurs once in a file."""
        path = self.folder / file
        assert path.read_text().count(old) == 1, path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def start(self, *arguments: str, program: Sequence[str] = ("-m", "snakemake")) -> subprocess.Popen[str]:
        """Start Snakemake, or a program around it, in a process group of its own, as a shell does."""
        note_component(f"Snakemake {version('snakemake')} with profiles/{self.profile}")
        python = on_slurm() if self.profile.startswith("slurm") else sys.executable
        command = [python, *program, "-s", str(ROOT / "Snakefile"), "--profile", f"profiles/{self.profile}"]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """End the runs that a failed test left: they would hold the lock of the machine."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.communicate(timeout=PATIENCE)

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run Snakemake to its end, expect an exit status, and give what it said."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=900)
        assert process.returncode == status, f"{process.returncode}: {output}"
        return output

    def fairmesh(self, *arguments: str, status: int | None = 0) -> str:
        """Run a verb of the command line, expect an exit status unless that is None, and give what it said."""
        note_component(f"fairmesh on Python {platform.python_version()}")
        command = [sys.executable, "-m", "fairmesh.cli", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert status in {None, done.returncode}, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def starts(self) -> Counter[str]:
        """Count the starts of the program by job."""
        path = self.folder / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[0] for line in lines)

    def forget_starts(self) -> None:
        """Begin to count anew."""
        (self.folder / "starts").unlink(missing_ok=True)

    def experiments_started(self) -> Counter[str]:
        """Count the starts of experiments; those of stages are left out."""
        return Counter({job: count for job, count in self.starts().items() if "=" in job or job == "defaults"})

    def job(self, identity: str) -> Path:
        """Return an experiment's folder."""
        return self.results / "sweep/experiments" / self.machine / identity

    def record_file(self, identity: str) -> Path:
        """Return an experiment's record."""
        return self.results / "sweep/records" / self.machine / f"{identity}.json"

    def record(self, identity: str) -> dict[str, Any]:
        """Read an experiment's record."""
        found: dict[str, Any] = json.loads(self.record_file(identity).read_text())
        return found

    def status(self, identity: str) -> dict[str, Any]:
        """Read the status of an experiment's last attempt; it is empty until one has begun."""
        attempts = sorted((self.job(identity) / "attempts").glob("*"), key=lambda path: int(path.name))
        return read_map(attempts[-1] / "status.json") if attempts else {}

    def snakemake_log(self) -> str:
        """Return Snakemake's last log."""
        return max((self.folder / ".snakemake/log").glob("*.log")).read_text()

    def recorded(self) -> set[str]:
        """Return the ids that have a record."""
        return {path.stem for path in (self.results / "sweep/records" / self.machine).glob("*.json")}

    def half_written(self) -> list[Path]:
        """Return the files that somebody began to write and left."""
        broken = [path for path in self.results.rglob("*.json") if not _is_json(path)]
        return [*self.results.rglob(".*.half"), *broken]


def on_slurm() -> str:
    """Return the Python of the environment in which Snakemake knows Slurm."""
    python = ROOT / ".venv-slurm/bin/python"
    assert python.exists(), "make setup-slurm makes the environment in which Snakemake knows Slurm"
    return str(python)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def kill(process: subprocess.Popen[str]) -> None:
    """Kill Snakemake alone, so that its jobs live on as orphans."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

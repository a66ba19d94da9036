"""A new project runs as it is, with the wheel alone: its first study, its checks and its website."""

from __future__ import annotations

import re
import socket
import subprocess
import time
import urllib.request
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.wheel import Installation
from tests.needs import note_component
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("application", ["python", "shell"])
def test_a_new_project_runs_as_it_is(installation: Installation, tmp_path: Path, application: str) -> None:
    arguments = ["--application", application, "--title", 'Darts: "π" & more', "--author", "Ada Example"]
    installation.run("fairmesh", "init", "my bänch", *arguments, folder=tmp_path)
    project = tmp_path / "my bänch"
    installation.run("fairmesh", "check", "--all", folder=project)
    study = project / "config/studies/first.yaml"  # exclusive experiments would wait for those of other tests
    study.write_text(study.read_text().replace("measure: exclusive", "measure: shared   "))
    said = installation.run("snakemake", "--profile", "profiles/local", folder=project)
    assert len(list((project / "results/first/records/local").glob("*.json"))) == 9, said
    assert '<title>Darts: "π" & more</title>' in unescape((project / "site/public/index.html").read_text())
    assert "all 9 experiments have results" in installation.run(
        "snakemake", "--profile", "profiles/local", folder=project
    )
    command = ["git", "status", "--short", "--untracked-files=all"]
    unknown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"site/public|\.snakemake|\.fairmesh/|__pycache__", unknown)


STEPS = (
    ("init", "bench --title Darts --author Ada"),
    ("check", "--all"),
    ("plan", ""),
    ("run", "--first 6"),
    ("results", ""),
    ("compare", "darts=100 darts=10000"),
    ("site", ""),
    ("crate", "--zip --out deposit"),
    ("publish", ""),
    ("reproduce", "results/first --to again --yes"),
)


def test_all_commands_work_in_a_new_project(installation: Installation, tmp_path: Path) -> None:
    project, times = tmp_path / "bench", {}
    for command, arguments in STEPS:
        begin = time.monotonic()
        installation.run("fairmesh", command, *arguments.split(), folder=project if project.is_dir() else tmp_path)
        times[command] = time.monotonic() - begin
    assert "R1.1: there is no licence" in installation.run("fairmesh", "fair", folder=project, status=1)
    for command in ("monitor", "serve"):
        begin = time.monotonic()
        assert _answers(installation, command, project), command
        times[command] = time.monotonic() - begin
    public = project / "site/publish"
    pages = {path.relative_to(public).parts[0] for path in public.rglob("*.html")}
    assert pages == {"index.html", "404.html", "how-to-read.html", "compare.html", "studies"}
    assert list((project / "deposit").glob("*.zip"))
    note_component("a new project in seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in times.items()))


def _answers(installation: Installation, command: str, project: Path) -> bool:
    """Start a service of a project on a free port, and return whether it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"{installation.folder}/bin/fairmesh", command, "--port", str(port), "--token-file", "token"]
    process = subprocess.Popen(words, cwd=project, env=installation.environment, stdout=subprocess.DEVNULL)
    path = {"monitor": "_stcore/health", "serve": "api/v1/health"}[command]

    def answers() -> bool:
        try:
            token = (project / "token").read_text().strip()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/{path}", headers={"Authorization": f"Bearer {token}"}
            )
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, f"{command} answers", 60)
    finally:
        process.terminate()
    return process.wait(20) is not None

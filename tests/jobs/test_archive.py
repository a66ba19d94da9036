"""The runner as one file."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fairmesh.jobs.render import archive, install_runner, write_runner


def test_the_same_sources_give_the_same_bytes_and_a_right_file_is_not_touched(tmp_path: Path) -> None:
    assert archive() == archive()
    path = tmp_path / "runner.pyz"
    write_runner(path)
    before = path.stat().st_mtime_ns
    write_runner(path)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"old")
    write_runner(path)
    assert path.read_bytes() == archive()


def test_every_process_makes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each command would send the runner to a machine again."""
    code = "import hashlib; from fairmesh.jobs.render import archive; print(hashlib.sha256(archive()).hexdigest())"
    others = "import fairmesh.runner.main, fairmesh.target.serving, fairmesh.target.start, fairmesh.schedulers, ast;"
    hashes = {hashlib.sha256(archive()).hexdigest()}
    for text, seed in ((code, "1"), (others + code, "2"), (others + code.replace("print", "archive(); print"), "3")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        done = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True, timeout=60)
        hashes.add(done.stdout.strip())
    assert len(hashes) == 1


@pytest.mark.parametrize("python", ["python3", "/usr/bin/python3"])
def test_it_runs_a_job_where_nothing_is_installed(tmp_path: Path, python: str) -> None:
    if shutil.which(python) is None:
        pytest.skip(f"no {python} here")
    (tmp_path / "runner.pyz").write_bytes(archive())
    content = {
        **dict.fromkeys(("study", "machine", "id", "key"), "x"),
        **{key: {} for key in ("parameters", "axes", "resources", "stages")},
        "fingerprint": "f" * 64,
        "application": {"name": "x", "version": "1"},
        "command": ["sh", "-c", "echo '{\"answer\": 42}' > metrics.json"],
        "measure": "shared",
    }
    job = tmp_path / "job"
    job.mkdir()
    (job / "experiment.json").write_text(json.dumps(content))
    (job / "config.yaml").write_text("{}\n")
    command = [python, "-IS", str(tmp_path / "runner.pyz"), str(job), "--home", str(tmp_path)]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"})
    assert json.loads((job / "commit.json").read_text())["metrics"]["answer"]["value"] == 42


STARTED = """
import os, sys, zipimport
sys.path[0] = sys.argv[0] = {runner!r}
importer = zipimport.zipimporter(sys.argv[0])  # Python has read the table of contents
os.replace({new!r}, sys.argv[0])
sys.argv.append("--help")
exec(importer.get_code("__main__"))
"""


def test_a_job_that_is_just_starting_survives_another_version_of_the_runner(tmp_path: Path) -> None:
    """The moves of Python at the start of a zip file, with the replacement at the worst moment."""
    install_runner(tmp_path)
    newer = _with_padding(archive())
    (tmp_path / ".runner/newer.pyz").write_bytes(newer)
    (tmp_path / "new").symlink_to(".runner/newer.pyz")
    code = STARTED.format(runner=str(tmp_path / "runner.pyz"), new=str(tmp_path / "new"))
    done = subprocess.run(["python3", "-IS", "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "runner.pyz" in done.stdout
    assert (tmp_path / "runner.pyz").read_bytes() == newer


def _with_padding(data: bytes) -> bytes:
    """Return a version whose modules are at other places of the file."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
            if info.filename == "__main__.py":
                new.writestr("fairmesh/padding.py", "#" * 12345)
    return made.getvalue()

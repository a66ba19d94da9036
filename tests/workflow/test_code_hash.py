"""The hash of an application's code: what changes it, and what does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.study.validation import load_application
from fairmesh.workflow import code_hash as module
from fairmesh.workflow.code_hash import CodeHash, code_hash

APPLICATION = 'name: app\nversion: "1"\ncommand: [run]\ntables: {errors: {}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an application of two files."""
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/main.py").write_text("1")
    (tmp_path / "app/src/solve.py").write_text("2")
    (tmp_path / "app/application.yaml").write_text(APPLICATION)
    return tmp_path / "app"


def hashed(folder: Path) -> CodeHash:
    return code_hash(load_application(folder / "application.yaml"))


def write(name: str, text: str = "x") -> Callable[[Path], None]:
    """Return a function that writes a file."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return change


@pytest.mark.parametrize(
    "change",
    [
        write("main.py", "3"),
        write("new.py"),
        lambda folder: (folder / "main.py").rename(folder / "first.py"),
        lambda folder: (folder / "main.py").chmod(0o755),
        lambda folder: (folder / "link.py").symlink_to("main.py"),
        lambda folder: (folder / "main.py").unlink(),
    ],
    ids=["content", "new file", "name", "executable", "link", "deleted"],
)
def test_a_change_of_code_changes_the_hash(folder: Path, change: Callable[[Path], None]) -> None:
    before = hashed(folder)
    change(folder)
    assert hashed(folder).sha256 != before.sha256


@pytest.mark.parametrize(
    "change",
    [
        write("data/scenes.bin"),
        write("metrics.json"),
        write("src/history.csv"),
        write("tables/errors.csv"),
        write("README.md"),
        write("LICENSE"),
        write("__pycache__/main.pyc"),
        write(".venv/pyvenv.cfg"),
        write("big.bin", "x" * 101),
        write("application.yaml", APPLICATION + "title: Another title\n"),
        lambda folder: os.utime(folder / "main.py", (1, 1)),
        lambda folder: (folder / "main.py").chmod(0o600),
    ],
    ids=[
        "data",
        "metrics",
        "history",
        "table",
        "readme",
        "licence",
        "cache",
        "environment",
        "large file",
        "application.yaml",
        "time",
        "group",
    ],
)
def test_what_is_no_code_does_not_change_it(
    folder: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 100)
    before = hashed(folder)
    change(folder)
    assert hashed(folder) == before


def test_it_is_the_same_in_another_place(folder: Path) -> None:
    before = hashed(folder)
    assert hashed(folder.rename(folder.with_name("moved"))) == before


def test_only_what_code_names_counts_whatever_its_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 0)
    write("application.yaml", APPLICATION + "code: [src, data]\n")(folder)
    write("data/weights")(folder)
    before = hashed(folder)
    assert before.files == 2
    write("main.py", "3")(folder)
    assert hashed(folder) == before
    write("data/weights", "y")(folder)
    assert hashed(folder).sha256 != before.sha256


def test_settings_of_a_project_are_not_its_code(folder: Path) -> None:
    write("config/config.yaml", "study: first")(folder)
    before = hashed(folder)
    write("config/studies/second.yaml")(folder)
    write("site/index.html")(folder)
    assert hashed(folder) == before


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), os.mkfifo], ids=["dangling link", "pipe"])
def test_a_file_that_cannot_be_read_counts_by_its_name(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "odd")
    found = hashed(folder)
    assert (found.files, found.unreadable) == (3, ("odd",))
    assert hashed(folder) == found

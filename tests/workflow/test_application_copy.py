"""What of an application's folder travels: its code, and neither environments, caches nor what lies elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study.validation import load_application
from fairmesh.workflow import application_copy
from fairmesh.workflow.application_copy import Code, copy_application, mirror_application

APPLICATION = "name: a\nversion: 1\ncommand: [python, a.py]\n"


def put(folder: Path, *names: str, text: str = "x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path / "app", "application.yaml", text=APPLICATION)
    put(tmp_path / "app", "a.py", "sub/b.py")
    return tmp_path / "app"


def copied(folder: Path, code: str = "") -> set[str]:
    (folder / "application.yaml").write_text(APPLICATION + code)
    copy_application(load_application(folder / "application.yaml"), folder.parent / "copy")
    return names(folder.parent / "copy")


def test_environments_and_caches_stay_out(folder: Path) -> None:
    put(folder, "venv/pyvenv.cfg", "venv/lib/x.py", "conda/conda-meta/history", "conda/bin/x", "node_modules/x/y.js")
    put(folder, "wandb/run/x", "mlruns/0/x", ".git/config", "sub/__pycache__/b.pyc", ".ipynb_checkpoints/x")
    put(folder, "cache/CACHEDIR.TAG", text="Signature: 8a477f597d28d172789f06886806bc55\n")
    put(folder, "cache/x", "tagged/CACHEDIR.TAG", "tagged/x")
    assert copied(folder) == {"application.yaml", "a.py", "sub/b.py", "tagged/CACHEDIR.TAG", "tagged/x"}


def test_a_link_is_followed_only_inside(folder: Path) -> None:
    put(folder.parent / "scratch", "data.bin", "deep/data.bin")
    (folder / "data").symlink_to(folder.parent / "scratch")
    (folder / "sub/file.bin").symlink_to(folder.parent / "scratch/data.bin")
    (folder / "again").symlink_to("sub")
    (folder / "alias.py").symlink_to("a.py")
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to(".")
    expected = {"application.yaml", "a.py", "sub/b.py", "again/b.py", "alias.py"}
    assert copied(folder) == expected
    code = Code.of(load_application(folder / "application.yaml"))
    assert set(code.outside) >= {"data", "sub/file.bin"}
    assert copied(folder, "code: ['**']\n") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("['*.py']", {"a.py"}),
        ("['**/*.py']", {"a.py", "sub/b.py", "venv/lib/x.py"}),
        ("[sub]", {"sub/b.py", "sub/deep/c.txt"}),
        ("[nothing]", set()),
    ],
)
def test_code_decides(folder: Path, code: str, expected: set[str]) -> None:
    put(folder, "venv/pyvenv.cfg", "venv/lib/x.py", "sub/deep/c.txt")
    put(folder, "job.jinja", "environment.yaml")
    more = f"code: {code}\ntemplate: job.jinja\nenvironment: {{conda: environment.yaml}}\n"
    assert copied(folder, more) == {"application.yaml", "job.jinja", "environment.yaml"} | expected


@pytest.mark.parametrize("pattern", ["/etc/*", "../x", "a/../../x", "a**b"])
def test_a_pattern_stays_in_the_folder(folder: Path, pattern: str) -> None:
    with pytest.raises(InputError, match=r"application.yaml:4:8: 'code\[0\]' must "):
        copied(folder, f"code: ['{pattern}']\n")


def test_much_is_not_copied_unasked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_copy, "LARGEST", 1000)
    put(folder, "weights.bin", text="x" * 2000)
    with pytest.raises(InputError, match=r"'code' in application\.yaml says what belongs to it"):
        copied(folder)
    (note,) = mirror_application(folder, folder.parent / "mirror")
    assert "its folder holds 4 files, 0.0 MB" in note
    assert not (folder.parent / "mirror").exists()
    assert "weights.bin" in copied(folder, "code: ['*.bin']\n")


def test_a_mirror_loses_what_is_gone(folder: Path) -> None:
    mirror = folder.parent / "mirror"
    assert mirror_application(folder, mirror) == []
    (folder / "a.py").unlink()
    (folder / "data").symlink_to(folder.parent)
    assert mirror_application(folder, mirror) == ["data leads out of the application's folder and is not copied"]
    assert names(mirror) == {"application.yaml", "sub/b.py"}

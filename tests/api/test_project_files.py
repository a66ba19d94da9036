"""What a new project says about where fairmesh and its application are from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh.api.project_files import requirements

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose packages come first."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _install(packages: Path, name: str, origin: dict[str, Any] | None, offers: str = "") -> None:
    folder = packages / f"{name.replace('-', '_')}-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (folder / "entry_points.txt").write_text(f"[fairmesh.applications]\n{offers}\n")
    if origin:
        (folder / "direct_url.json").write_text(json.dumps(origin))


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "fairmesh[site]==1.2"),
        (
            {"url": "https://example.org/f.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"fairmesh[site] @ git+https://example.org/f.git@{COMMIT}",
        ),
        (
            {"url": "https://example.org/fairmesh-1.2.whl", "archive_info": {}},
            "fairmesh[site] @ https://example.org/fairmesh-1.2.whl",
        ),
    ],
)
def test_a_requirement_is_what_was_installed(packages: Path, origin: dict[str, Any] | None, line: str) -> None:
    _install(packages, "fairmesh", origin)
    assert requirements("python") == f"{line}\n"


def test_a_file_of_this_computer_is_not_for_others(packages: Path) -> None:
    _install(packages, "fairmesh", {"url": "file:///home/ada/fairmesh", "dir_info": {"editable": True}})
    assert "/home/ada" not in requirements("python")
    assert all(line.startswith("# ") for line in requirements("python").splitlines())


def test_the_package_of_an_application_is_required_too(packages: Path) -> None:
    _install(packages, "fairmesh", None, "cloudmask = cloudmask")
    _install(packages, "star-tools", None, "stars = stars")
    assert requirements("cloudmask") == "fairmesh[site,cloudmask]==1.2\n"
    assert requirements("stars") == "fairmesh[site]==1.2\nstar-tools==1.2\n"

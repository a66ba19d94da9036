"""What is said when the packages of an extra are missing."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

import pytest

from fairmesh import cli, extras
from fairmesh.cli.commands import COMMANDS

BY_EXTRA = {command.extra: name for name, command in COMMANDS.items() if command.extra}
ARGUMENTS = {"publish": ["--to", "public"]}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of packages that seem to be missing."""
    missing: set[str] = set()

    def find(name: str) -> str:
        if name in missing:
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(extras, "version", find)
    return missing


def test_commands_name_extras_of_the_package() -> None:
    assert set(BY_EXTRA) <= set(metadata("fairmesh").get_all("Provides-Extra") or ())


@pytest.mark.parametrize("extra", ["site", "monitor", "service", "cloudmask", "fair", "dev"])
def test_nothing_is_missing_here(extra: str) -> None:
    assert extras.missing_packages(extra) == []
    extras.require(extra, "a test")


@pytest.mark.parametrize(
    ("command", "package", "requirement"),
    [
        ("monitor", "streamlit", "streamlit>=1.67"),
        ("serve", "sse-starlette", "sse-starlette>=3.7"),
        ("site", "altair", "altair>=6.3"),
        ("publish", "pillow", "pillow>=12"),
    ],
)
def test_a_command_names_what_installs_the_missing_packages(
    without: set[str], capsys: pytest.CaptureFixture[str], command: str, package: str, requirement: str
) -> None:
    without.add(package)
    assert cli.main([command, *ARGUMENTS.get(command, [])]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"fairmesh {command} needs packages that are not installed: ")
    assert said.endswith(f"pip install '{requirement}'\n")
    assert said.count("\n") == 1


def test_help_needs_no_extra(without: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    without.add("streamlit")
    with pytest.raises(SystemExit):
        cli.main(["monitor", "--help"])
    assert "browser" in capsys.readouterr().out


def test_a_version_that_is_too_old_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "version", lambda name: "1.2" if name == "streamlit" else version(name))
    assert extras.missing_packages("monitor") == ["streamlit>=1.67"]


@pytest.mark.parametrize(
    ("on_path", "has_pip", "command"),
    [
        ("/env/bin/pip", True, "pip install 'a>=1'"),
        ("/usr/bin/pip", True, "/env/bin/python -m pip install 'a>=1'"),
        (None, False, "uv pip install --python /env/bin/python 'a>=1'"),
    ],
)
def test_the_command_installs_into_this_environment(
    monkeypatch: pytest.MonkeyPatch, on_path: str | None, has_pip: bool, command: str
) -> None:
    monkeypatch.setattr(sys, "executable", "/env/bin/python")
    monkeypatch.setattr(extras.shutil, "which", lambda _: on_path)
    monkeypatch.setattr(extras, "find_spec", lambda name: Path(name) if has_pip else None)
    assert extras.install_command(["a>=1"]) == command

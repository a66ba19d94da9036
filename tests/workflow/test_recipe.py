"""Recipes of images with the software of an application."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.errors import InputError
from fairmesh.files import write_text
from fairmesh.study.application import Application
from fairmesh.study.validation import load_application
from fairmesh.workflow.recipe import APPTAINER, CONTAINERFILE, recipe
from tests.needs import must_have

ROOT = Path(__file__).parents[2]
LOCK = "numpy==2.4.6 \\\n    --hash=sha256:" + "0" * 64 + "\n"


def application(folder: Path, environment: str, version: str = '"1"') -> Application:
    write_text(
        folder / "application.yaml",
        f"name: toy\nversion: {version}\nenvironment: {environment}\ncommand: [sh]\nmetrics: {{a: {{}}}}\n",
    )
    return load_application(folder / "application.yaml")


def shell_parts(text: str) -> str:
    """Return what a shell reads: the lines of RUN, or of the section %post."""
    runs = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    post = re.findall(r"^%post\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*runs, *post]) + "\n"


@pytest.mark.parametrize("style", [CONTAINERFILE, APPTAINER])
@pytest.mark.parametrize(("key", "file"), [("requirements", "requirements.lock"), ("conda", "environment.yaml")])
def test_a_recipe_installs_the_locked_packages(tmp_path: Path, style: str, key: str, file: str) -> None:
    write_text(tmp_path / file, LOCK)
    made = recipe(application(tmp_path, f"{{{key}: {file}}}"), style)
    assert f"{file} /opt/fairmesh/{file}" in made.text
    parts = shell_parts(made.text)
    assert ("--require-hashes" in parts) == (key == "requirements")
    assert ("micromamba install" in parts) == (key == "conda")
    must_have(shutil.which("shellcheck"), "shellcheck is not installed")
    checked = subprocess.run(
        ["shellcheck", "--shell=sh", "-"], input=parts, capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
    written = made.write(tmp_path / "image")
    assert [path.name for path in written] == [made.name, file]
    assert written[1].read_text() == LOCK


def test_the_recipe_of_cloudmask_has_its_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["container", "cloudmask", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "requirements.lock").read_bytes() == (ROOT / "cloudmask/requirements.lock").read_bytes()
    capsys.readouterr()
    base = "localhost/python@sha256:" + "0" * 64
    assert cli.main(["container", "cloudmask", "--format", "apptainer", "--base", base]) == 0
    assert f"\nFrom: {base}\n" in capsys.readouterr().out


def test_a_changed_lock_has_another_tag(tmp_path: Path) -> None:
    tags = []
    for text in (LOCK, LOCK.replace("2.4.6", "2.4.7")):
        write_text(tmp_path / "r.lock", text)
        made = recipe(application(tmp_path, "{requirements: r.lock}"))
        tags += re.findall(r"--tag (toy:[0-9a-f]{12}) ", made.text)
    assert len(set(tags)) == 2


def test_texts_of_the_application_stay_texts(tmp_path: Path) -> None:
    write_text(tmp_path / "r.lock", LOCK)
    hostile = '"1\\nRUN touch /owned $(id) \\"x"'
    for style in (CONTAINERFILE, APPTAINER):
        text = recipe(application(tmp_path, "{requirements: r.lock}", hostile), style).text
        assert not re.search(r"^\s*RUN touch", text, re.MULTILINE)
        assert "$(id)" not in re.sub(r"\\\$", "", re.sub(r"^#.*$", "", text, flags=re.MULTILINE)) or style == APPTAINER


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            "{}",
            "'environment.requirements' is missing: the file with the packages that the image shall have, such",
        ),
        ("{requirements: no.lock}", "'environment.requirements': there is no file 'no.lock'"),
        ("{requirements: 'a b.lock'}", "'environment.requirements': 'a b.lock' must have letters, digits, "),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, environment: str, message: str) -> None:
    write_text(tmp_path / "a b.lock", LOCK)
    with pytest.raises(InputError) as raised:
        recipe(application(tmp_path, environment))
    assert str(raised.value).startswith(f"{tmp_path}/application.yaml: {message}")


def test_the_base_must_be_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["container", "cloudmask", "--base=x y"]) == 2
    assert "argument --base: must be the name of an image, not 'x y'" in capsys.readouterr().err


def test_without_a_name_it_is_the_application_of_the_configured_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(tmp_path / "config/config.yaml", "study: mine\n")
    write_text(tmp_path / "config/studies/mine.yaml", "study: mine\napplication: toy\n")
    write_text(tmp_path / "toy/r.lock", LOCK)
    application(tmp_path / "toy", "{requirements: r.lock}")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["container"]) == 0
    assert "\nCOPY r.lock /opt/fairmesh/r.lock\n" in capsys.readouterr().out

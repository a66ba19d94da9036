"""Applications are found by name: in the project, or in an installed package that offers them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.schema import Node
from fairmesh.study import load_plan
from fairmesh.study.find import APPLICATION, find_application, find_study, known_applications

STUDY = Path("config/studies/one.yaml")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that offers three applications, of which one is there; return its folder."""
    packages = tmp_path / "packages"
    folder = packages / "stars"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('finding it imports it')\n")
    (folder / APPLICATION).write_text('name: stars\nversion: "1"\ncommand: ["true"]\n')
    metadata = packages / "stars-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1\n")
    offers = "[fairmesh.applications]\nstars = stars\ngone = no_such_package\nbelow = no_such.package\nempty = json\n"
    (metadata / "entry_points.txt").write_text(offers)
    monkeypatch.syspath_prepend(packages)
    return folder


def _found(name: str, root: Path) -> Path:
    return find_application(Node(name, text=name), STUDY, root)


def test_an_installed_application_is_found_by_its_name(package: Path, tmp_path: Path) -> None:
    assert _found("stars", tmp_path / "project") == package / APPLICATION


def test_the_application_of_the_project_comes_first(package: Path, tmp_path: Path) -> None:
    own = tmp_path / "project/examples/stars" / APPLICATION
    own.parent.mkdir(parents=True)
    own.touch()
    assert _found("stars", tmp_path / "project") == own
    assert known_applications(tmp_path / "project")["stars"] == own


def test_a_missing_application_is_named_with_the_nearest_installed_one(package: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no application 'star'; did you mean 'stars'\? \(allowed: .*stars\)"):
        _found("star", tmp_path)
    assert known_applications(tmp_path).keys() & {"gone", "below", "empty"} == set()


def test_cloudmask_is_offered_with_a_study_to_start_from(tmp_path: Path) -> None:
    plan = load_plan(_found("cloudmask", tmp_path).parent / "first.yaml", tmp_path, "local")
    assert (len(plan.experiments), plan.warnings) == (4, [])


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """Return a project whose application has another name than its folder, beside one that cannot be read."""
    for folder, text in (("src", "name: primes"), ("broken", "name: [primes")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / APPLICATION).write_text(f"{text}\n")
    return tmp_path


def test_an_application_is_found_by_the_name_in_its_file(renamed: Path) -> None:
    assert _found("primes", renamed) == _found("src", renamed) == renamed / "src" / APPLICATION


def test_of_two_applications_with_one_name_the_folder_is_needed(renamed: Path) -> None:
    (renamed / "copy").mkdir()
    (renamed / "copy" / APPLICATION).write_text("name: primes\n")
    with pytest.raises(InputError) as caught:
        _found("primes", renamed)
    message = "several applications are named 'primes'; name the folder of one (allowed: copy, src)"
    assert str(caught.value).endswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "where"), [("study: first\n", "config/config.yaml:1:8: "), ("study: other\n", "")]
)
def test_a_project_without_a_study_names_the_command_that_makes_one(
    renamed: Path, monkeypatch: pytest.MonkeyPatch, configured: str, where: str
) -> None:
    monkeypatch.chdir(renamed)
    shutil.rmtree("broken")
    Path("config").mkdir()
    Path("config/config.yaml").write_text(configured)
    with pytest.raises(InputError) as caught:
        find_study("first", renamed)
    advice = "`fairmesh new first --application src` makes one"
    assert str(caught.value) == f"{where}no study 'first', and no other; {advice}"

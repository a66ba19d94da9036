"""Test the name of the folder on other machines."""

from pathlib import Path

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.machines.home import HOME_FILE, home_name


def test_the_name_begins_with_the_project_and_stays(tmp_path: Path) -> None:
    results = tmp_path / "my bench; rm -rf" / "results"
    name = home_name(results)
    assert name.startswith("my-bench-rm--rf-")
    assert home_name(results) == name


def test_two_results_folders_have_two_names(tmp_path: Path) -> None:
    assert home_name(tmp_path / "a/results") != home_name(tmp_path / "b/results")


@pytest.mark.parametrize("text", ["../../etc-01234567", "", "a-0123456", "-rf-01234567"])
def test_a_file_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / HOME_FILE).write_text(text)
    with pytest.raises(FairmeshError, match=r"\.machine-home"):
        home_name(tmp_path)

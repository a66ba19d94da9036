"""The configuration of a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from snakemake.cli import parse_config

from fairmesh.errors import InputError
from fairmesh.files import escape_path
from fairmesh.project import CONFIG, configured_path, results_folder
from fairmesh.study import load_plan
from fairmesh.study.settings import load_config
from fairmesh.workflow import configuration


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    return tmp_path


def write(text: str) -> None:
    CONFIG.write_text(text)


def test_the_command_line_counts_before_the_file_also_inside_maps() -> None:
    write("study: a\nresults: r\npublisher: {title: T, licence: L}\n")
    read = configuration.read({"study": "b", "publisher": {"title": "U"}}, Path.cwd()).config
    assert (read.study, read.results, read.publisher.title, read.publisher.licence) == ("b", "r", "U", "L")


def test_a_value_of_yaml_1_2_stays_what_it_looks_like() -> None:
    write("study: on\nresults: 012\n")
    read = configuration.read({}, Path.cwd()).config
    assert (read.study, read.results) == ("on", "012")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("study: a\n", {"resluts": "x"}, "unknown key 'resluts'; did you mean 'results'?"),
        ("study: a\nmachine: lokal\n", {}, "config/config.yaml:2:10: 'machine': "),
        ("study: a\n", {"machine": "lokal"}, f"{configuration.COMMAND_LINE}: 'machine': "),
        ("study: a\n", {"finish": {"when": "always"}}, "'finish' stands in config/config.yaml alone"),
        ("study: a\n", {"results": 5}, "'results' must be a non-empty text"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, overrides: dict[str, object], message: str) -> None:
    write(text)
    with pytest.raises(InputError) as caught:
        configuration.read(overrides, Path.cwd())
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["study", "results", "site", "machine", "where", "part", "only"])
@pytest.mark.parametrize("text", ["007", "1e3", "1_000", "nan", "True", "a: b", "2024-01-01", "on"])
def test_a_text_that_snakemake_reads_as_something_else_is_hinted_at_in_a_form_that_works(key: str, text: str) -> None:
    write("study: a\n")
    given = parse_config([f"{key}={text}"])
    if not isinstance(given[key], str):
        with pytest.raises(InputError) as caught:
            configuration.read(given, Path.cwd())
        hint = str(caught.value).partition("--config '")[2].partition("',")[0]
        given = parse_config([hint.replace("TEXT", text)])
    assert given == {key: text}


def test_a_truth_may_be_given_inside_a_map_of_the_command_line() -> None:
    write("study: a\n")
    assert configuration.read(parse_config(["publisher={logs: true}"]), Path.cwd()).config.publisher.logs is True


@pytest.mark.parametrize("key", ["results", "site"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/r", "/home/ada/r"),
        ("$SCRATCH/r", "/scratch/r"),
        ("${SCRATCH}x/r", "/scratchx/r"),
        ("a$$b", "a$b"),
        ("./~/r", "./~/r"),
        ("a~b", "a~b"),
    ],
)
def test_home_and_variables_are_filled_in_in_paths(
    monkeypatch: pytest.MonkeyPatch, folder: Path, key: str, written: str, meant: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("SCRATCH", "/scratch")
    write(f"study: a\n{key}: {written}\n")
    assert getattr(configuration.read({}, Path.cwd()).config, key) == meant
    assert getattr(configuration.read({key: written}, Path.cwd()).config, key) == meant
    assert configured_path(key, folder) == meant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("$SCRATCH/r", "'results' names the variable 'SCRATCH', which is not set"),
        ("$EMPTY/r", "'results' names the variable 'EMPTY', which is not set"),
        ("a$/b", "'results' must name variables as $NAME or ${NAME}, and write any other $ as $$"),
        ("~nobody-at-all/r", "'results' names a home that there is not; ./~ is a folder of that name"),
    ],
)
def test_a_path_that_cannot_be_filled_in_is_refused_at_its_place(
    monkeypatch: pytest.MonkeyPatch, folder: Path, written: str, message: str
) -> None:
    monkeypatch.delenv("SCRATCH", raising=False)
    monkeypatch.setenv("EMPTY", "")
    write(f"study: a\nresults: {written}\n")
    with pytest.raises(InputError, match=rf"^config/config\.yaml:2:10: {re.escape(message)}$"):
        load_config(CONFIG)
    with pytest.raises(InputError, match=re.escape(message)):
        results_folder(folder)


def test_a_run_that_a_face_starts_gets_the_folder_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCRATCH", "/scratch")
    write("study: a\n")
    odd = tmp_path / "a$SCRATCH/$"
    assert Path(configuration.read({"results": escape_path(odd)}, Path.cwd()).config.results) == odd


def test_an_unknown_study_is_told_where_it_was_asked_for(folder: Path) -> None:
    write("study: quik\n")
    (folder / "config/studies").mkdir()
    (folder / "config/studies/quick.yaml").touch()
    with pytest.raises(InputError, match=r"config/config\.yaml:1:8: no study 'quik'; did you mean 'quick'\?"):
        configuration.read({}, Path.cwd()).plan()


@pytest.mark.parametrize(
    ("study", "config", "expected"),
    [
        ("", "", False),
        ("", "on_code_change: rerun\n", True),
        ("on_code_change: warn\n", "on_code_change: rerun\n", False),
        ("on_code_change: rerun\n", "on_code_change: warn\n", True),
    ],
)
def test_the_study_decides_about_other_code_before_the_configuration(study: str, config: str, expected: bool) -> None:
    write(f"study: ./study.yaml\n{config}")
    Path("study.yaml").write_text(f"study: sweep\napplication: toy\n{study}")
    plan = load_plan("./study.yaml", Path(__file__).parents[2], "local")
    assert configuration.reruns_other_code(plan, Path()) is expected


@pytest.mark.parametrize("value", ["maybe", "no", "true"])
def test_other_policies_for_changed_code_are_refused(value: str) -> None:
    write(f"study: a\non_code_change: {value}\n")
    with pytest.raises(InputError, match="'on_code_change' must be 'warn' or 'rerun'"):
        configuration.read({}, Path.cwd())

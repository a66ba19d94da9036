"""Every rule that a study file can break, with its message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study import load_plan

KNOWN = "(allowed: count, rate, label, exact, order, seed, gpu, repeat, Snakemake's resources)"
RESOURCE_TEXT = "a text of letters, digits and _ . : = @ + / -"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "repeats: 2",
            (
                "3:1: unknown key 'repeats'; did you mean 'repeat'? (allowed: study, title, application, parameters,"
                " repeat, derive, exclude, include, measure, on_code_change, template, container, machines)"
            ),
        ),
        ("repeat: 0", "3:9: 'repeat' must be a whole number of at least 1, not 0"),
        ("repeat: 10000000", "3:9: 'repeat' must be at most 1000000, not 10000000"),
        ("measure: alone", "3:10: 'measure' must be 'exclusive' or 'shared', not 'alone'"),
        ("parameters: [count]", "3:13: 'parameters' must be a map, not a list"),
        (
            "parameters: {cout: 1}",
            (
                "3:14: 'parameters.cout': sums has no parameter 'cout', nor is it a framework axis;"
                f" did you mean 'count'? {KNOWN}"
            ),
        ),
        (
            "parameters: {n: 1, count: 2}",
            "3:20: 'parameters.count' has the axis 'count', which 'parameters.n' has already",
        ),
        *(
            (
                f"parameters: {{rate: {span}}}",
                f"3:20: 'parameters.rate' must be a number above 0, not '{inside}'; did you mean '\"[1-5]\"'?",
            )
            for span, inside in (("1-5", "1-5"), ("1..5", "1..5"), ("'1:5'", "1:5"), ("'[1..5]'", "1..5"))
        ),
        *(
            (
                f"parameters: {{exact: {word}}}",
                f"3:21: 'parameters.exact' must be true or false, not '{word}'; did you mean '{meant}'?",
            )
            for word, meant in (("yes", "true"), ("Off", "false"))
        ),
        (
            "parameters: {mem_mb: 4000, runtime: '1 h'}",
            "3:37: 'parameters.runtime' must be a whole number of at least 1, in min, not '1 h'",
        ),
        (
            "parameters: {count: ['1']}",
            "3:22: 'parameters.count' must be a whole number of at least 1 and at most 1000, not '1'",
        ),
        ("parameters: {count: []}", "3:21: 'parameters.count' has no value: an axis needs at least one"),
        ("parameters: {rate: [1, 2, 1.0]}", "3:27: 'parameters.rate' has the value 1 twice"),
        *(
            (
                f"parameters: {{count: {value}}}",
                f"3:21: 'parameters.count' must be a whole number of at least 1 and at most 1000, not {value}",
            )
            for value in ("0", "1001", "1.0", "true", "'x'", "null", "1e2", "1_0".join("''"))
        ),
        ("parameters: {rate: 0}", "3:20: 'parameters.rate' must be a number above 0, not 0"),
        ("parameters: {rate: .nan}", "3:20: 'parameters.rate' must be a number above 0, not .nan"),
        ("parameters: {rate: .inf}", "3:20: 'parameters.rate' must be a number above 0, not .inf"),
        ("parameters: {exact: on}", "3:21: 'parameters.exact' must be true or false, not 'on'; did you mean 'true'?"),
        ("parameters: {label: ~}", "3:21: 'parameters.label' must be a text, not null"),
        (
            "parameters: {order: upp}",
            "3:21: 'parameters.order' must be 'up', 'down' or 'off', not 'upp'; did you mean 'up'?",
        ),
        (
            "parameters: {mem_mb: 1GB}",
            "3:22: 'parameters.mem_mb' must be a whole number of at least 1, in MB, not '1GB'",
        ),
        (
            "parameters: {slurm_partition: '$(reboot)'}",
            f"3:31: 'parameters.slurm_partition' must be {RESOURCE_TEXT.replace('_', ', _')}, not '$(reboot)'",
        ),
        ("parameters: {gpu: a 100}", f"3:19: 'parameters.gpu' must be {RESOURCE_TEXT}, not 'a 100'"),
        (
            "parameters: {repeat: [1, 2]}\nrepeat: 2",
            "4:9: 'repeat' is an axis in 'parameters' already",
        ),
        (
            "parameters: {seed: 999}\nrepeat: 3",
            "4:9: 'repeat' raises 'seed' out of its range: it must be a whole number of at most 1000, not 1001",
        ),
        (
            "parameters: {label: [a, A]}",
            "3:1: two experiments differ by upper and lower case only: label=a and label=A",
        ),
        ("exclude: [3]", "3:11: 'exclude[0]' must be a map of names to values, or an expression"),
        ("exclude: [{}]", "3:11: 'exclude[0]' must be a map of names to values, or an expression"),
        (
            "exclude: [{cout: 1}]",
            (
                "3:12: 'exclude[0].cout': sums has no parameter 'cout', nor is it a framework axis;"
                f" did you mean 'count'? {KNOWN}"
            ),
        ),
        (
            "exclude: [{count: x}]",
            "3:19: 'exclude[0].count' must be a whole number of at least 1 and at most 1000, not 'x'",
        ),
        (
            "exclude: [{label: {matches: [a]}}]",
            "3:29: 'exclude[0].label.matches' must be a regular expression, not a list",
        ),
        ("exclude: [{count: 1, n: 1}]", "3:22: 'exclude[0].n' is named twice"),
        (
            "parameters: {count: 1}\nexclude: [{gpu: a100}]",
            "4:12: 'exclude[0].gpu' is not an axis of this study (allowed: count)",
        ),
        ("exclude: [{count: 10}]", "3:1: no experiment is left: 'exclude' removes them all"),
        ("title: a\ntitle: b", "4:1: the key 'title' appears twice, first in line 3"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(mistakes: Callable[[str], list[str]], text: str, line: str) -> None:
    assert mistakes(text) == [line]


def test_too_many_experiments_are_refused_at_once(mistakes: Callable[[str], list[str]]) -> None:
    values = ", ".join(map(str, range(1, 201)))
    found = mistakes(f"parameters: {{count: [{values}], rate: [{values}], mem_mb: [{values}]}}")
    assert found == ["3:13: the study has 8000000 experiments, of which at most 1000000 are possible"]


def test_all_mistakes_of_a_file_come_at_once(mistakes: Callable[[str], list[str]]) -> None:
    found = mistakes("title: a\ntitle: b\nrepeat: x\nparameters: {cont: 1, rate: x}\nexclude: [1, {n: 0}]\n")
    assert [line.split(" ")[0] for line in found] == ["4:1:", "5:9:", "6:14:", "6:29:", "7:11:", "7:18:"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("application: sums", ["study.yaml:1:1: 'study' is missing"]),
        ("study: a", ["study.yaml:1:1: 'application' is missing"]),
        (
            "study: a\napplication: sum",
            ["study.yaml:2:14: no application 'sum'; did you mean 'sums'? (allowed: cloudmask, sums)"],
        ),
        ("study: a\napplication: ./sum", ["study.yaml:2:14: 'application': there is no file './sum'"]),
        (
            "study: Stages\napplication: sums",
            ["study.yaml:1:8: 'study' must not be 'Stages': the results folder has a folder of that name"],
        ),
        (
            "study: ../a\napplication: sums",
            [
                (
                    "study.yaml:1:8: 'study' must be a name of at most 100 letters, digits, '.', '_' and '-'"
                    " that begins with a letter or digit, not '../a'"
                )
            ],
        ),
        ("- a", ["study.yaml:1:1: the file must be a map, not a list"]),
    ],
)
def test_a_study_needs_a_name_and_an_application(root: Path, text: str, lines: list[str]) -> None:
    (root / "study.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_plan(root / "study.yaml", root, "local")
    assert str(caught.value).splitlines() == lines


def test_a_study_that_is_not_there_is_one_line(root: Path) -> None:
    (root / "config" / "studies").mkdir(parents=True)
    (root / "config" / "studies" / "quick.yaml").write_text("")
    for study, line in (
        ("quik", "no study 'quik'; did you mean 'quick'? (allowed: quick)"),
        ("a/b.yaml", "a/b.yaml: cannot be read: No such file or directory"),
    ):
        with pytest.raises(InputError) as caught:
            load_plan(study, root, "local")
        assert str(caught.value) == line


def test_a_machines_name_must_be_safe(root: Path) -> None:
    with pytest.raises(InputError, match=r"the machine's name '\.\./a' must be of letters"):
        load_plan("quick", root, "../a")


def test_a_parameter_without_a_default_must_be_an_axis(root: Path) -> None:
    application = root / "sums" / "application.yaml"
    application.write_text(application.read_text().replace("default: 10, ", ""))
    (root / "study.yaml").write_text("study: a\napplication: sums\nparameters: {rate: 1}\n")
    with pytest.raises(InputError, match=r"study\.yaml:3:13: 'parameters.count' is missing: it has no default"):
        load_plan(root / "study.yaml", root, "local")

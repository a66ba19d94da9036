"""A file of Cloudmesh's experiment executor, loaded as a study."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh import cli
from fairmesh.errors import InputError, Problem
from fairmesh.schema import dump_yaml, parse_yaml
from fairmesh.study import Plan, load_plan
from fairmesh.study.cloudmesh import check_can_run, study_name
from fairmesh.study.references import References
from fairmesh.workflow.export import export

HINT = "`fairmesh import` makes an application with their types"
LIST = "(allowed: a list holds texts with commas or brackets as they are)"
ALLOWED = "(allowed: HOME, USER, LOGNAME, HOSTNAME, TMPDIR, SCRATCH, PWD, and what `fairmesh import --os SECRET` names)"
ENDLESS = "".join(f"k{at}: '{{k{at + 1}}}{{k{at + 1}}}'\n" for at in range(30)) + "k30: aa\n"


@pytest.fixture
def load(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Plan]:
    """Plan a file given by its text."""
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("SECRET", "hush")

    def of(text: str, name: str = "sweep.in.yaml") -> Plan:
        (root / name).write_text(text)
        return load_plan(root / name, root, "local")

    return of


@pytest.fixture
def refused(load: Callable[[str], Plan]) -> Callable[[str], list[str]]:
    """Return the lines that a file is refused with, its name left off."""

    def of(text: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(text)
        return [line.removeprefix("sweep.in.yaml:") for line in str(caught.value).splitlines()]

    return of


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ('"1,2,5"', ["1", "2", "5"]),
        ('"[1-3]"', ["1", "2", "3"]),
        ('"[1-2,5]"', ["1", "2", "5"]),
        ('"a[0-2]"', ["a0", "a1", "a2"]),
        ('"[001-003]"', ["001", "002", "003"]),
        ('"[0-1][0-1]"', ["00", "01", "10", "11"]),
        ('"0.1,0.01"', ["0.1", "0.01"]),
        ('"1e-3,1e-4"', ["1e-3", "1e-4"]),
        ("[1,2]", ["1", "2"]),
        ('["1,2", "[3-4]"]', ["1,2", "[3-4]"]),
        ("5", ["5"]),
        ("0.1", ["0.1"]),
        ("True", ["True"]),
        ('"1-3"', ["1-3"]),
        ('"1,1,2"', ["1", "2"]),
        ('"[1-2],[2-3]"', ["1", "2", "3"]),
        ('"x,,y"', ["x", "y"]),
        ('",x,"', ["x"]),
    ],
)
def test_values_are_counted_as_cloudmesh_counts_them(
    load: Callable[[str], Plan], written: str, values: list[str]
) -> None:
    assert load(f"experiment: {{k: {written}}}").axes == {"k": values}


def test_every_key_is_crossed(load: Callable[[str], Plan]) -> None:
    plan = load("experiment: {epoch: '1,30,60', gpu: 'a100,v100', repeat: '[1-5]'}")
    assert len(plan.experiments) == 3 * 2 * 5
    assert plan.experiments[0].axes == {"epoch": "1", "gpu": "a100", "repeat": 1}
    assert (plan.study, plan.title, plan.application.name) == ("sweep", "sweep", "")


def test_a_known_application_gives_keys_their_types(load: Callable[[str], Plan]) -> None:
    plan = load("application: {name: sums}\nexperiment: {n: '1,5', rate: 0.5, mem_mb: '100,200', node: 'a,b', host: x}")
    assert plan.axes == {"count": [1, 5], "rate": [0.5], "mem_mb": [100, 200], "node": ["a", "b"], "host": ["x"]}
    assert plan.warnings == ["sweep.in.yaml:2:13: sums has no such parameters: node, host are free text; " + HINT]
    assert load("application: sums\nexperiment: {count: 1}").warnings == []


@pytest.mark.parametrize(("one", "several"), [("2", "1,2"), ('["2"]', '["1", "2"]'), ("[2-2]", "[1-2]")])
@pytest.mark.parametrize("key", ["count", "repeat", "mem_mb", "rate"])
def test_one_value_in_quotes_is_read_like_several(
    load: Callable[[str], Plan], key: str, one: str, several: str
) -> None:
    for written, values in ((one, [2]), (several, [1, 2])):
        text = written if written.startswith('["') else f'"{written}"'
        assert load(f"application: sums\nexperiment: {{{key}: {text}}}").axes == {key: values}


@pytest.mark.parametrize("text", ["007", "1.10", "off", "null", "1e3"])
def test_a_text_in_quotes_stays_one_where_a_text_is_wanted(load: Callable[[str], Plan], text: str) -> None:
    for written in (f"'{text}'", f"['{text}']"):
        assert load(f"application: sums\nexperiment: {{label: {written}, k: {written}}}").axes == {
            "label": [text],
            "k": [text],
        }


def test_what_cloudmesh_drops_is_said(load: Callable[[str], Plan]) -> None:
    plan = load("application: sums\nexperiment: {count: '1,1,2', rate: '1,,2'}")
    assert plan.warnings == [
        "sweep.in.yaml:2:21: 'experiment.count' has '1' more than once; as in Cloudmesh that adds nothing",
        "sweep.in.yaml:2:36: 'experiment.rate' has an empty part; as in Cloudmesh that adds nothing",
    ]


def test_a_number_of_gpus_is_no_model(load: Callable[[str], Plan]) -> None:
    assert load("application: sums\nexperiment: {gpu: 1}").warnings == [
        "sweep.in.yaml:2:19: 'experiment.gpu' is the model of a GPU here, and 1 is hardly one"
    ]


def test_references_are_filled_in(load: Callable[[str], Plan]) -> None:
    plan = load(
        "application: {name: sums}\n"
        "paths: {scratch: '/scratch/{os.USER}', data: '{paths.scratch}/{application.name}', rates: '1,2', n: 7}\n"
        "experiment: {label: '{paths.data}', rate: '{paths.rates}', count: '{paths.n}', order: ['up']}\n"
        "identifier: '{experiment.card_name}_{ee.identifier}_{cloudmesh.x}_{os.HIDDEN}'\n"
    )
    assert plan.axes == {"label": ["/scratch/ada/sums"], "rate": [1, 2], "count": [7], "order": ["up"]}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("experiment: {k: ''}", ["1:17: 'experiment.k' has no value: an axis needs at least one"]),
        ("experiment: {k: []}", ["1:17: 'experiment.k' has no value: an axis needs at least one"]),
        ("experiment: {k: null}", ["1:17: 'experiment.k' must be a text, not null"]),
        ("experiment: {}", ["1:13: 'experiment' must be a map of what is varied, not an empty one"]),
        ("experiment: 3", ["1:13: 'experiment' must be a map of what is varied, not 3"]),
        ("experiment: {k: [1, 1, 2]}", ["1:21: 'experiment.k' has the value '1' twice"]),
        (
            "experiment: {k: '[3-1]', l: '[1-3'}",
            [
                f"1:17: 'experiment.k' has the span 3-1, which runs backwards {LIST}",
                f"1:29: 'experiment.l' has a '[' without its ']' {LIST}",
            ],
        ),
        (
            "data: {dir: x}\nexperiment: {k: '{data.dri}'}",
            ["2:17: '{data.dri}': there is no key 'data.dri'; did you mean 'data.dir'?"],
        ),
        ("data: {dir: x}\nexperiment: {k: '{data}'}", ["2:17: '{data}' is a map: name one of its keys"]),
        ("data: [1]\nexperiment: {k: '{data}'}", ["2:17: '{data}' is a list: it has no one value"]),
        ("a: '{b}'\nb: '{a}'\nexperiment: {k: '{a}'}", ["2:4: 'a' refers to itself: a -> b -> a"]),
        ("a: '{a}'\nexperiment: {k: 1}", ["1:4: 'a' refers to itself: a -> a"]),
        ("a: ['{c}']\nbc: 1\nexperiment: {k: 1}", ["1:5: '{c}': there is no key 'c'; did you mean 'bc'?"]),
        (
            "experiment: {k: '1,2', l: '{experiment.k}'}",
            ["1:27: '{experiment.k}' has 2 values: only one can be used here"],
        ),
        (
            "experiment: {k: '{ee.identifier}'}",
            ["1:17: '{ee.identifier}' is set by Cloudmesh itself and has no value here"],
        ),
        (
            "experiment: {k: '{os.SECRET}'}",
            ["1:17: '{os.SECRET}': the environment variable 'SECRET' is not read; did you mean 'SCRATCH'? " + ALLOWED],
        ),
        (
            "experiment: {runtime: '6:00:00'}",
            ["1:23: 'experiment.runtime' must be a whole number of at least 1, in min, not '6:00:00'"],
        ),
    ],
)
def test_mistakes_are_said_where_they_are(refused: Callable[[str], list[str]], text: str, lines: list[str]) -> None:
    assert refused(text) == lines


def test_a_variable_that_is_not_set_is_an_error() -> None:
    problems: list[Problem] = []
    node = parse_yaml("{k: '{os.USER}', l: '{os.MINE}'}", Path("a.yaml"))
    found = References(node, Path("a.yaml"), problems, allowed=["MINE"], environment={"MINE": "x"}).filled(node)
    assert found.entries["l"].value == "x"
    assert list(map(str, problems)) == ["a.yaml:1:5: '{os.USER}': the environment has no variable 'USER'"]


def test_references_cannot_grow_without_bound(refused: Callable[[str], list[str]]) -> None:
    lines = refused(f"{ENDLESS}experiment: {{k: '{{k0}}'}}")
    assert all(line.endswith("has more than 10000 characters with its references filled in") for line in lines)


def test_a_file_that_names_no_application_can_be_planned_and_not_run(load: Callable[[str], Plan], root: Path) -> None:
    plan = load("application: {name: unheard-of}\nexperiment: {k: '1,2', repeat: '1,2'}")
    assert len(plan.experiments) == 4
    (root / "config").mkdir()
    (root / "config/machines.yaml").write_text("local: {kind: local}\n")
    for use in (check_can_run, lambda plan: export(plan, root / "out", root)):
        with pytest.raises(InputError, match=r"cannot|`fairmesh import .*sweep.in.yaml` makes an application of it"):
            use(plan)
    assert not (root / "out").exists()


def test_diff_compares_it_with_a_study(
    load: Callable[[str], Plan], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("application: {name: ./sums}\nexperiment: {count: '1,2'}")
    (root / "study.yaml").write_text("study: sweep\napplication: ./sums\nparameters: {count: [1, 2, 3]}\n")
    assert cli.main(["diff", "sweep.in.yaml", "./study.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == ["+ count=3", "1 added, 0 removed, 0 changed, 2 equal"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("config-rivanna.in.yaml", "config-rivanna"),
        ("a b/c d.yml", "c-d"),
        (".yaml", "study"),
        ("-é-.yaml", "study"),
        ("stages.yaml", "stages-study"),
        (f"{'x' * 200}.yaml", "x" * 100),
    ],
)
def test_a_study_is_named_after_its_file(file: str, name: str) -> None:
    assert study_name(Path(file)) == name


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text("ab,[]-:{}. 12é'\n", max_size=12)
) | st.sampled_from(["{a}", "{a.b}", "{experiment.k}", "{os.USER}", "{os.X}", "{ee.x}", "1,2", "[1-3]", "${HOME}"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé.", max_size=4), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["k", "l", "gpu", "repeat", "mem_mb", "count", "zip", "product", "é", ""])


@given(st.dictionaries(keys, values, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "application"]), values))
def test_no_file_gives_a_traceback(block: dict[str, object], rest: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_text(dump_yaml({**rest, "experiment": block}))
        try:
            assert len(load_plan(path, Path(folder), "local")) > 0
        except InputError as error:
            lines = str(error).splitlines()
            assert lines
            assert all("a.yaml:" in line for line in lines), lines

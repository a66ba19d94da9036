"""The JSON Schemas take what fairmesh takes, and refuse with it what can be told without the application."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fairmesh.errors import InputError
from fairmesh.reference import FILES, editor_schema
from fairmesh.reference.models import model_schema, parts
from fairmesh.reference.schemas import SCHEMAS, json_text
from fairmesh.schema import load_yaml
from fairmesh.study import load_plan
from fairmesh.study.machines import load_machines
from fairmesh.study.settings import load_config
from fairmesh.study.validation import load_application
from fairmesh.study.values import FRAMEWORK_AXES

ROOT = Path(__file__).parents[2]
SUMS = ROOT / "tests" / "study" / "data" / "sums"
APPLICATIONS = [
    path
    for pattern in ("*/application.yaml", "examples/**/application.yaml", "tests/**/application.yaml")
    for path in sorted(ROOT.glob(pattern))
]
STUDIES = sorted({*ROOT.glob("config/studies/*.yaml"), *ROOT.glob("examples/*/*.yaml")} - {*APPLICATIONS})
SHIPPED = [
    *(("study", path) for path in STUDIES if "study:" in path.read_text(encoding="utf-8")),
    *(("application", path) for path in APPLICATIONS),
    ("machines", ROOT / "config" / "machines.yaml"),
    ("config", ROOT / "config" / "config.yaml"),
]
LOADERS: dict[str, Callable[[Path], object]] = {
    "study": lambda path: load_plan(path, path.parent, "local"),
    "application": load_application,
    "machines": load_machines,
    "config": load_config,
}
HEADS = {
    "study": "study: study\napplication: sums\n",
    "application": "name: a\nversion: 1\n",
    "machines": "",
    "config": "study: quick\n",
}


def mistakes(name: str, path: Path) -> list[str]:
    validator = Draft202012Validator(editor_schema(name))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(load_yaml(path).plain())]


def written(folder: Path, name: str, text: str) -> Path:
    shutil.copytree(SUMS, folder / "sums")
    path = folder / f"{name}.yaml"
    path.write_text(HEADS[name] + text)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_as_its_model_has_it_now(name: str) -> None:
    committed = (ROOT / SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == json_text(editor_schema(name)), "run `make docs`"


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one_that_says_what_it_is(name: str) -> None:
    schema = editor_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{name}.schema.json"
    assert schema["title"] == FILES[name][0]
    assert schema["description"]


@pytest.mark.parametrize("name", FILES)
def test_every_key_has_a_sentence_that_says_what_it_means(name: str) -> None:
    for part in parts(model_schema(FILES[name][1])):
        for key, value in part.get("properties", {}).items():
            assert value.get("description", "").endswith("."), f"{part['title']}.{key} has no meaning"


def examples(schema: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    for part in parts(schema):
        for value in part.get("properties", {}).values():
            yield from ((value, example) for example in value.get("examples", ()))


@pytest.mark.parametrize("name", FILES)
def test_the_examples_of_a_key_are_what_it_may_hold(name: str) -> None:
    schema = editor_schema(name)
    found = list(examples(schema))
    assert found
    for value, example in found:
        Draft202012Validator({"$defs": schema["$defs"], **value}).validate(example)


def test_all_resources_of_a_title_have_the_same_bounds() -> None:
    """The schema of the algebra has one axis for each title of them."""
    bounds = {
        json.dumps({key: value for key, value in axis.items() if key not in {"description", "unit"}})
        for axis in FRAMEWORK_AXES.values()
    }
    assert len(bounds) == len({axis["title"] for axis in FRAMEWORK_AXES.values()})


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_what_is_shipped_fits_its_schema(name: str, path: Path) -> None:
    assert mistakes(name, path) == []


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_editors_find_the_schema_of_what_is_shipped(name: str, path: Path) -> None:
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if "yaml-language-server" in line]
    if path.is_relative_to(ROOT / "tests"):
        return
    (line,) = found
    target = line.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / target).resolve() == ROOT / SCHEMAS / f"{name}.schema.json"


RUN = "command: [run]\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("study", "parameters: {count: [1, 2], rate: 0.1, label: [a, 1.10, on], exact: true}"),
        ("study", "parameters: {label: '1,30,60', count: '[1-5]', mem_mb: '[1-2]', gpu: 'a[0-2]'}"),
        ("study", "parameters: {count: {from: 1, to: 9, step: 2}, rate: {from: 1, to: 100, count: 3, scale: log}}"),
        ("study", "parameters: {count: [1, 2], rate: {values: '[count, 2 * count]'}, mem_mb: {values: 100 * count}}"),
        ("study", "parameters: {zip: {count: [1, 2], rate: [1, 2]}, union: [{exact: true}, {label: a}]}"),
        ("study", "parameters: {zip: [{product: [{count: 1}, {rate: [1, 2]}]}, {union: [{seed: 1}, {seed: 2}]}]}"),
        ("study", "parameters: {count: [1, 2, 3]}\nexclude: ['count == 1', {n: [2]}, {count: {matches: 9}}]"),
        ("study", "derive: {runtime: 3 * count, count: 12, _own: \"'a'\"}\ninclude: [{}, {rate: [1, 2]}]"),
        ("study", "title: 2024\nrepeat:\nmeasure: shared"),
        ("application", RUN + "parameters: {a: {type: [number, null], default: null, enum: [1, null]}}"),
        ("application", RUN + "resources: {mem_mb: '10 * 2', runtime: 5, slurm_account: 12}"),
        (
            "machines",
            "dgx: {kind: ssh, host: ada@dgx, base: $SCRATCH/a b, python: ~/bin/python3, slots: 4, rsync: true}",
        ),
        ("machines", "local: {kind: local}\ndgx: {kind: profile, gpus: {a100: {gres: 'gpu:a100:1', mem_mb: 5}}}"),
        ("config", "set: {epochs: '1,5', rate: {from: 1, to: 3, step: 1}, gpu: [a, b]}\nfirst: 3\npart: 1/2"),
    ],
)
def test_what_is_right_is_taken_by_both(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, name, text)
    LOADERS[name](path)
    assert mistakes(name, path) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("study", "repeats: 2"),
        ("study", "repeat: 0"),
        ("study", "repeat: two"),
        ("study", "measure: alone"),
        ("study", "title: [a]"),
        ("study", "machines: {each: [local], any: [local]}"),
        ("study", "machines: {each: []}"),
        ("study", "machines: {}"),
        ("study", "parameters: [count]"),
        ("study", "parameters: {count: []}"),
        ("study", "parameters: {zip: 3}"),
        ("study", "parameters: {zip: []}"),
        ("study", "parameters: {zip: {}}"),
        ("study", "parameters: {union: {count: 1}}"),
        ("study", "parameters: {union: [{count: 1}, 2]}"),
        ("study", "parameters: {product: [{zip: {count: []}}]}"),
        ("study", "parameters: {count: {from: 1, to: 5}}"),
        ("study", "parameters: {count: {from: 1, to: 5, step: 1, count: 5}}"),
        ("study", "parameters: {count: {from: 1, step: 1}}"),
        ("study", "parameters: {count: {from: 1, to: 5, stop: 1}}"),
        ("study", "parameters: {count: {from: a, to: 5, step: 1}}"),
        ("study", "parameters: {count: {from: 1, to: 5, count: 0}}"),
        ("study", "parameters: {rate: {from: 0, to: 5, count: 3, scale: log}}"),
        ("study", "parameters: {rate: {from: 1, to: 5, count: 3, scale: cubic}}"),
        ("study", "parameters: {count: {values: [1, 2]}}"),
        ("study", "parameters: {count: {values: ''}}"),
        ("study", "parameters: {mem_mb: 1GB}"),
        ("study", "parameters: {threads: [1, 0]}"),
        ("study", "parameters: {gpu: a 100}"),
        ("study", "exclude: {count: 1}"),
        ("study", "exclude: [3]"),
        ("study", "exclude: [{}]"),
        ("study", "exclude: [{label: {matches: [a]}}]"),
        ("study", "include: {count: 1}"),
        ("study", "include: [3]"),
        ("study", "derive: [a]"),
        ("study", "derive: {_a: [1]}"),
        ("application", ""),
        ("application", RUN + "stages: {a: {command: [run]}}"),
        ("application", "command: run"),
        ("application", "command: []"),
        ("application", "stages: {}"),
        ("application", "stages: {Big: {command: [run]}}"),
        ("application", "stages: {a: {uses: [b]}}"),
        ("application", RUN + "parameters: {a-b: {type: integer}}"),
        ("application", RUN + "parameters: {a: {type: int}}"),
        ("application", RUN + "parameters: {a: {default: 1}}"),
        ("application", RUN + "parameters: {a: {type: integer, enum: []}}"),
        ("application", RUN + "metrics: {a: {better: more}}"),
        ("application", RUN + "metrics: {a: {tolerance: -1}}"),
        ("application", RUN + "resources: {mem: 5}"),
        ("application", RUN + "resources: {mem_mb: 0}"),
        ("application", RUN + "resources: {qos: a b}"),
        ("application", RUN + "authors: [Ada]"),
        ("machines", "local: {}"),
        ("machines", "local: {kind: locl}"),
        ("machines", "a/b: {kind: local}"),
        ("machines", "local: {kind: local, slots: 2}"),
        ("machines", "dgx: {kind: ssh}"),
        ("machines", "dgx: {kind: ssh, host: -v}"),
        ("machines", "dgx: {kind: ssh, host: dgx, base: folder}"),
        ("machines", "dgx: {kind: ssh, host: dgx, python: python3 -c}"),
        ("machines", "dgx: {kind: profile, host: dgx}"),
        ("machines", "local: {kind: local, gpus: {a100: {mem: 5}}}"),
        ("machines", "local: {kind: local, gpus: {a100: {mem_mb: '10 * 2'}}}"),
        ("config", "resluts: a"),
        ("config", "machine: ../a"),
        ("config", "first: 0"),
        ("config", "set: epochs"),
        ("config", "wait: often"),
        ("config", "publisher: {authors: [{orcid: 1}]}"),
    ],
)
def test_what_is_wrong_is_refused_by_both(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(InputError):
        LOADERS[name](path)
    assert mistakes(name, path) != []


def test_a_file_needs_what_is_required(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    for text in ("study: a", "application: a", "study: stages\napplication: a", "study: ../a\napplication: a", "[]"):
        path.write_text(text)
        assert mistakes("study", path), text

"""Parameters are checked against application.yaml, which the framework reads too."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cloudmask import __version__
from cloudmask.__main__ import _parser
from cloudmask.errors import InputError
from cloudmask.scoring import results as tables
from cloudmask.scoring.metrics import OF_MASKS, OF_PROBABILITIES
from cloudmask.settings import APPLICATION, Settings, read_settings
from fairmesh.study import load_plan
from fairmesh.study.validation import load_application

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_what_is_left_out_takes_its_default(config: Path) -> None:
    config.write_text("epochs: 3\nlearning_rate: 1\n")
    settings = read_settings(config)
    assert (settings.epochs, settings.learning_rate, settings.width) == (3, 1, 32)


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "0.001"])
def test_a_number_may_be_written_in_any_form(config: Path, text: str) -> None:
    config.write_text(f"learning_rate: {text}\n")
    assert read_settings(config).learning_rate == 0.001


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("widht: 8", "unknown parameter 'widht'; did you mean 'width'?"),
        ("width: eight", "width: 'eight': must be of type integer"),
        ("width: true", "width: True: must be of type integer"),
        ("width: 1.5", "width: 1.5: must be of type integer"),
        ("width: 0", "width: 0: must be at least 1"),
        ("epochs: 0", "epochs: 0: must be at least 1"),
        ("patience: -1", "patience: -1: must be at least 0"),
        ("seed: 4294967296", "seed: 4294967296: must be at most 4294967295"),
        ("depth: 7", "depth: 7: must be at most 6"),
        ("precision: half", "precision: 'half': must be one of auto, float32, mixed_bfloat16, mixed_float16"),
        ("loss: mse", "loss: 'mse': must be one of cross_entropy, dice"),
        ("deterministic: 1", "deterministic: 1: must be of type boolean"),
        ("learning_rate: 0", "learning_rate: 0: must be more than 0"),
        ("learning_rate: .inf", "learning_rate: inf: must be finite"),
        ("validation: 1", "validation: 1: must be less than 1"),
        ("data: 7", "data: 7: must be of type string"),
        ("compatibility: up", "compatibility: 'up': must be one of own, upstream"),
        ("- epochs", "must be a map of parameters"),
        ("epochs: [", "not a YAML file"),
        ("\udcff", "not a YAML file"),
    ],
)
def test_a_mistake_is_one_clear_line(config: Path, text: str, said: str) -> None:
    config.write_text(text, errors="surrogateescape")
    with pytest.raises(InputError) as caught:
        read_settings(config)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{config}: ")
    assert "\n" not in str(caught.value)


def test_the_settings_are_the_declared_parameters() -> None:
    application = load_application(APPLICATION)
    assert [field.name for field in fields(Settings)] == list(application.parameters)
    assert application.version == __version__


def test_the_declared_commands_are_understood() -> None:
    for name, stage in load_application(APPLICATION).all_stages.items():
        assert stage.command[:4] == ["python", "-m", "cloudmask", name]
        assert _parser().parse_args(stage.command[3:]).verb == name


@pytest.mark.parametrize("name", ["scenes", "strata", "reliability", "roc"])
def test_the_declared_plots_name_columns_of_the_tables(name: str) -> None:
    plot = load_application(APPLICATION).tables[name].plot
    assert plot is not None
    assert {plot.x, plot.y} <= set(getattr(tables, name.upper()))


def test_every_score_is_declared_and_one_is_primary() -> None:
    declared = load_application(APPLICATION).metrics
    assert {*OF_MASKS, *OF_PROBABILITIES, "accuracy", "benchmark_accuracy", "truth_accuracy"} <= set(declared)
    assert [name for name, metric in declared.items() if metric.primary] == ["accuracy"]
    assert all(metric.title and metric.unit and metric.better and metric.description for metric in declared.values())


def test_the_quick_study_is_small_and_repeats_each_point() -> None:
    plan = load_plan("quick", ROOT, "local")
    assert len(plan.experiments) >= 8
    assert {experiment.parameters["width"] for experiment in plan.experiments} == {8}
    assert len({experiment.parameters["seed"] for experiment in plan.experiments}) == 2
    assert len({tuple(experiment.stages.values()) for experiment in plan.experiments}) == 1

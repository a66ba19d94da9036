"""The configuration and the machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study.machines import load_machines
from fairmesh.study.settings import load_config


def test_what_is_not_given_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("study: quick\n")
    config = load_config(tmp_path / "config.yaml")
    assert (config.study, config.results, config.site, config.machine) == (
        "quick",
        "results",
        "site/public",
        "local",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wait: often", "'wait' must be true or false, not 'often'"),
        ("first: 0", "'first' must be a whole number of at least 1, not 0"),
        ("set: epochs", "'set' must be a map, not 'epochs'"),
    ],
)
def test_a_slice_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(f"study: quick\n{text}\n")
    with pytest.raises(InputError, match=f"config.yaml:2:.*{message}"):
        load_config(tmp_path / "config.yaml")


def test_machines_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "machines.yaml").write_text("local: {kind: local}\ndgx: {kind: profile, scheduler: slurm}\n")
    machines = load_machines(tmp_path / "machines.yaml")
    assert [(name, machine.kind) for name, machine in machines.items()] == [
        ("local", "local"),
        ("dgx", "profile"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sge_extra", "-l gpu=1,gpu_card=a100 -R y"),
        ("sge_queue", "day.q,night.q"),
        ("slurm_partition", "day,night"),
        ("gres", "gpu:a100:1,shard:2"),
        ("clusters", "north,south"),
    ],
)
def test_lists_and_options_can_be_asked_for(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / "machines.yaml"
    file.write_text(f"local: {{kind: local}}\ndgx: {{kind: profile, gpus: {{a100: {{{name}: '{text}'}}}}}}\n")
    assert load_machines(file)["dgx"].gpus["a100"] == {name: text}


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ("{kind: profile, host: nowhere}", "1:22: 'dgx.host' is for machines of kind ssh, not profile"),
        ("{kind: ssh}", "1:6: 'dgx.host' is missing; a machine of kind ssh needs it"),
        ("{kind: ssh, host: -oProxyCommand=x}", "1:24: 'dgx.host' must be"),
        ("{kind: ssh, host: a, python: 'x;y'}", "1:35: 'dgx.python' must be"),
    ],
)
def test_keys_that_do_not_fit_the_kind_are_errors(tmp_path: Path, machine: str, message: str) -> None:
    (tmp_path / "machines.yaml").write_text(f"dgx: {machine}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        load_machines(tmp_path / "machines.yaml")


def test_a_mistake_in_a_machine_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "machines.yaml").write_text("local: {kind: locl}\n")
    message = r"machines.yaml:1:15: 'local.kind' must be 'local', 'profile', 'ssh' or 'cloud', not 'locl'; did you"
    with pytest.raises(InputError, match=message):
        load_machines(tmp_path / "machines.yaml")


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ("{slurm_partion: x}", "unknown resource 'dgx.resources.slurm_partion'; did you mean 'slurm_partition'"),
        ("{mem_mb: much}", "'dgx.resources.mem_mb' must be a whole number of at least 1, in MB, not 'much'"),
        ("{slurm_account: 'a; reboot'}", "'dgx.resources.slurm_account' must be a text of letters"),
        ("{sge_extra: '-l h=`id`'}", "'dgx.resources.sge_extra' must be a text of letters"),
        ("{gpu_model: 'a100,v100'}", "'dgx.resources.gpu_model' must be a text of letters"),
    ],
)
def test_what_a_machine_asks_for_is_checked(tmp_path: Path, resources: str, message: str) -> None:
    (tmp_path / "machines.yaml").write_text(f"local: {{kind: local}}\ndgx: {{kind: profile, resources: {resources}}}\n")
    with pytest.raises(InputError) as error:
        load_machines(tmp_path / "machines.yaml")
    assert message in str(error.value)
    assert "machines.yaml:2:" in str(error.value)


def test_the_old_name_of_a_key_is_read_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "machines.yaml"
    path.write_text("slurm: {kind: profile, scheduler: slurm, impossible: wait}\n")
    assert load_machines(path)["slurm"].unsatisfiable_jobs == "wait"
    assert "'slurm.impossible' is now 'unsatisfiable_jobs'" in capsys.readouterr().err

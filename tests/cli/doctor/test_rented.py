"""Findings of rented machines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fairmesh.cli.doctor.base import FAIL, OK, WARN, CheckedProject
from fairmesh.cli.doctor.rented import checks, findings
from fairmesh.machines.leaks import Survey
from fairmesh.machines.providers import Instance
from fairmesh.machines.providers.base import HOME, RUNNING
from fairmesh.schema import dump_yaml
from fairmesh.study.machines import Machine

MACHINE = Machine(kind="local")
ONE = Instance("i-1", "10.0.0.1", 22, RUNNING, {HOME: "other-0123abcd"})


@pytest.mark.parametrize(
    ("values", "level", "text", "advice"),
    [
        ({"problem": "no answer"}, FAIL, "the provider does not answer: no answer", "check its console by hand"),
        ({"unused": [ONE]}, FAIL, "1 instance that no run uses: i-1", "fairmesh machines down aws"),
        ({"pending": ["x"]}, WARN, "1 request without an answer", "in two minutes: fairmesh machines down aws"),
        ({"others": [ONE]}, WARN, "of another results folder: i-1", "fairmesh machines down aws --of other-0123abcd"),
        ({"used": [ONE]}, OK, "1 instance in use", ""),
        ({"is_list_proven": True}, OK, "no instance in the list; it has shown earlier ones, so it works", ""),
        ({}, OK, "no instance in the list; it has not shown one yet, which would prove that the list works", ""),
    ],
)
def test_each_state_has_its_finding(values: dict[str, Any], level: str, text: str, advice: str) -> None:
    finding = next(findings(Survey("aws", MACHINE, **values)))
    assert (finding.level, finding.topic) == (level, "rented aws")
    assert text in finding.message
    assert advice in finding.advice


def test_the_provider_of_each_rented_machine_is_asked(tmp_path: Path) -> None:
    tags = {HOME: "other-0123abcd", "fairmesh-machine": "lab"}
    listed = json.dumps([{"id": "vm-1", "address": "10.0.0.1", "state": "running", "tags": tags}])
    commands = {"create": ["false"], "list": [sys.executable, "-c", f"print({listed!r})"], "destroy": ["false"]}
    machines = {"local": {"kind": "local"}, "lab": {"kind": "cloud", "provider": commands}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n")
    (tmp_path / "config/machines.yaml").write_text(dump_yaml(machines))
    found = list(checks(CheckedProject.of(tmp_path, "local")))
    assert [finding.level for finding in found] == [WARN, OK]
    assert found[0].message == "of another results folder: vm-1"


def test_without_rented_machines_there_is_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n")
    assert list(checks(CheckedProject.of(tmp_path, "local"))) == []

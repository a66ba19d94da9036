"""Settings of rented machines in machines.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.machines.costs import allowed_hours, cost
from fairmesh.study.machines import load_machines

EC2 = "provider: {libcloud: ec2, size: m7i.large, image: ami-1, region: eu-central-1}"
COMMANDS = "provider: {create: [./create], list: [./list], destroy: [./destroy]}"


def load(folder: Path, text: str) -> dict[str, object]:
    path = folder / "machines.yaml"
    path.write_text(text)
    return dict(load_machines(path))


@pytest.mark.parametrize("provider", [EC2, COMMANDS])
def test_a_rented_machine_is_remote(tmp_path: Path, provider: str) -> None:
    path = tmp_path / "machines.yaml"
    path.write_text(f"aws: {{kind: cloud, {provider}, instances: 2, price: 0.1, budget: {{money: 5}}}}\n")
    machine = load_machines(path)["aws"]
    assert machine.is_remote
    assert allowed_hours(machine) == pytest.approx(50)
    assert cost(7200, machine) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: cloud", "'aws.provider' is missing; a machine of kind cloud needs it"),
        ("kind: cloud, provider: {libcloud: ec2}", "'aws.provider' lacks size, image: needs libcloud, size, image, or"),
        ("kind: cloud, provider: {create: [a]}", "'aws.provider' lacks list, destroy"),
        (f"kind: cloud, {EC2[:-1]}, create: [a]}}", "'aws.provider' has both `libcloud` and commands"),
        (f"kind: cloud, {EC2[:-1]}, driver: {{secret: x}}}}", "must not contain 'secret': credentials belong into"),
        (f"kind: cloud, {EC2}, budget: {{}}", "'aws.budget' needs 'hours' or 'money'"),
        (f"kind: cloud, {EC2}, budget: {{money: 3}}", "'aws.price' is missing; a budget of money needs it"),
        (f"kind: cloud, {EC2}, user: 'a; b'", "'aws.user'"),
        (f"kind: cloud, {EC2}, host: a", "'aws.host' is for machines of kind ssh, not cloud"),
        (f"kind: local, {EC2}", "'aws.provider' is for machines of kind cloud, not local"),
        ("kind: cloud, provider: {libcloud: ec3, size: a, image: b}", "did you mean 'ec2'?"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, f"aws: {{{text}}}\n")
    assert message in str(caught.value)
    assert "machines.yaml:1:" in str(caught.value)

"""Mistakes in machines.yaml have a place and a remedy, and nothing in it can be an option or a shell's text."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study.machines import load_machines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {kind: ssh}", "1:4: 'a.host' is missing; a machine of kind ssh needs it"),
        ("a: {kind: ssh, hsot: x}", "1:16: unknown key 'a.hsot'; did you mean 'host'?"),
        ("a: {kind: ssh, host: -oProxyCommand=x}", "1:22: 'a.host' must be HOST or USER@HOST"),
        ("a: {kind: ssh, host: -v@x}", "1:22: 'a.host' must be HOST or USER@HOST"),
        ("a: {kind: ssh, host: x@-v}", "1:22: 'a.host' must be HOST or USER@HOST"),
        ("a: {kind: ssh, host: 'x y'}", "1:22: 'a.host' must be HOST or USER@HOST"),
        ("a: {kind: ssh, host: 'x;id'}", "1:22: 'a.host' must be HOST or USER@HOST"),
        ("a: {kind: ssh, host: x, python: 'python3; id'}", "1:33: 'a.python' must be a name or a path"),
        ("a: {kind: ssh, host: x, python: -c}", "1:33: 'a.python' must be a name or a path"),
        ("a: {kind: ssh, host: x, base: folder}", "1:31: 'a.base' must be an absolute path, or a text that begins"),
        ('a: {kind: ssh, host: x, base: "/a\\nb"}', "1:31: 'a.base' must be an absolute path"),
        ("a: {kind: ssh, host: x, slots: 0}", "1:32: 'a.slots' must be a whole number of at least 1, not 0"),
        ("a: {kind: local, slots: 2}", "1:18: 'a.slots' is for machines of kind ssh or cloud, not local"),
        (
            "a: {kind: ssh, host: x, user: b}",
            "1:25: 'a.user' is for machines of kind cloud, not ssh; write `host: U",
        ),
        (
            "a: {kind: ssh, host: 'x:22'}",
            "1:22: 'a.host' must be HOST or USER@HOST of letters, digits, '.', '_' and '-' (a port",
        ),
        (
            "a: {kind: ssh, host: x, port: 22}",
            "1:25: unknown key 'a.port'; `Port` belongs into ~/.ssh/config, or the file",
        ),
        (
            "a: {kind: ssh, host: x, identity_file: y}",
            "1:25: unknown key 'a.identity_file'; `IdentityFile` belongs into",
        ),
        ("a: {kind: profile, host: x}", "1:20: 'a.host' is for machines of kind ssh, not profile"),
        ("a: {kind: shs, host: x}", "1:11: 'a.kind' must be 'local', 'profile', 'ssh' or 'cloud', not 'shs'"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "machines.yaml"
    path.write_text(f"{text}\n")
    with pytest.raises(InputError) as caught:
        load_machines(path)
    assert str(caught.value).startswith(f"{path}:{message}")


@pytest.mark.parametrize("host", ["dgx", "ada@dgx.example.org", "ada@project@gateway", "fe80::1", "10.0.0.1"])
@pytest.mark.parametrize("base", ["~/fairmesh", "/scratch/my folder", "$SCRATCH/fairmesh", "~ada"])
def test_what_ssh_takes_is_right(tmp_path: Path, host: str, base: str) -> None:
    path = tmp_path / "machines.yaml"
    path.write_text(f"a: {{kind: ssh, host: '{host}', base: '{base}'}}\n")
    assert load_machines(path)["a"].host == host

"""What messages of ssh mean: another try later, or something that a person must do."""

from __future__ import annotations

import pytest

from fairmesh.machines.ssh_errors import ChangedKeyError, Target, UnknownKeyError, error_of_exit
from fairmesh.machines.transport import RefusedError, UnreachableError

TARGET = Target("dgx", "ada@dgx.example.org", "python3")


@pytest.mark.parametrize(
    "output",
    [
        "ssh: connect to host 10.0.0.1 port 22: Connection refused",
        "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
        "ssh: connect to host 10.0.0.1 port 22: No route to host",
        "ssh: Could not resolve hostname dgx: Name or service not known",
        "kex_exchange_identification: read: Connection reset by peer; Connection reset by 10.0.0.1 port 22",
        "kex_exchange_identification: Connection closed by remote host",
        "Timeout, server 10.0.0.1 not responding.",
        "client_loop: send disconnect: Broken pipe",
        "mux_client_request_session: read from master failed: Broken pipe",
        "",
    ],
)
def test_a_broken_connection_may_be_mended_by_time(output: str) -> None:
    error = error_of_exit(TARGET, 255, output)
    assert type(error) is UnreachableError
    assert str(error).startswith("dgx cannot be reached: ")


@pytest.mark.parametrize(
    ("output", "kind", "advice"),
    [
        (
            "No ED25519 host key is known for dgx and you have requested strict checking.",
            UnknownKeyError,
            "fairmesh machines trust dgx",
        ),
        (
            "Host key for dgx has changed and you have requested strict checking.; Host key verification failed.",
            ChangedKeyError,
            "another computer may answer",
        ),
        ("ED25519 host key for dgx was revoked.; revoked host key", ChangedKeyError, "another computer may answer"),
        (
            "Host key verification failed.; kex_exchange_identification: Connection closed by remote host",
            RefusedError,
            "jump host",
        ),
        ("ada@dgx: Permission denied (publickey).", RefusedError, "ssh-add"),
        ("ada@dgx: Permission denied (publickey,keyboard-interactive).", RefusedError, "fairmesh machines connect dgx"),
        ("Received disconnect from 10.0.0.1: Too many authentication failures", RefusedError, "ssh-add"),
        ("/home/ada/.ssh/config: line 3: Bad configuration option: hots", RefusedError, "configuration of ssh"),
        ("Unable to negotiate: no matching host key type found. Their offer: ssh-dss", RefusedError, "no algorithm"),
    ],
)
def test_what_a_person_must_do_is_said(output: str, kind: type[RefusedError], advice: str) -> None:
    error = error_of_exit(TARGET, 255, output)
    assert type(error) is kind
    assert str(error).startswith("dgx: ")
    assert advice in str(error)


@pytest.mark.parametrize("status", [126, 127])
def test_a_missing_python_is_named(status: int) -> None:
    error = error_of_exit(TARGET, status, "sh: 1: exec: python3: not found")
    assert isinstance(error, RefusedError)
    assert "set `python` in machines.yaml" in str(error)


def test_a_program_that_is_no_python_is_named() -> None:
    error = error_of_exit(TARGET, 0, "")
    assert isinstance(error, RefusedError)
    assert "ended without an answer; set `python` in machines.yaml" in str(error)


def test_a_killed_program_may_be_started_again() -> None:
    assert type(error_of_exit(TARGET, 137, "Killed")) is UnreachableError


def test_a_message_cannot_steer_the_terminal_or_fill_it() -> None:
    text = str(error_of_exit(TARGET, 255, "\x1b[31mred\x07" + "x" * 10_000 + "{name}{0}"))
    assert text.isprintable()
    assert len(text) < 1200

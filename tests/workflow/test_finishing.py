"""The hook at the end of a run, against a real server on the loopback and real commands."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fairmesh.errors import InputError
from fairmesh.study.settings import Finish, load_config
from fairmesh.workflow import finishing
from fairmesh.workflow.finishing import Hook

SUMMARY = {"study": "sweep", "state": "done", "text": "größer"}
SECRET = "s3cret-of-the-hook"  # noqa: S105  what no line may show


@dataclass
class Ear:
    """A server that writes down what it hears, and answers as it is told."""

    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answer: int = 204
    location: str = ""
    drip: bool = False
    url: str = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the handler of requests."""
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((self.path, dict(self.headers), body))
                if ear.drip:
                    with suppress(OSError):
                        for _ in range(50):
                            self.wfile.write(b"H")
                            time.sleep(0.1)
                    return
                self.send_response(ear.answer)
                if ear.location:
                    self.send_header("Location", ear.location)
                self.end_headers()

            do_GET = do_POST  # noqa: N815  the library's word

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    """Yield a server that listens."""
    monkeypatch.setenv("no_proxy", "*")
    made = Ear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), made.handler())
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


def call(exit_code: int = 0, environment: dict[str, str] | None = None, **finish: Any) -> None:
    Hook(Finish(**finish), environment or {}).call(exit_code, lambda: SUMMARY)


def test_the_webhook_gets_the_summary_and_the_secret_of_a_variable(
    ear: Ear, capsys: pytest.CaptureFixture[str]
) -> None:
    header = {"Authorization": "Bearer $HOOK_TOKEN"}
    call(webhook=f"{ear.url}/hook?a=b", header=header, environment={"HOOK_TOKEN": SECRET})
    ((path, headers, body),) = ear.heard
    assert (path, json.loads(body)) == ("/hook?a=b", SUMMARY)
    assert (headers["Authorization"], headers["Content-Type"]) == (f"Bearer {SECRET}", "application/json")
    assert capsys.readouterr() == ("", "")


def test_the_whole_address_may_come_from_a_variable(ear: Ear) -> None:
    call(webhook="$HOOK", environment={"HOOK": f"{ear.url}/{SECRET}"})
    assert ear.heard[0][0] == f"/{SECRET}"


def test_the_command_reads_the_summary_and_no_shell_reads_the_command(tmp_path: Path) -> None:
    heard = tmp_path / "heard $(touch x); `id`"
    code = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    call(command=[sys.executable, "-c", code, str(heard)])
    assert json.loads(heard.read_bytes()) == SUMMARY


@pytest.mark.parametrize(("when", "exit_code", "calls"), [("always", 0, 1), ("failure", 0, 0), ("failure", 1, 1)])
def test_it_is_called_when_it_is_wanted(ear: Ear, when: str, exit_code: int, calls: int) -> None:
    call(exit_code, webhook=ear.url, when=when)
    assert len(ear.heard) == calls


@pytest.mark.parametrize(
    ("answer", "location", "line"),
    [
        (500, "", "answered 500"),
        (404, "", "answered 404"),
        (302, "file:///etc/passwd", "answered 302; redirects are not followed"),
        (307, "/again", "answered 307; redirects are not followed"),
        (303, "/again", "answered 303; redirects are not followed"),
    ],
)
def test_a_bad_answer_is_one_line(
    ear: Ear, answer: int, location: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ear.answer, ear.location = answer, location
    call(webhook=f"{ear.url}/{SECRET}", header={"X-Key": SECRET})
    assert len(ear.heard) == 1
    assert capsys.readouterr().err == f"warning: finish: webhook on {ear.url.removeprefix('http://')}: {line}\n"


def test_a_server_that_never_ends_its_answer_is_left(
    ear: Ear, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finishing, "ANSWER", 0.3)
    ear.drip = True
    call(webhook=ear.url)
    assert "no answer within" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("finish", "environment", "line"),
    [
        ({"webhook": "http://127.0.0.1:9/" + SECRET}, {}, "webhook on 127.0.0.1:9: Connection refused"),
        ({"webhook": "$HOOK"}, {}, "webhook: the variable HOOK is not set"),
        ({"webhook": "$HOOK"}, {"HOOK": "file:///etc/passwd"}, "must begin with https:// or http://"),
        ({"webhook": "$HOOK"}, {"HOOK": f"https://me:{SECRET}@example.org"}, "and name a host alone"),
        (
            {"webhook": "http://127.0.0.1:9", "header": {"X-Key": "$KEY"}},
            {"KEY": f"{SECRET}\r\nHost: evil"},
            "header 'X-Key' cannot be sent",
        ),
        ({"webhook": "http://127.0.0.1:9", "header": {"X-Key": "$KEY"}}, {}, "header X-Key: the variable KEY is not"),
        ({"command": ["/no/such/program"]}, {}, "/no/such/program: No such file or directory"),
        ({"command": ["sh", "-c", "exit 3"]}, {}, "sh ended with status 3"),
    ],
)
def test_what_goes_wrong_is_one_line_without_a_secret(
    finish: dict[str, Any], environment: dict[str, str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call(environment=environment, **finish)
    said = capsys.readouterr().err
    assert said.startswith("warning: finish: ")
    assert line in said
    assert said.count("\n") == 1
    assert SECRET not in said


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(finishing, "PATIENCE", 0.2)
    call(command=["sleep", "60"])
    assert "sleep did not end within" in capsys.readouterr().err


def test_one_that_fails_does_not_keep_the_other_from_hearing(ear: Ear) -> None:
    call(command=["false"], webhook=ear.url)
    assert len(ear.heard) == 1


def test_a_summary_that_cannot_be_made_is_one_line(ear: Ear, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("no plan")

    Hook(Finish(webhook=ear.url), {}).call(1, broken)
    assert capsys.readouterr().err == "warning: finish: there is no summary to send: ValueError: no plan\n"
    assert not ear.heard


def test_doubts_are_said_before_the_run() -> None:
    hook = Hook(Finish(command=["no-such-program"], webhook="$HOOK"), {})
    assert list(hook.preflight_warnings()) == [
        "finish: there is no program 'no-such-program', which is to be called at the end",
        "finish: webhook: the variable HOOK is not set",
    ]
    assert not list(Hook(Finish(command=["sh"], webhook="https://example.org"), {}).preflight_warnings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("finish: {command: notify}", "'finish.command' must be a list, not 'notify'"),
        ("finish: {webhook: 'ftp://example.org'}", "'finish.webhook' must be an address that begins with https://"),
        ("finish: {webhook: 'https://a@example.org'}", "'finish.webhook' must be an address"),
        ("finish: {header: {X: '${'}}", "'finish.header.X' must name variables as $NAME"),
        ("finish: {when: never}", "'finish.when' must be 'always' or 'failure', not 'never'"),
        ("finish: {hook: x}", "unknown key 'finish.hook'"),
    ],
)
def test_a_mistake_in_the_configuration_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"study: a\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert message in str(caught.value)

"""The link that works once: who may use it, and what its session is worth to others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from fairmesh.api import Project
from fairmesh.cli import main
from fairmesh.files import write_text
from fairmesh.monitor import app, context
from fairmesh.monitor.app import RequestFilter
from fairmesh.monitor.login import Login, connecting_user

ADDRESS = "http://127.0.0.1:8501"
NOBODY = 65534


class Peer:
    """The user whose processes connect."""

    def __init__(self) -> None:
        self.user: int | None = os.getuid()

    def __call__(self, _: Any) -> int | None:
        return self.user


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def login(peer: Peer) -> Login:
    return Login(8501, peer)


@pytest.fixture
def client(tmp_path: Path, login: Login) -> TestClient:
    async def show_cookies(scope: Any, receive: Any, send: Any) -> None:
        has_session = login.has_session(Request(scope).cookies.get(login.cookie))
        await PlainTextResponse("may steer" if has_session else "may look")(scope, receive, send)

    project = Project(tmp_path, tmp_path)
    context.use_settings(context.Settings(project, tmp_path / "token", login=login))
    return TestClient(RequestFilter(show_cookies), base_url=ADDRESS, follow_redirects=False)


def test_the_first_who_opens_the_link_may_steer(client: TestClient, login: Login) -> None:
    link = login.link(ADDRESS)
    assert client.get("/").text == "may look"
    answer = client.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.get("/").text == "may steer"
    client.cookies.clear()
    assert client.get(link).status_code == 403
    assert client.get("/").text == "may look"


@pytest.mark.parametrize("query", ["", "?key=", "?key=x", "?key=None", "?key=%00", "?key=%C3%A9", "?other=1"])
def test_no_other_link_is_taken(client: TestClient, login: Login, query: str) -> None:
    assert client.get(f"/login{query}").status_code == 403
    assert client.get(login.link(ADDRESS)).status_code == 303


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_a_page_of_another_site_cannot_open_it(client: TestClient, login: Login, headers: dict[str, str]) -> None:
    assert client.get(login.link(ADDRESS), headers=headers).status_code == 403
    assert client.get(login.link(ADDRESS)).status_code == 303


def test_a_look_at_the_headers_does_not_use_it_up(client: TestClient, login: Login) -> None:
    assert client.head(login.link(ADDRESS)).status_code == 403
    assert client.get(login.link(ADDRESS)).status_code == 303


@pytest.mark.parametrize("user", [None, NOBODY])
def test_another_user_can_use_neither_link_nor_session(
    client: TestClient, login: Login, peer: Peer, user: int | None
) -> None:
    peer.user = user
    assert client.get(login.link(ADDRESS)).status_code == 403
    peer.user = os.getuid()
    assert client.get(login.link(ADDRESS)).status_code == 303
    peer.user = user
    assert client.get("/").text == "may look"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_user_of_a_connection_is_known(address: str) -> None:
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(kind) as server, socket.socket(kind) as client:
        server.bind((address, 0))
        server.listen()
        client.connect(server.getsockname())
        scope = {"client": client.getsockname(), "server": server.getsockname()}
        assert connecting_user(scope) == os.getuid()
        assert connecting_user(scope | {"client": (address, 1)}) is None
    assert connecting_user({"client": None, "server": None}) is None


PYTHON = "/usr/bin/python3"  # another user may not be able to read the interpreter of the tests


@pytest.mark.skipif(
    os.getuid() != 0 or not Path(PYTHON).exists(), reason="only root can start a process of another user"
)
def test_a_process_of_another_user_is_known() -> None:
    code = "import socket, sys; client = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [PYTHON, "-ISc", code, str(server.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, user=NOBODY, cwd="/") as process:
            connection, client = server.accept()
            assert connecting_user({"client": client, "server": server.getsockname()}) == NOBODY
            connection.close()
            process.communicate()


@pytest.mark.parametrize(
    ("is_terminal", "options", "has_link"),
    [(True, [], True), (False, [], False), (True, ["--root-path", "/x"], False), (True, ["--name", "a.b"], False)],
)
def test_the_link_is_shown_on_a_terminal_only_and_not_behind_a_proxy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    options: list[str],
    has_link: bool,
) -> None:
    write_text(tmp_path / "config/config.yaml", "study: quick\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app.app, "run", lambda **_: None)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert main(["monitor", "--port", "8577", "--token-file", "token", *options]) == 0
    said = capsys.readouterr().err
    assert ("http://127.0.0.1:8577/login?key=" in said) == has_link
    assert "token" in said
    assert Path("token").read_text().strip() not in said

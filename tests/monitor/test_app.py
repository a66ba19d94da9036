"""What stands before the monitor: foreign names, foreign pages, and headers that keep others out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import streamlit
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from fairmesh.api import Project
from fairmesh.cli import main
from fairmesh.monitor import app, context
from fairmesh.monitor.app import RequestFilter
from fairmesh.web.connections import BoundedProtocol

STREAM = "ws://127.0.0.1:8501/_stcore/stream"


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_text(f"heard {await socket.receive_text()}")
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the page"})


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    context.use_settings(context.Settings(Project(tmp_path, tmp_path), tmp_path / "token", ("Head.Example",)))
    return TestClient(RequestFilter(_app), base_url="http://127.0.0.1:8501")


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "[::1]:8501", "head.example:1"])
def test_own_names_are_answered_with_headers_that_keep_others_out(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.text == "the page"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "169.254.169.254", "localhost@evil.example"]
)
def test_foreign_names_are_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/upload_file/x", "/media/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_pages_of_other_sites_are_not_answered(client: TestClient, path: str, method: str) -> None:
    answer = client.request(method, path, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "the page" not in answer.text


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}, {"origin": "null"}])
def test_web_sockets_of_others_are_closed(client: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=headers):
        pass


def test_an_own_web_socket_is_opened(client: TestClient) -> None:
    with client.websocket_connect(STREAM, headers={"origin": "http://127.0.0.1:8501"}) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "heard hello"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--token-file: listening on 0.0.0.0, which other computers can reach"),  # noqa: S104
        (["--port", "70000"], "not a port: 70000"),
        (["--port", "-1"], "not a port: -1"),
    ],
)
def test_where_it_cannot_listen_is_one_clear_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["monitor", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def behind(tmp_path: Path) -> TestClient:
    """Return somebody who speaks with a monitor that a proxy shows below a path."""

    async def tell(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await PlainTextResponse(f"{scope['path']} {scope['raw_path'].decode()}")(scope, receive, send)

    project = Project(tmp_path, tmp_path)
    context.use_settings(context.Settings(project, tmp_path / "token", ("head.example:8443",), "/monitor"))
    return TestClient(RequestFilter(tell), base_url="http://127.0.0.1:8501")


@pytest.mark.parametrize("path", ["/x", "/monitor/x"])
def test_a_proxy_may_take_the_path_away_or_leave_it(behind: TestClient, path: str) -> None:
    assert behind.get(path).text == "/monitor/x /monitor/x"


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://head.example:8443", 200), ("https://head.example", 403), ("https://head.example:9999", 403)],
)
def test_pages_under_the_name_of_a_proxy_are_own_ones(behind: TestClient, origin: str, status: int) -> None:
    for host in ("127.0.0.1:8501", "head.example:8443"):
        assert behind.get("/x", headers={"host": host, "origin": origin}).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_uploaded(client: TestClient, method: str) -> None:
    answer = client.request(method, "/_stcore/upload_file/session/file", headers={"origin": "http://127.0.0.1:8501"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["fairmesh", "/a b", "/a/../b c", "//x", "/x\n"])
def test_a_root_path_is_a_path(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--root-path", path]) == 2
    assert "--root-path: not a path" in capsys.readouterr().err


def test_streamlit_knows_all_settings_and_its_connections_are_bounded() -> None:
    settings = tomllib.loads((Path(app.__file__).parent / ".streamlit/config.toml").read_text())
    for section in ("server", "browser", "client"):
        for name in settings[section]:
            assert f"{section}.{name}" in streamlit.config._config_options_template
    config = uvicorn.Config(app.app)
    config.load()
    assert config.http_protocol_class is BoundedProtocol

"""Proxies of the environment: for other computers, and never for this one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from fairmesh import client
from fairmesh.client import Client
from fairmesh.errors import FairmeshError
from fairmesh.proxies import find_proxy
from tests.service.speaking import TOKEN

PROXY = "http://me:secret@127.0.0.1:9"  # where nobody listens


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setattr(client, "PERIOD", 0.01)


@pytest.fixture
def url() -> Iterator[str]:
    """Return the address of somebody on this computer who answers."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"studies": [{"name": "quick"}]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_this_computer_is_reached_without_a_proxy(url: str) -> None:
    assert Client(url, TOKEN).studies() == ["quick"]


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("http://node1:8765", "", PROXY),
        ("http://node1:8765", "node1", ""),
        ("http://node1.example.org", ".example.org", ""),
        ("http://node1", "*", ""),
        ("https://node1", "", ""),
        ("http://localhost:8765", "", ""),
        ("http://[::1]:8765", "", ""),
        ("http://127.8.9.1", "", ""),
    ],
)
def test_the_environment_says_which_proxy(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, proxy: str) -> None:
    monkeypatch.setenv("no_proxy", no_proxy)
    assert find_proxy(url) == proxy


def test_an_error_names_the_proxy_without_its_password() -> None:
    with pytest.raises(FairmeshError, match=r"^http://node1:8765 through the proxy http://127.0.0.1:9: no ") as caught:
        Client("http://node1:8765", TOKEN).studies()
    assert "secret" not in str(caught.value)


def test_an_answer_of_somebody_else_is_one_clear_line() -> None:
    def portal(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>Please log in")

    with pytest.raises(
        FairmeshError, match=r"http://node1 through the proxy http://127.0.0.1:9: not a response of fairmesh's service"
    ):
        _client(portal).studies()


@pytest.mark.parametrize(
    ("act", "tries"),
    [
        (lambda found: found.studies(), 3),
        (lambda found: found.run("quick"), 3),
        (lambda found: found.save("study: x"), 3),
        (lambda found: found.plan("quick"), 3),
        (lambda found: client.RemoteRun(found, "quick", "x").cancel(), 1),
    ],
    ids=["list", "run", "save", "plan", "cancel"],
)
def test_what_may_have_arrived_is_sent_again_only_if_that_changes_nothing(act: Any, tries: int) -> None:
    seen: list[str] = []

    def lose(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("idempotency-key", ""))
        raise httpx.ReadError("the connection broke")

    with pytest.raises(FairmeshError, match="no answer: the connection broke"):
        act(_client(lose))
    assert len(seen) == tries
    assert len(set(seen)) == 1


def test_what_was_never_sent_is_sent_again() -> None:
    seen: list[int] = []

    def refuse(_: httpx.Request) -> httpx.Response:
        seen.append(1)
        raise httpx.ConnectError("Connection refused")

    with pytest.raises(FairmeshError, match="Connection refused"):
        client.RemoteRun(_client(refuse), "quick", "x").cancel()
    assert len(seen) == 3


def _client(answer: Any) -> Client:
    found = Client("http://node1", TOKEN)
    found._way = "http://node1"
    found._http = httpx.Client(base_url="http://node1", transport=httpx.MockTransport(answer))
    return found

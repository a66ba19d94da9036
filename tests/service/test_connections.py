"""Connections that take more than their share: large or slow headers, too many of them, clients that do not read."""

from __future__ import annotations

import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest

from fairmesh.api import Project
from fairmesh.files import write_text
from fairmesh.service.app import create_server
from fairmesh.web.access import listen
from fairmesh.web.connections import MAX_HEAD, ConnectionLimits
from tests.service.speaking import TOKEN
from tests.status.conftest import Study

SHORT = ConnectionLimits(head=0.5, idle=2, unread=0.5, per_address=8)
GET = f"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
PATIENCE = 20.0  # seconds for what takes one
Connect = Callable[[], socket.socket]


@pytest.fixture
def connect(project: Project) -> Iterator[Connect]:
    """Return what connects to a service with little patience."""
    bound = listen("127.0.0.1", 0)
    service = create_server(project, TOKEN, limits=SHORT)
    thread = threading.Thread(target=service.run, args=([bound],), daemon=True)
    thread.start()
    address = bound.getsockname()
    with ExitStack() as opened:
        yield lambda: opened.enter_context(_reached(address))
    service.should_exit = True
    thread.join(PATIENCE)


@contextmanager
def _reached(address: tuple[str, int]) -> Iterator[socket.socket]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = socket.create_connection(address, timeout=PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            break
    with connection:
        yield connection


def read(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    found = b""
    try:
        while piece := connection.recv(1 << 16):
            found += piece
    except ConnectionError:
        pass
    return found


def send(connection: socket.socket, data: bytes) -> None:
    """Send as much as is taken."""
    with suppress(ConnectionError):
        connection.sendall(data)


def is_well(connect: Connect) -> bool:
    connection = connect()
    send(connection, f"{GET}connection: close\r\n\r\n".encode())
    return b"200 OK" in read(connection).partition(b"\r\n")[0]


@pytest.mark.parametrize("begin", ["GET /", "GET / HTTP/1.1\r\nx: ", "GET / HTTP/1.1\r\n"])
def test_headers_end_early_if_they_are_large(connect: Connect, begin: str) -> None:
    assert is_well(connect)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    connection = connect()
    send(connection, begin.encode())
    piece = b"a" * (1 << 16) if "x:" in begin or begin == "GET /" else b"a: b\r\n" * (1 << 14)
    taken = 0
    try:
        while taken < 300 << 20:
            connection.sendall(piece)
            taken += len(piece)
    except ConnectionError:
        pass
    assert taken < 100 * MAX_HEAD
    assert is_well(connect)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 20  # all 300 MB would take minutes


def test_headers_that_are_too_large_are_answered(connect: Connect) -> None:
    connection = connect()
    send(connection, f"{GET}x: {'a' * 40_000}\r\n\r\n".encode())
    assert b" 431 " in connection.recv(1 << 16).partition(b"\r\n")[0]


def test_trailers_are_bounded_as_well(connect: Connect) -> None:
    connection = connect()
    head = GET.replace("GET", "POST").replace("health", "studies/validate")
    send(connection, f"{head}transfer-encoding: chunked\r\n\r\n0\r\nx: ".encode())
    taken = 0
    try:
        while taken < 300 << 20:
            connection.sendall(b"a" * (1 << 16))
            taken += 1 << 16
    except ConnectionError:
        pass
    assert taken < 100 << 20
    assert is_well(connect)


@pytest.mark.parametrize("begin", ["", "GET /api", f"{GET}", "\r\n", f"{GET}\r\n\r\n"])
def test_who_does_not_go_on_is_not_waited_for(connect: Connect, begin: str) -> None:
    connection = connect()
    send(connection, begin.encode())
    begun = time.monotonic()
    read(connection)
    assert time.monotonic() - begun < PATIENCE / 2


def test_bytes_that_drip_do_not_keep_a_connection(connect: Connect) -> None:
    connection = connect()
    begun = time.monotonic()
    try:
        for letter in "GET / HTTP/1.1\r\n" + "a" * 1000:
            connection.sendall(letter.encode())
            time.sleep(0.05)
    except ConnectionError:
        pass
    assert time.monotonic() - begun < PATIENCE / 2


@pytest.mark.parametrize("most", [20, 1000])
def test_many_half_requests_block_nobody(connect: Connect, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """They come in one burst: all are there before the service looks at the first."""
    monkeypatch.setattr("fairmesh.web.connections.MAX_CONNECTIONS", most)
    connect()  # the service is there
    with ThreadPoolExecutor(16) as pool:
        burst = list(pool.map(lambda _: connect(), range(20 * SHORT.per_address)))
    for connection in burst:
        send(connection, GET.encode())
    assert is_well(connect)


def test_who_is_answered_is_not_put_out(connect: Connect, study: Study) -> None:
    listener = connect()
    send(listener, f"{GET.replace('health', 'studies/quick/events')}\r\n".encode())
    assert b"200 OK" in listener.recv(1 << 16)
    for _ in range(5 * SHORT.per_address):
        connect()
    assert is_well(connect)
    listener.settimeout(0.5)
    with pytest.raises(TimeoutError):
        read(listener)  # the first events; then it is still open


def test_who_does_not_read_is_cut_off(connect: Connect, study: Study) -> None:
    point = study.points[1]
    write_text(study.job(point) / "attempts/1/large.bin", "x" * (32 << 20))
    path = f"studies/quick/experiments/{point['key']}/attempts/1/artefacts/large.bin"
    connection = connect()
    send(connection, f"{GET.replace('health', path)}\r\n".encode())
    begin = connection.recv(100)
    assert b"200 OK" in begin
    time.sleep(4 * SHORT.unread)
    assert len(read(connection)) < 32 << 20


def test_the_token_comes_before_the_body(connect: Connect) -> None:
    connection = connect()
    head = GET.replace("GET", "POST").replace("health", "studies").replace(TOKEN, "x" * 30)
    send(connection, f"{head}content-type: application/json\r\ncontent-length: 1000000\r\n\r\n".encode())
    assert b" 401 " in connection.recv(1 << 16).partition(b"\r\n")[0]


def test_a_large_body_is_read_and_the_connection_goes_on(connect: Connect) -> None:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = connect()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    for _ in range(2):
        connection.request("POST", "/api/v1/studies/validate", json.dumps({"text": "x" * 150_000}), headers)
        assert not json.load(connection.getresponse())["valid"]

"""REST and monitor below a path of a real nginx, which takes the path away or leaves it, and puts its own Host."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from fairmesh.client import Client
from fairmesh.files import write_text
from tests import watching
from tests.browsing import open_browser
from tests.e2e.workplace import Workplace
from tests.faces import Face
from tests.needs import must_have
from tests.results.builder import build
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
ROOT_PATH = "/user/ada/fairmesh"
LOCATION = """
        location {root}/{{
            proxy_pass http://127.0.0.1:{port}{rest};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}"""
CONFIGURATION = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root; worker_processes 1;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{ listen 127.0.0.1:{public};{location}
    }}
}}
"""


@pytest.fixture(params=["path taken away", "path left"])
def rest(request: pytest.FixtureRequest) -> str:
    """Return what nginx puts in place of the path."""
    return "/" if request.param == "path taken away" else ""


@pytest.fixture(params=["serve", "monitor"])
def face(request: pytest.FixtureRequest, tmp_path: Path, rest: str) -> Iterator[Face]:
    """Return a face whose address is that of nginx."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    must_have(program, "NGINX IS MISSING: nothing was reached through a proxy")
    workplace = Workplace(tmp_path)
    build(workplace.results)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        public = free.getsockname()[1]
    found = Face(workplace, request.param, f"--root-path {ROOT_PATH} --name 127.0.0.1:{public}")
    location = LOCATION.format(root=ROOT_PATH, port=found.port, rest=rest)
    write_text(tmp_path / "nginx.conf", CONFIGURATION.format(folder=tmp_path, public=public, location=location))
    found.start()
    nginx = subprocess.Popen([str(program), "-c", str(tmp_path / "nginx.conf")])
    found.url = f"http://127.0.0.1:{public}{ROOT_PATH}"
    wait_until(lambda: _answers(public), "nginx")
    yield found
    nginx.terminate()
    nginx.wait()
    found.kill()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("face", ["serve"], indirect=True)
def test_the_service_is_used_through_a_proxy(face: Face) -> None:
    client = Client(face.url, face.shown_token())
    assert "quick" in client.studies()
    assert next(client.events("quick")).kind == "summary"
    origin = face.url.removesuffix(ROOT_PATH)
    with httpx.Client(auth=("me", face.shown_token()), headers={"origin": origin}, trust_env=False) as browser:
        page = browser.get(f"{face.url}/docs")
        assert 'href="openapi.json"' in page.text
        assert browser.get(f"{face.url}/openapi.json").json()["servers"] == [{"url": ROOT_PATH}]


@pytest.mark.long
@pytest.mark.parametrize("face", ["monitor"], indirect=True)
def test_the_monitor_is_used_through_a_proxy(face: Face) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        watching.open_page(page, face, study="quick")
        expect(page.locator("h1")).to_have_text("Overview")
        watching.show_token(page, face)
        expect(page.get_by_text("You may steer")).to_be_visible()
        watching.go_to(page, "Experiments")
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        page.get_by_test_id("stDataFrame").hover()
        expect(page.get_by_role("button", name="Search")).to_be_visible()
        expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)

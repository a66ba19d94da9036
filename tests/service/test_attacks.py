"""What people try against services like this one; nothing of it works, and each is answered as documented."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import stat
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fairmesh.api import Project, run_process
from fairmesh.errors import FairmeshError, InputError
from fairmesh.files import write_text
from fairmesh.service.app import create_app
from fairmesh.service.guard import Limits, RequestGuard
from fairmesh.status.launch import Command
from fairmesh.web import access
from fairmesh.web.access import check_address, listen, read_token
from tests.service.speaking import TOKEN, V1, Speaker
from tests.status.conftest import Study

SECRET = "top secret"  # noqa: S105  what no answer may hold
RUN = "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"
READS = ["/studies", "/studies/quick/status", "/studies/quick/events", "/runs", "/health", "/machines"]
COMMANDS = [
    "x; touch P",
    "$(touch P)",
    "`touch P`",
    "x\ntouch P",
    "'; touch P; '",
    "--upload-pack=touch P",
    "-n",
    "| touch P",
]
TRAVERSALS = [
    "../secret",
    "../../secret",
    "..%2fsecret",
    "%2e%2e%2fsecret",
    "%252e%252e%252fsecret",
    "..%5csecret",
    "..%255csecret",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "tables/../../../secret",
    "tables/%2e%2e/%2e%2e/2/job.log",
    "../1-secret/secret",
    "link",
    "linked/secret",
    "%00",
    "job.log%00.txt",
    "",
    ".",
    "..",
    "tables",
    "job.log%0d%0aX-Evil:%201",
    "http://169.254.169.254/",
    "//[::1]/x",
    "job.log%23",
    "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/secret",
]


@pytest.fixture
def artefacts(study: Study, tmp_path: Path) -> str:
    """Return where the artefacts of an attempt are, beside which there are secrets and links to them."""
    attempt = study.job(study.points[0]) / "attempts/1"
    for path in (tmp_path / "secret", attempt.parent / "secret", attempt.with_name("1-secret") / "secret"):
        write_text(path, SECRET)
    (attempt / "link").symlink_to(tmp_path / "secret")
    (attempt / "linked").symlink_to(attempt.with_name("1-secret"), target_is_directory=True)
    write_text(attempt / "page.html", "<script>alert(1)</script>")
    write_text(attempt / "a b#?%.svg", "<svg onload='alert(1)'/>")
    return f"/studies/quick/experiments/{study.points[0]['key']}/attempts/1/artefacts/"


def assert_problem(answer: Any, *codes: int) -> None:
    """Check that an answer is one of the documented errors, in the one shape, and tells nothing of us."""
    assert answer.status_code in codes, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (found["status"], found["type"]) == (answer.status_code, "about:blank")
    assert set(found) == {"type", "title", "status", "detail", "errors"}
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_an_attempt(speaker: Speaker, artefacts: str, name: str) -> None:
    answer = speaker.get(artefacts + name)
    assert_problem(answer, 404, 422)
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        *TRAVERSALS[:10],
        "quick%2f..%2fquick",
        "quick%0a",
        "QUICK",
        "\N{FULLWIDTH LATIN SMALL LETTER Q}uick",
        "-rf",
        ".git",
    ],
)
def test_no_name_leads_to_another_folder(speaker: Speaker, artefacts: str, name: str) -> None:
    for path in (f"/studies/{name}", f"/studies/{name}/status", f"/studies/{name}/events"):
        assert_problem(speaker.get(path), 404, 405, 422)
    assert_problem(speaker.ask("DELETE", f"{V1}/studies/{name}"), 404, 405)


@pytest.mark.parametrize(
    "run", [f"{RUN}0", RUN.upper(), RUN.replace("1", "\N{ARABIC-INDIC DIGIT ONE}"), "health", "..%2fhealth", RUN[:-1]]
)
def test_names_of_runs_are_uuids(speaker: Speaker, run: str) -> None:
    assert_problem(speaker.get(f"/runs/{run}"), 404, 422)
    assert_problem(speaker.post(f"/runs/{run}/cancel", json={}), 404, 422)


@pytest.mark.parametrize("name", ["page.html", "a%20b%23%3F%25.svg", "job.log"])
def test_artefacts_are_downloads_and_never_pages(speaker: Speaker, artefacts: str, name: str) -> None:
    answer = speaker.get(artefacts + name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("sandbox")


def test_links_are_not_even_listed(speaker: Speaker, artefacts: str) -> None:
    listed = speaker.get(artefacts.replace("attempts/1/", "").rstrip("/")).json()["artefacts"]
    names = {entry["name"] for entry in listed}
    assert {"page.html", "job.log", "tables/scenes.csv"} <= names
    assert not {name for name in names if "link" in name or "secret" in name}
    for entry in listed:
        assert speaker.ask("GET", entry["href"]).status_code == 200, entry


@pytest.mark.parametrize(
    "path", [*(V1 + path for path in READS), "/docs", "/openapi.json", "/", "/runs/health", f"{V1}/runs/health", "/x"]
)
@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": TOKEN},
        {"cookie": f"token={TOKEN}"},
    ],
)
def test_nothing_is_answered_without_the_token(anonymous: Speaker, path: str, shown: dict[str, str]) -> None:
    answer = anonymous.ask("GET", path, headers=shown, params={"token": TOKEN})
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith(("Bearer", "Basic"))


def test_the_token_is_the_password_of_the_documentation_alone(anonymous: Speaker) -> None:
    shown = {"authorization": "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()}
    assert anonymous.ask("GET", "/docs", headers=shown).status_code == 200
    assert anonymous.ask("GET", "/openapi.json", headers=shown).json()["openapi"].startswith("3.")
    assert_problem(anonymous.ask("GET", f"{V1}/health", headers=shown), 401)
    assert_problem(anonymous.ask("GET", "/docs", headers={"authorization": "Basic %%%"}), 401)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8765",
        "169.254.169.254",
        "[::2]",
        "",
        "localhost@evil.example:1",
        "[",
        "0.0.0.0",  # noqa: S104
    ],
)
def test_foreign_names_for_this_computer_are_not_answered(speaker: Speaker, host: str) -> None:
    for path in READS[:3]:
        assert_problem(speaker.get(path, headers={"host": host}), 400)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8765", "LOCALHOST:8765"])
def test_own_names_are_answered(speaker: Speaker, host: str) -> None:
    assert speaker.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1:8765.evil.example"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_not_answered(speaker: Speaker, headers: dict[str, str]) -> None:
    assert_problem(speaker.get("/runs", headers=headers), 403)
    assert_problem(speaker.post(f"/runs/{RUN}/cancel", json={}, headers=headers), 403)
    answer = speaker.ask("OPTIONS", f"{V1}/runs", headers=headers)
    assert_problem(answer, 403)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_can_send_is_no_body(speaker: Speaker, kind: str) -> None:
    assert_problem(speaker.post(f"/runs/{RUN}/cancel", content=b"{}", headers={"content-type": kind}), 422)


def _body(speaker: Speaker, content: bytes | Any) -> Any:
    return speaker.post("/studies/validate", content=content, headers={"content-type": "application/json"})


def test_bodies_are_not_larger_than_they_may_be(speaker: Speaker) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * (1 << 20)

    assert_problem(_body(speaker, endless()), 413)
    large = {"content-type": "application/json", "content-length": str(100 << 20)}
    assert_problem(speaker.post("/studies/validate", content=b"{", headers=large), 413)
    for length in ("-1", "1e3", "\N{SUPERSCRIPT TWO}".encode(), "9" * 30):
        assert_problem(speaker.post("/studies/validate", content=b"{}", headers={"content-length": length}), 400, 413)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000,
        b'{"text": "a", "text": "b"}',
        b'{"text": NaN}',
        b'{"text": -Infinity}',
        b'{"text": 1e999}',
        b'{"text": ' + b"9" * 5000 + b"}",
        b'{"text": "\\ud800"}',
        b"\xff\xfe{}",
        b"{",
        b"!!python/object/apply:os.system [touch P]",
    ],
    ids=range(11),
)
def test_bodies_are_plain_json(speaker: Speaker, body: bytes) -> None:
    assert_problem(_body(speaker, body), 400)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "bomb": f"{BOMB}study: x\napplication: toy\n",
    "tag": "study: !!python/object/apply:os.system [touch P]\napplication: toy\n",
    "pickle": "study: x\napplication: toy\nparameters: !!python/name:os.system {}\n",
    "deep": "study: " + "[" * 5000,
    "path": "study: x\napplication: ../toy\n",
    "absolute": "study: x\napplication: /etc/passwd\n",
    "file": "study: x\napplication: x.yaml\n",
    "template": "study: x\napplication: toy\ntemplate: /etc/passwd\n",
    "command": "study: x\napplication: toy\ncommand: [touch, P]\n",
    "cloudmesh": "experiment: {epoch: 1}\nrun: {script: touch P}\n",
    "name": "study: ../../x\napplication: toy\n",
    "reserved": "study: stages\napplication: toy\n",
    "twice": "study: x\nstudy: y\napplication: toy\n",
    "braces": "study: '{{7*7}}'\napplication: toy\n",
    "expression": "study: x\napplication: toy\nderive: {value: \"''.__class__.__mro__\"}\n",
    "huge": "study: x\napplication: toy\nparameters: {value: {from: 1, to: 1000000000, step: 1}}\n",
    "power": "study: x\napplication: toy\nderive: {value: '9**9**9**9'}\n",
    "list": "[1, 2]",
    "nothing": "~",
    "control": "study: x\x00\napplication: toy\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_brings_no_code_and_no_paths(speaker: Speaker, project: Project, text: str) -> None:
    checked = speaker.post("/studies/validate", json={"text": text})
    assert checked.status_code == 200
    assert checked.json()["valid"] is False
    assert checked.json()["errors"]
    assert_problem(speaker.post("/studies", json={"text": text}), 422)
    assert [path.name for path in (project.folder / "config/studies").iterdir()] == ["small.yaml"]
    assert "root:" not in checked.text
    assert not list(project.folder.glob("**/P"))


def test_of_many_who_save_a_study_at_once_one_does_and_none_is_replaced(speaker: Speaker, project: Project) -> None:
    texts = [f"study: new\napplication: toy\nparameters: {{value: [{number}]}}\n" for number in range(6)]
    with ThreadPoolExecutor(6) as people:
        answers = list(people.map(lambda text: speaker.post("/studies", json={"text": text}), texts))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    (saved,) = [text for text, answer in zip(texts, answers, strict=True) if answer.status_code == 201]
    assert (project.folder / "config/studies/new.yaml").read_text() == saved
    assert_problem(speaker.post("/studies", json={"text": texts[0].replace("new", "SMALL")}), 409)


@pytest.mark.parametrize("text", COMMANDS)
@pytest.mark.parametrize("key", ["profile", "part", "set"])
def test_nothing_of_a_start_reaches_a_shell(speaker: Speaker, project: Project, key: str, text: str) -> None:
    body: dict[str, Any] = {key: {"nothing": text} if key == "set" else text}
    assert_problem(speaker.post("/studies/small/runs", json=body), 422)
    assert_problem(speaker.post("/studies/small/plan", json=body), 422)
    assert not list(project.folder.glob("**/P"))
    assert run_process.runs(project.paths("small")) == []


@pytest.mark.parametrize(
    "more",
    [
        {"snakefile": "x"},
        {"template": "x"},
        {"command": "x"},
        {"results": "/"},
        {"study": "x"},
        {"folder": "/"},
        {"python": "x"},
        {"only": "/etc/passwd"},
        {"profile": "../local"},
        {"profile": "local/../local"},
        {"profile": "/etc"},
        {"first": "1"},
        {"first": True},
        {"wait": "yes"},
        {"set": {"-n": 1}},
        {"set": {"a.b": 1}},
    ],
)
def test_a_start_knows_its_keys_alone(speaker: Speaker, project: Project, more: dict[str, Any]) -> None:
    assert_problem(speaker.post("/studies/small/runs", json=more), 422)
    assert run_process.runs(project.paths("small")) == []


@pytest.mark.parametrize(
    "text",
    [
        "''.__class__",
        "cycler.__init__.__globals__",
        "9**9**9",
        "'a' * 10**9",
        "{{7*7}}",
        "{wildcards}",
        "epochs > 'a'",
        "x" * 3000,
        "\x00",
        "()",
    ],
)
def test_expressions_compute_and_nothing_more(speaker: Speaker, text: str) -> None:
    answer = speaker.get("/studies/quick/experiments", params={"where": text})
    if answer.status_code != 200:
        assert_problem(answer, 422)
    assert "<class" not in answer.text


@pytest.mark.parametrize("key", ["x\r\nX-Evil: 1", "x" * 300, "\N{SNOWMAN}".encode(), "../x", "a b"])
def test_keys_of_wishes_are_plain(speaker: Speaker, key: str | bytes) -> None:
    assert_problem(speaker.post("/studies/small/runs", json={}, headers={"Idempotency-Key": key}), 422)


def test_what_a_program_wrote_stays_harmless(speaker: Speaker, study: Study) -> None:
    point = study.points[1]
    write_text(study.job(point) / "attempts/1/job.log", "\x1b]0;evil\x07\x1b[2J<script>{{7*7}}\r\nX-Evil: 1\n")
    lines = speaker.get(f"/studies/quick/experiments/{point['key']}/log").json()["lines"]
    assert lines == ["<script>{{7*7}}", "X-Evil: 1"]


def test_numbers_that_are_none_do_not_break_results(speaker: Speaker, study: Study) -> None:
    path = study.folder / "records/local/epochs=1.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"metrics": {"accuracy": {"value": float("nan")}}}))
    answer = speaker.get("/studies/quick/results")
    assert answer.status_code == 200
    json.loads(answer.text, parse_constant=pytest.fail)


def test_two_who_cancel_at_once_both_hear_of_it(speaker: Speaker, study: Study) -> None:
    with ThreadPoolExecutor(6) as people:
        answers = list(
            people.map(lambda _: speaker.post(f"/runs/{RUN}/cancel", json={"states": ["running"]}), range(6))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(list(study.folder.glob("experiments/local/*/cancel.json"))) == 1
    assert "by REST" in (study.job(study.points[2]) / "cancel.json").read_text()


def test_methods_are_what_they_say_and_reading_changes_nothing(speaker: Speaker) -> None:
    for path in ("/studies/quick", f"/runs/{RUN}/cancel", f"/runs/{RUN}", "/studies"):
        for method in ("DELETE", "PUT", "PATCH", "TRACE"):
            answer = speaker.ask(method, V1 + path)
            assert_problem(answer, 405)
            assert answer.headers["allow"]
    assert speaker.ask("PUT", f"{V1}/studies").headers["allow"] == "GET, HEAD, POST"


def test_there_is_no_service_without_a_token(project: Project) -> None:
    with pytest.raises(ValueError, match="the token is empty"):
        create_app(project, "")
    with pytest.raises(ValueError, match="the token is empty"):
        RequestGuard(None, "")  # type: ignore[arg-type]


def test_the_token_is_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a/b/token"
    with ThreadPoolExecutor(8) as people:
        (token,) = set(people.map(lambda _: read_token(path), range(8)))
    assert len(token) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["token"]
    path.chmod(0o644)
    with pytest.raises(FairmeshError, match="other users can read the token; run: chmod 600"):
        read_token(path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(InputError, match="one word of at least 20 ASCII characters"):
        read_token(path)
    path.rename(path.with_name("real"))
    path.symlink_to("real")
    with pytest.raises(FairmeshError, match="cannot read the token"):
        read_token(path)


@pytest.mark.parametrize(
    ("host", "names", "own"),
    [("0.0.0.0", [], True), ("0.0.0.0", ["node1"], False), ("", ["node1"], False), ("node1", [], False)],  # noqa: S104
)
def test_others_reach_it_only_on_purpose(host: str, names: list[str], own: bool) -> None:
    with pytest.raises(InputError, match=f"listening on {host}"):
        check_address(host, names, own)


def test_this_computer_reaches_it_always() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.2"):
        check_address(host, [], False)
    check_address("0.0.0.0", ["node1"], True)  # noqa: S104


def test_runs_do_not_see_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(access.TOKEN_VARIABLE, TOKEN)
    assert TOKEN not in run_process.environment("some-run", Command(("true",), Path())).values()
    assert os.environ[access.TOKEN_VARIABLE] == TOKEN


def test_a_body_that_does_not_come_is_not_waited_for(speaker: Speaker) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    begin = time.monotonic()
    assert_problem(_body(speaker, slow()), 400)
    assert time.monotonic() - begin < 15


def test_an_answer_that_takes_too_long_is_an_error(speaker: Speaker) -> None:
    async def sleepy(*_: Any) -> None:
        await asyncio.sleep(30)

    with Speaker(RequestGuard(sleepy, TOKEN, limits=Limits(seconds=0.2))) as impatient:
        assert_problem(impatient.get("/health"), 503)


def test_web_sockets_are_closed_at_once(project: Project) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(create_app(project, TOKEN)({"type": "websocket", "path": "/"}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("127.0.0.1", -1), ("x" * 300, 0)])
def test_where_it_cannot_listen_is_one_clear_line(host: str, port: int) -> None:
    with pytest.raises(InputError, match=r"--port: (cannot listen on|not a port)"):
        listen(host, port)


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(InputError, match="in use"):
            listen("127.0.0.1", taken.getsockname()[1])


def test_an_answer_does_not_wait_for_the_next_one() -> None:
    with listen("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP, "asyncio switches Nagle's algorithm off for these alone"

"""Requests over the streams of a process: banners, silence, cuts, and answers that are no answers."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from fairmesh.jobs.render import archive
from fairmesh.machines import protocol
from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.protocol import remote_command
from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from fairmesh.target.bootstrap import KEPT, install_runner

HOME = "study-0123abcd"
POLL = {"verb": "poll", "home": HOME, "jobs": []}
# Reads the first code and the header of a request, as the target does; what follows answers with the nonce.
FAKE = """
import hashlib, json, os, sys, time
data, out = sys.stdin.buffer, sys.stdout.buffer
data.read(int(data.readline()))
nonce = json.loads(data.readline())["nonce"].encode()
def say(text, body=b""):
    out.write(b"\\n" + nonce + b" " + text + b"\\n" + body)
    out.flush()
def answer(body):
    say(b"answer %d %s" % (len(body), hashlib.sha256(body).hexdigest().encode()), body)
"""


class ShellTransport(ProcessTransport):
    """Runs a command of the shell in place of Python; ``{}`` in it is the usual command."""

    def __init__(self, base: Path, script: str) -> None:
        super().__init__(base, host="far")
        self._script = script

    def command(self) -> Sequence[str]:
        """Return the call of the shell."""
        return ["sh", "-c", self._script.replace("{}", remote_command(sys.executable))]


class FakeTransport(ProcessTransport):
    """Speaks with a program that answers as it likes."""

    def __init__(self, base: Path, code: str) -> None:
        super().__init__(base, host="far")
        self._code = FAKE + code

    def command(self) -> Sequence[str]:
        """Return the call of the program."""
        return [sys.executable, "-c", self._code]


@pytest.mark.parametrize(
    "banner",
    [
        "echo Welcome to dgx",
        "head -c 1000000 /dev/urandom",
        "printf 'no line end'",
        "echo 0123456789abcdef0123456789abcdef answer 2 x",
        "printf '\\033[2J\\007'; echo; echo; echo",
        "echo Welcome >&2",
    ],
)
def test_a_banner_is_skipped(tmp_path: Path, banner: str) -> None:
    assert ShellTransport(tmp_path, f"{banner}; {{}}").call(POLL)["ok"]


def test_an_endless_banner_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="far writes without an end before it answers"):
        ShellTransport(tmp_path, "yes Welcome").call(POLL)
    with pytest.raises(RefusedError, match="far writes without an end before it answers"):
        ShellTransport(tmp_path, "cat /dev/zero").call(POLL)


@pytest.mark.parametrize("script", ["sleep 60", "cat > /dev/null; sleep 60", "kill -STOP $$"])
def test_silence_counts_as_unreachable_in_time(tmp_path: Path, script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match="far gave no answer within 1 s"):
        ShellTransport(tmp_path, script).call(POLL, timeout=1)
    assert time.monotonic() - begun < 20


def test_work_that_goes_on_is_no_silence(tmp_path: Path) -> None:
    code = "for _ in range(4): time.sleep(0.5); say(b'wait')\nanswer(b'{\"ok\": true}')"
    assert FakeTransport(tmp_path, code).call(POLL, timeout=1.5)["ok"]


def test_work_without_an_end_counts_as_unreachable(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="far gave no answer within 6 s"):
        FakeTransport(tmp_path, "while True: say(b'wait'); time.sleep(0.05)").call(POLL, timeout=0.1)


@pytest.mark.parametrize("program", ["{flood}; sleep 9", "{flood} & exec sleep 9", "{flood} & sleep 1; yes"])
def test_messages_without_an_end_do_not_fill_the_disk(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_LOOK", 0.02)
    script = program.replace("{flood}", "head -c 50000000 /dev/zero >&2")
    with pytest.raises(RefusedError, match="far writes messages without an end"):
        ShellTransport(tmp_path, script).call(POLL)


def test_a_machine_that_reads_no_files_is_unreachable(tmp_path: Path) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"\0" * 30_000_000)

    with pytest.raises(UnreachableError, match="gave no answer within 1 s"):
        FakeTransport(tmp_path, "say(b'payload'); time.sleep(60)").call(POLL, write, timeout=1)


def test_a_machine_that_ends_while_files_are_sent_can_still_say_why(tmp_path: Path) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"\0" * 30_000_000)

    code = 'say(b\'payload\'); data.read(100); answer(b\'{"error": "the disk is full", "kind": "retry"}\')'
    with pytest.raises(RequestError, match=r"^far: the disk is full$"):
        FakeTransport(tmp_path, code).call(POLL, write)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "it ended with status 0"),
        ("sys.exit(7)", "it ended with status 7"),
        ("print('no space', file=sys.stderr); sys.exit(7)", "far: no space"),
        ("os.kill(os.getpid(), 9)", "it ended with status -9"),
        ("say(b'answer 100 x', b'{}')", "did not arrive whole"),
        ("say(b'answer 2 x', b'{}')", "did not arrive whole"),
        ("say(b'answer 99999999999 x')", "is too large"),
        ("say(b'answer -1 x')", "a message that fairmesh does not know"),
        ("say(b'payload')", "a message that fairmesh does not know"),
        ("say(b'')", "a message that fairmesh does not know"),
        ("say(b'answer ' + b'9' * 5000 + b' x')", "a message that fairmesh does not know"),
        ("say(b'runner'); data.read(int(data.readline())); say(b'runner')", "a message that fairmesh does not know"),
        ("answer(b'[]')", "is not valid"),
        ("answer(b'{\"a\": NaN}')", "is not valid"),
        ("answer(b'{\"a\": 1e999}')", "is not valid"),
        ("answer(b'{\"a\": ' + b'9' * 5000 + b'}')", "is not valid"),
        ("answer(b'{\"a\": [' + b'[],' * 10_000_000 + b'[]]}')", "is too large"),
        ("answer(b'{')", "is not valid"),
        ("answer(b'[' * 100000)", "is not valid"),
        ("answer(b'\\xff')", "is not valid"),
    ],
)
def test_what_is_no_answer_is_tried_again(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(UnreachableError, match=message):
        FakeTransport(tmp_path, code).call(POLL)


def test_a_message_of_a_machine_cannot_steer_a_terminal(tmp_path: Path) -> None:
    code = "answer(json.dumps({'error': '\\x1b[31mred\\n\\rline\\x07', 'kind': 'person'}).encode())"
    with pytest.raises(RefusedError) as error:
        FakeTransport(tmp_path, code).call(POLL)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("script", ["exec /no/such/python3", "exec /etc/passwd", "python2 -ISc ''"])
def test_a_missing_python_needs_a_person(tmp_path: Path, script: str) -> None:
    with pytest.raises(RefusedError, match=r"^far: "):
        ShellTransport(tmp_path, script).call(POLL)
    with pytest.raises(RefusedError, match="No such file"):
        ProcessTransport(tmp_path, "/no/such/python3").call(POLL)


def test_bytes_that_follow_an_answer_are_saved_only_if_they_are_whole(tmp_path: Path) -> None:
    save = tmp_path / "save"
    body = 'body = b\'{"ok": true, "payload": 3}\'; answer(body);'
    good = f"{body} out.write((3).to_bytes(4, 'big') + b'abc' + bytes(4) + hashlib.sha256(b'abc').digest())"
    assert FakeTransport(tmp_path, good).call(POLL, save=save) == {"ok": True}
    assert save.read_bytes() == b"abc"
    save.unlink()
    for bad in (good.replace("digest())", "digest()[:9])"), good.replace("b'abc').d", "b'abd').d"), body):
        with pytest.raises(UnreachableError, match="did not arrive whole"):
            FakeTransport(tmp_path, bad).call(POLL, save=save)
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_were_announced_or_than_there_is_room_for_are_not_saved(tmp_path: Path) -> None:
    save = tmp_path / "save"
    endless = "answer(b'{\"payload\": 500000}')\nwhile True: out.write((1 << 18).to_bytes(4, 'big') + bytes(1 << 18))"
    with pytest.raises(UnreachableError, match="there is more than was announced"):
        FakeTransport(tmp_path, endless).call(POLL, save=save)
    with pytest.raises(RequestError, match=r"far has 9000000000000000 bytes to send, and [0-9]+ can be stored in"):
        FakeTransport(tmp_path, endless.replace("500000", "9" + "0" * 15)).call(POLL, save=save)
    for size in ("true", "-1", "[]", '\\"1\\"', "1.5"):
        with pytest.raises(UnreachableError, match=r"is not valid|more than was announced"):
            FakeTransport(tmp_path, endless.replace("500000", size)).call(POLL, save=save)
    assert list(tmp_path.iterdir()) == []


def test_the_runner_is_sent_once_and_again_if_it_is_damaged(tmp_path: Path) -> None:
    transport = ProcessTransport(tmp_path)
    transport.call(POLL)
    runner = tmp_path / HOME / "runner.pyz"
    before = runner.stat().st_ino
    transport.call(POLL)
    assert runner.stat().st_ino == before
    runner.write_bytes(b"damaged")
    transport.call(POLL)
    assert runner.stat().st_ino != before
    assert runner.read_bytes() == archive()


def test_the_runner_is_a_file_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "symlink", refuse)
    for data in (b"one", b"two", b"two"):
        path = Path(install_runner(str(tmp_path), data))
        assert path.read_bytes() == (tmp_path / "runner.pyz").read_bytes() == data
    assert not (tmp_path / "runner.pyz").is_symlink()


def test_few_versions_of_the_runner_are_kept_and_the_new_one_is_used(tmp_path: Path) -> None:
    paths = [Path(install_runner(str(tmp_path), b"%d" % number)) for number in range(KEPT + 3)]
    assert [path.exists() for path in paths] == [False] * 3 + [True] * KEPT
    assert Path(install_runner(str(tmp_path), b"5")).samefile(tmp_path / "runner.pyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".runner", "runner.pyz"]


def test_a_large_request_and_answer_arrive(tmp_path: Path) -> None:
    folders = [f"sweep/experiments/far/{'x' * 200}{number}" for number in range(3000)]
    jobs = [{"folder": folder, "fingerprint": "f" * 64} for folder in folders]
    answer = ProcessTransport(tmp_path).call({**POLL, "jobs": jobs})
    assert set(answer["jobs"]) == set(folders)


def test_many_files_of_many_sizes_arrive(tmp_path: Path) -> None:
    contents = {f"data/{size}": os.urandom(size) for size in (0, 1, 511, 512, 262_143, 262_144, 262_145, 3_000_000)}

    def write(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    request = {"verb": "store", "home": "h", "folders": [{"path": "data", "is_whole": True}], "files": files}
    ProcessTransport(tmp_path).call(request, write)
    assert {f"data/{path.name}": path.read_bytes() for path in (tmp_path / "h/data").iterdir()} == contents

"""Requests that are wrong, cut, corrupt or hostile: nothing is in place afterwards, and one line says why."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.protocol import local_command
from fairmesh.machines.transport import RefusedError, RequestError
from fairmesh.target.streams import BLOCK, CutError, StreamReader, StreamWriter
from tests.target.client import FOLDER, HOME, Client

GOOD = b"content\n"


def send(client: Client, *members: tarfile.TarInfo, files: dict[str, str] | None = None, data: bytes = GOOD) -> None:
    """Store an archive of members, of which regular files have the same content."""

    def write(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for member in members:
                member.size = len(data) if member.isreg() else 0
                archive.addfile(member, io.BytesIO(data))

    announced = {member.name: hashlib.sha256(GOOD).hexdigest() for member in members} if files is None else files
    client.call("store", write, folders=[{"path": FOLDER, "is_whole": False}], files=announced)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Return a member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def is_empty(client: Client) -> bool:
    """Return whether nothing is in the home but the runner."""
    return sorted(path.name for path in client.home.iterdir()) == [".runner", "runner.pyz"]


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", ".ssh/authorized_keys", "a\0b"),
        *(".incoming-x/y", "a/" + "b" * 256, "a/" * 3000 + "b"),
    ],
)
def test_a_path_cannot_lead_elsewhere(client: Client, path: str) -> None:
    requests: list[tuple[str, dict[str, Any]]] = [
        ("has", {"folders": [path]}),
        ("remove", {"folders": [path]}),
        ("log", {"folder": path}),
        ("cancel", {"jobs": [path]}),
        ("poll", {"jobs": [{"folder": path, "fingerprint": "f"}]}),
        ("start", {"jobs": [{"folder": path, "fingerprint": "f", "number": 1}]}),
        ("fetch", {"jobs": [{"folder": path, "attempts": []}]}),
    ]
    for verb, arguments in requests:
        with pytest.raises(RefusedError, match="is no path in a home folder"):
            client.call(verb, **arguments)
    with pytest.raises(RefusedError, match="is no path in a home folder"):
        client.call("store", lambda _: None, folders=[{"path": path}], files={})


@pytest.mark.parametrize("home", ["", ".", "..", "a/b", "/etc", "-x", ".ssh", "a\nb", "a b", "a\0", None, 7, ["x"]])
def test_a_home_is_one_folder_of_the_base(client: Client, home: Any) -> None:
    with pytest.raises(RefusedError, match="is no name of a home folder"):
        client.transport().call({"verb": "poll", "home": home})
    assert not list(client.place.iterdir())


@pytest.mark.parametrize("whose", ["others can write", "of somebody else", "link"])
def test_a_home_that_others_can_change_is_refused(client: Client, whose: str) -> None:
    client.base.mkdir()
    other = client.place / "other"
    other.mkdir()
    if whose == "link":
        client.home.symlink_to(other)
    else:
        client.home.mkdir()
        client.home.chmod(0o777 if whose == "others can write" else 0o755)
    if whose == "of somebody else":
        if os.geteuid():
            pytest.skip("only root can give a folder to somebody else")
        os.chown(client.home, 65534, 65534)
    with pytest.raises(RefusedError, match="is not a folder of yours alone"):
        client.call("poll", jobs=[])
    assert not list(client.home.iterdir())


def test_the_home_is_writable_for_its_owner_alone_whatever_the_umask(client: Client) -> None:
    umask = os.umask(0)
    try:
        client.call("poll", jobs=[])
        client.call("poll", jobs=[])
    finally:
        os.umask(umask)
    assert not client.home.stat().st_mode & 0o022


@pytest.mark.parametrize("base", ["relative", "/$", "", "~nobody-like-this/x"])
def test_a_base_must_be_an_absolute_path(tmp_path: Path, base: str) -> None:
    with pytest.raises(RefusedError, match="is no absolute path on this machine"):
        ProcessTransport(base).call({"verb": "poll", "home": HOME})


@pytest.mark.parametrize("base", ["$FAIRMESH_NO_SUCH_NAME/x", "/x/${FAIRMESH_NO_SUCH_NAME}"])
def test_a_base_names_only_variables_that_are_set_on_the_machine(base: str) -> None:
    with pytest.raises(RefusedError, match="FAIRMESH_NO_SUCH_NAME is not set on this machine"):
        ProcessTransport(base).call({"verb": "poll", "home": HOME})


@pytest.mark.parametrize("folder", ["/proc/fairmesh", "file/base"])
def test_a_base_that_can_never_be_made_needs_a_person(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RefusedError, match=r"cannot be used: .*; set `base` of the machine to a folder"):
        ProcessTransport(tmp_path / folder).call({"verb": "poll", "home": HOME})


def test_variables_and_the_home_folder_are_replaced_in_a_base(tmp_path: Path) -> None:
    variables = dict(os.environ, SCRATCH=str(tmp_path), HOME=str(tmp_path / "person"))
    for base, path in {"$SCRATCH/x": tmp_path / "x", "~/${USER_DIR}": tmp_path / "person/y"}.items():
        transport = ProcessTransport(base, environment=variables | {"USER_DIR": "y"})
        assert transport.call({"verb": "hello"})["base"] == str(path)


@pytest.mark.parametrize("verb", ["", "serving", "bootstrap", "home", "..runner.main", "no_such", "x" * 30, None, 7])
def test_an_unknown_request_is_an_error(client: Client, verb: Any) -> None:
    with pytest.raises(RefusedError, match=r"unknown request|must be a text"):
        client.transport().call({"verb": verb, "home": HOME})


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("poll", {"jobs": "x"}),
        ("poll", {"jobs": [{"folder": 7, "fingerprint": "f"}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": 0}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": True}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": 1, "name": "$(id)"}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": 1, "run": "x; id"}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": 1, "scheduler": "os"}]}),
        ("start", {"jobs": [{"folder": "a", "fingerprint": "f", "number": 1, "resources": []}]}),
        ("fetch", {"jobs": [{"folder": "a", "attempts": ["1"]}]}),
        ("fetch", {"jobs": [{"folder": "a", "attempts": [-1]}]}),
        ("fetch", {"jobs": [{"folder": "a", "attempts": [1], "has": {"x": "y"}}]}),
        ("log", {"folder": "a", "lines": -1}),
        ("has", {"folders": {"a": 1}}),
        ("store", {"folders": [], "files": {"a": "0"}}),
        ("store", {"folders": [], "files": {"a": "0" * 64}}),
    ],
)
def test_a_bad_argument_is_an_error_in_one_line(client: Client, verb: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as error:
        client.call(verb, **arguments)
    assert "unexpected" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [
        member("../x"),
        member("/etc/fairmesh-x"),
        member(f"{FOLDER}/link", tarfile.SYMTYPE, "/etc"),
        member(f"{FOLDER}/hard", tarfile.LNKTYPE, f"{FOLDER}/config.yaml"),
        member(f"{FOLDER}/pipe", tarfile.FIFOTYPE),
        member(f"{FOLDER}/device", tarfile.CHRTYPE),
        member(f"{FOLDER}/more"),
        member(f"{FOLDER}/config.yaml"),
    ],
    ids=lambda info: info.name,
)
def test_an_archive_has_announced_regular_files_only(client: Client, wrong: tarfile.TarInfo) -> None:
    good = member(f"{FOLDER}/config.yaml")
    with pytest.raises(RefusedError, match=r"which was not announced|is no path in a home folder"):
        send(client, good, wrong, files={good.name: hashlib.sha256(GOOD).hexdigest()})
    assert is_empty(client)


def test_a_file_that_differs_from_its_checksum_is_sent_again(client: Client) -> None:
    with pytest.raises(RequestError, match="did not arrive whole"):
        send(client, member(f"{FOLDER}/config.yaml"), data=b"other\n")
    assert is_empty(client)


def test_a_file_that_is_missing_is_sent_again(client: Client) -> None:
    digest = hashlib.sha256(GOOD).hexdigest()
    with pytest.raises(RequestError, match="did not arrive whole"):
        send(client, member(f"{FOLDER}/a"), files={f"{FOLDER}/a": digest, f"{FOLDER}/b": digest})
    assert is_empty(client)


def test_a_client_that_fails_while_it_sends_leaves_nothing(client: Client) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"\0" * BLOCK * 3)
        raise FileNotFoundError("a file of the client")

    with pytest.raises(FileNotFoundError):
        client.call("store", write, folders=[{"path": FOLDER}], files={f"{FOLDER}/a": "0" * 64})
    assert is_empty(client)


def test_files_outside_of_the_folders_are_refused(client: Client) -> None:
    files = {"elsewhere/a": "0" * 64}
    with pytest.raises(RefusedError, match="is in none of the folders"):
        client.call("store", lambda _: None, folders=[{"path": FOLDER}], files=files)


@pytest.mark.parametrize("target", ["/etc", "..", "sweep"])
def test_a_link_below_the_home_is_not_followed(client: Client, target: str) -> None:
    client.call("poll")
    (client.home / "sweep").symlink_to(target)
    for verb, arguments in {"log": {"folder": FOLDER}, "remove": {"folders": [FOLDER]}}.items():
        with pytest.raises(RefusedError, match="is a link; fairmesh does not follow it"):
            client.call(verb, **arguments)
    with pytest.raises(RefusedError, match="is a link"):
        send(client, member(f"{FOLDER}/a"))


def test_links_and_pipes_of_a_program_are_not_sent(client: Client) -> None:
    client.render(
        "import os; os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); os.symlink('/etc', 'folder')\n"
        "import json; json.dump({'score': 1.5}, open('metrics.json', 'w'))"
    )
    client.store()
    client.start()
    client.wait("done")
    jobs = [{"folder": FOLDER, "attempts": [1]}]
    archive = client.place / "back.tar"
    manifest = client.call("fetch", save=archive, jobs=jobs)["manifest"]
    assert not {name for name in manifest if name.rpartition("/")[2] in {"link", "pipe", "passwd"}}
    with tarfile.open(archive) as tar:
        assert all(info.isreg() for info in tar)


def test_names_that_are_not_text_are_sent(any_client: Client) -> None:
    client = any_client
    client.render(
        "import json, os; open(b'gr\\xfc\\xdf', 'w').close(); os.mkdir('ü'); open('ü/two\\nlines', 'w').close()\n"
        "json.dump({'score': 1.5}, open('metrics.json', 'w'))"
    )
    client.environment = dict(os.environ, LC_ALL="C", PYTHONUTF8="0")
    client.store()
    client.start()
    client.wait("done")
    archive = client.place / "back.tar"
    manifest = client.call("fetch", save=archive, jobs=[{"folder": FOLDER, "attempts": [1]}])["manifest"]
    names = {f"{FOLDER}/attempts/1/gr\udcfc\udcdf", f"{FOLDER}/attempts/1/ü/two\nlines"}
    assert names <= set(manifest)
    with tarfile.open(archive) as tar:
        assert set(tar.getnames()) == set(manifest)


HOSTILE = ['it\'s a $(touch PWNED) `id` "q"', "; rm -rf /", "$HOME", "a\nb", "'\"\\", "ünïcode", "-rf", "%n%j$JOB_ID"]


@pytest.mark.parametrize("value", HOSTILE)
def test_parameters_arrive_verbatim(client: Client, value: str) -> None:
    client.render(
        "import json, sys; json.dump({'score': 1.5}, open('metrics.json', 'w')); open('said', 'w').write(sys.argv[1])"
    )
    path = client.place / "local" / FOLDER / "experiment.json"
    experiment = json.loads(path.read_text())
    experiment["command"].append(value)
    path.write_text(json.dumps(experiment))
    client.store()
    client.start()
    client.wait("done")
    assert (client.job / "attempts/1/said").read_text() == value
    assert not list(client.place.rglob("PWNED"))


@pytest.mark.parametrize("name", ["x=$(touch PWNED)", "x='a b'", "x=`id`;y", 'x="', "x=ü", "x=-rf", "x=%n$JOB_ID"])
def test_folders_with_special_characters_work(client: Client, name: str) -> None:
    folder = f"sweep/experiments/far/{name}"
    client.render(folder=folder)
    client.store(folder)
    client.start(folder=folder)
    client.wait("done", folder)
    assert client.starts() == 1
    assert not list(client.place.rglob("PWNED"))


def stream_of(*blocks: bytes) -> bytes:
    """Return a stream with these blocks."""
    buffer = io.BytesIO()
    stream = StreamWriter(buffer.write)
    for block in blocks:
        stream.write(block)
    stream.close()
    return buffer.getvalue()


def test_a_stream_returns_what_was_written() -> None:
    data = os.urandom(3 * BLOCK + 7)
    reader = StreamReader(io.BytesIO(stream_of(data[:5], data[5:])).read)
    assert reader.read(3) + reader.read(BLOCK) + reader.read() + reader.read() == data


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:9], lambda data: b""])
def test_a_cut_stream_is_never_whole(spoil: Callable[[bytes], bytes]) -> None:
    reader = StreamReader(io.BytesIO(spoil(stream_of(b"x" * 100))).read)
    with pytest.raises(CutError, match="the connection ended"):
        reader.read()


@pytest.mark.parametrize("index", [0, 4, 50, 104, 108, 130])
def test_a_corrupt_stream_is_never_whole(index: int) -> None:
    data = bytearray(stream_of(b"x" * 100))
    data[index] ^= 0x40
    with pytest.raises(CutError):
        StreamReader(io.BytesIO(bytes(data)).read).drain()


@pytest.mark.parametrize("keep", [10, 3000, 6000, 40_000, 500_000])
def test_a_connection_that_is_cut_leaves_nothing(client: Client, keep: int) -> None:
    """The bytes of a whole request are cut at several places: in the first code, the request and the files."""
    client.call("poll")
    data = recorded_request(client)
    assert len(data) > 600_000
    done = subprocess.run(
        local_command(sys.executable), check=False, input=data[:keep], capture_output=True, timeout=60
    )
    assert b'"ok": true' not in done.stdout
    assert is_empty(client)
    whole = subprocess.run(local_command(sys.executable), check=False, input=data, capture_output=True, timeout=60)
    assert b'"stored"' in whole.stdout
    assert not is_empty(client)


def recorded_request(client: Client) -> bytes:
    """Return the bytes of a request that stores a large file."""
    path = client.place / "local" / FOLDER / "data"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(600_000))
    record, program = client.place / "record", client.place / "tee.py"
    program.write_text(
        "import subprocess, sys\n"
        f"process = subprocess.Popen({local_command(sys.executable)!r}, stdin=subprocess.PIPE)\n"
        f"with open({str(record)!r}, 'wb') as file:\n"
        "    while data := sys.stdin.buffer.read1(65536):\n"
        "        file.write(data); process.stdin.write(data); process.stdin.flush()\n"
        "process.stdin.close(); process.wait()\n"
    )

    class Recorded(ProcessTransport):
        def command(self) -> list[str]:
            return [sys.executable, "-u", str(program)]

    files = client.files(FOLDER)
    request = {"verb": "store", "home": HOME, "folders": [{"path": FOLDER, "is_whole": True}], "files": files}
    Recorded(client.base).call(request, lambda stream: client.write(stream, list(files)))
    client.call("remove", folders=["sweep"])
    return record.read_bytes()

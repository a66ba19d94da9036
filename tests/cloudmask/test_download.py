"""Scenes come from a real S3 server on loopback, through a proxy that breaks connections on demand."""

from __future__ import annotations

import http.client
import io
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from boto3.s3.transfer import TransferConfig
from moto.server import ThreadedMotoServer

from cloudmask.__main__ import main
from cloudmask.data.download import exclusive
from cloudmask.data.scenes import scan

MIB = 1 << 20
BUCKET, ROOT = "sciml-datasets", "es/cloud_slstr_ds1"
SIZES = {
    "training/day/S3A_a.hdf": 3 * MIB + 17,
    "training/night/S3B_b.hdf": 2 * MIB,
    "training/day/S3A_c.hdf": 100,
    "training/notes.txt": 9,
    "inference/S3A_parts.hdf": 11 * MIB,
    "inference/S3A_d.hdf": 1 * MIB,
}
BODIES = {
    name: np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes() for name, size in SIZES.items()
}
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Proxy:
    """Between the program and the server; `faults` change the next answers to requests for objects."""

    upstream: int
    port: int = 0
    faults: list[Callable[[Answer], Answer]] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    ignore_ranges: bool = False

    def answer(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        is_object = method == "GET" and ".hdf" in path
        if is_object:
            self.ranges.append(headers.get("Range"))
            if self.ignore_ranges:
                headers.pop("Range", None)
        connection.request(method, path, headers=headers)
        found = connection.getresponse()
        body = found.read()
        answer = found.status, {name: value for name, value in found.getheaders() if name != "Connection"}, body
        connection.close()
        return self.faults.pop(0)(answer) if is_object and self.faults else answer


def cut(size: int) -> Callable[[Answer], Answer]:
    """Pass only the first bytes of a body on; the header promises all of them."""
    return lambda answer: (answer[0], answer[1], answer[2][:size])


def busy(_: Answer) -> Answer:
    return 503, {"Content-Length": "0"}, b""


def damage(answer: Answer) -> Answer:
    return answer[0], answer[1], b"?" + answer[2][1:]


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    port = moto.get_host_and_port()[1]
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106
    )
    client.create_bucket(Bucket=BUCKET)
    client.create_bucket(Bucket="empty")
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, use_threads=False)
    public = {"ACL": "public-read"}
    for name, body in BODIES.items():
        client.upload_fileobj(io.BytesIO(body), BUCKET, f"{ROOT}/{name}", Config=config, ExtraArgs=public)
    client.put_object(Bucket=BUCKET, Key="secret/training/S3A_secret.hdf", Body=b"secret")
    yield port
    moto.stop()


@pytest.fixture
def proxy(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    between = Proxy(server)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = between.answer(self.command, self.path, dict(self.headers))
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    between.port = listener.server_address[1]
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    yield between
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def download(proxy: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*options: str, endpoint: str = f"http://127.0.0.1:{proxy.port}") -> tuple[int, str, str]:
        status = main(["download", "--to", str(tmp_path / "data"), "--endpoint", endpoint, "--retries", "3", *options])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


Download = Callable[..., tuple[int, str, str]]


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder but the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".download.lock"
    }


def scenes(*prefixes: str) -> dict[str, bytes]:
    return {name: body for name, body in BODIES.items() if name.endswith(".hdf") and name.startswith(prefixes)}


def test_all_scenes_come_and_are_used_directly(download: Download, tmp_path: Path) -> None:
    status, out, err = download()
    assert (status, err) == (0, "")
    assert files(tmp_path / "data") == scenes("")
    assert f"data: {tmp_path / 'data'}" in out
    assert '# fairmesh status=running progress=100 msg="5 of 5 files, 17.8 MB of 17.8 MB"' in out
    assert len(scan(tmp_path / "data").entries) == 5


def test_what_is_there_does_not_come_again(download: Download, proxy: Proxy) -> None:
    download()
    proxy.ranges.clear()
    status, out, _ = download()
    assert status == 0
    assert "of which 0 bytes to download" in out
    assert not proxy.ranges


@pytest.mark.parametrize(
    ("prefix", "number", "expected"), [("training", "2", 2), ("both", "1", 2), ("inference", "all", 2)]
)
def test_a_part_and_a_number_of_files_may_be_chosen(
    download: Download, tmp_path: Path, prefix: str, number: str, expected: int
) -> None:
    status, out, _ = download("--prefix", prefix, "--files", number)
    assert status == 0
    found = files(tmp_path / "data")
    assert len(found) == expected
    assert found.items() <= BODIES.items()
    lacks = {"training": "inference", "inference": "training"}.get(prefix)
    assert (f"lacks {lacks}" in out) if lacks else ("data: " in out)


ONE = ("--prefix", "training", "--files", "1")


@pytest.mark.parametrize("fault", [cut(MIB + 5), cut(0), busy], ids=["cut", "nothing", "busy"])
@pytest.mark.parametrize("without_ranges", [False, True])
def test_a_lost_connection_is_tried_again(
    download: Download, proxy: Proxy, tmp_path: Path, fault: Callable[[Answer], Answer], without_ranges: bool
) -> None:
    proxy.ignore_ranges = without_ranges
    proxy.faults = [fault, cut(10)]
    assert download(*ONE)[0] == 0
    assert files(tmp_path / "data") == scenes("training/day/S3A_a")
    assert len(proxy.ranges) == 3


def test_a_file_that_breaks_off_too_often_leaves_nothing_and_another_start_gets_it(
    download: Download, proxy: Proxy, tmp_path: Path
) -> None:
    proxy.faults = [cut(2 * MIB)] * 4
    status, _, err = download(*ONE)
    assert status == 1
    assert err.count("\n") == 1
    assert files(tmp_path / "data") == {}
    (tmp_path / "data/training/day/.S3A_a.hdf.part.1a2B").write_bytes(b"of a killed process")
    assert download(*ONE)[0] == 0
    assert files(tmp_path / "data") == scenes("training/day/S3A_a")


def shorter(body: bytes) -> bytes:
    return body[:-1]


def other(body: bytes) -> bytes:
    return body[:-1] + b"?"


@pytest.mark.parametrize(
    ("name", "change"),
    [("training/day/S3A_a.hdf", shorter), ("training/day/S3A_a.hdf", other), ("inference/S3A_parts.hdf", shorter)],
)
def test_a_corrupted_file_is_kept_aside_and_downloaded_again(
    download: Download, tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    download()
    broken = tmp_path / "data" / name
    broken.write_bytes(change(BODIES[name]))
    status, out, _ = download()
    assert status == 0
    assert f"kept as {broken.name}.broken" in out
    assert files(tmp_path / "data") == scenes("") | {f"{name}.broken": change(BODIES[name])}


def test_a_file_whose_etag_is_no_md5_stays(download: Download, proxy: Proxy, tmp_path: Path) -> None:
    download()
    path = tmp_path / "data/inference/S3A_parts.hdf"
    path.write_bytes(other(BODIES["inference/S3A_parts.hdf"]))
    proxy.ranges.clear()
    assert download()[0] == 0
    assert path.read_bytes() == other(BODIES["inference/S3A_parts.hdf"])
    assert not proxy.ranges


def test_bytes_that_were_damaged_on_the_way_come_again(download: Download, proxy: Proxy, tmp_path: Path) -> None:
    proxy.faults = [damage]
    assert download(*ONE)[0] == 0
    name = "training/day/S3A_a.hdf"
    assert files(tmp_path / "data") == scenes(name) | {f"{name}.broken": b"?" + BODIES[name][1:]}


def test_a_wrong_md5_is_an_error_and_the_good_files_stay(download: Download, proxy: Proxy, tmp_path: Path) -> None:
    proxy.faults = [damage, damage]
    status, out, err = download("--prefix", "training", "--connections", "1")
    assert status == 1
    assert err.startswith("cloudmask: 1 of 3 files cannot be downloaded: ")
    assert "not the object with the ETag" in err
    assert err.count("\n") == 1
    name = "training/day/S3A_a.hdf"
    expected = {name: body for name, body in scenes("training").items() if name != "training/day/S3A_a.hdf"}
    assert files(tmp_path / "data") == expected | {f"{name}.broken": b"?" + BODIES[name][1:]}
    assert "# fairmesh status=running" in out


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--bucket", "none"], 2, "/none: no such bucket"),
        (["--bucket", "no/bucket"], 2, "bucket: 'no/bucket' is not a name that a bucket can have"),
        (["--bucket", "empty"], 2, "no scene (S3A*.hdf, S3B*.hdf) in es/cloud_slstr_ds1/training/ or "),
        (["--root", "secret", "--prefix", "training"], 1, "secret/training/S3A_secret.hdf is not public"),
        (["--endpoint", "nonsense"], 2, "endpoint: 'nonsense' is no address"),
        (["--endpoint", "http://127.0.0.1:9"], 1, "http://127.0.0.1:9/sciml-datasets: the server cannot be reached"),
    ],
)
def test_what_cannot_be_had_is_one_line(download: Download, options: list[str], status: int, said: str) -> None:
    found = download(*options)
    assert found[0] == status
    assert said in found[2]
    assert found[2].count("\n") == 1


def test_too_little_room_is_told_before_anything_comes(
    download: Download, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudmask.data.download.shutil.disk_usage", lambda _: type("Usage", (), {"free": MIB}))
    status, _, err = download()
    assert status == 2
    assert "17.8 MB to download, but 1.0 MB free" in err
    assert not proxy.ranges


def limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_leaves_no_broken_file(proxy: Proxy, download: Download, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cloudmask", "download", "--to", str(tmp_path / "data"), *ONE]
    command += ["--endpoint", f"http://127.0.0.1:{proxy.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limited(2 * MIB))
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not files(tmp_path / "data")
    assert download(*ONE)[0] == 0
    assert files(tmp_path / "data") == scenes("training/day/S3A_a")


def test_two_downloads_into_one_folder_are_refused(download: Download, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with exclusive(tmp_path / "data"):
        status, _, err = download()
    assert status == 2
    assert "another download into it is running" in err


def test_a_missing_boto3_says_how_to_install_it(download: Download, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    status, _, err = download()
    assert status == 2
    assert "pip install boto3" in err


@pytest.mark.parametrize(
    "options", [["--files", "0"], ["--files", "some"], ["--prefix", "test"], ["--connections", "0"]]
)
def test_a_wrong_option_is_wrong_input(options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["download", "--to", "x", *options])
    assert caught.value.code == 2

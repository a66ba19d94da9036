"""What the doctor says of GPUs, energy counters, the browser, token and ports."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from fairmesh.cli.doctor import computer
from fairmesh.cli.doctor.base import FAIL, OK, WARN, Answer


@pytest.mark.parametrize(
    ("answer", "on_bus", "level"),
    [
        (None, 0, OK),
        (None, 2, WARN),
        (Answer(True, "NVIDIA A100, 550.1, 40960 MiB\n"), 1, OK),
        (Answer(False, "couldn't communicate with the NVIDIA driver"), 1, FAIL),
        (Answer(True, "\n"), 0, FAIL),
    ],
)
def test_gpus_and_their_driver(answer: Answer | None, on_bus: int, level: str) -> None:
    assert computer.gpu(answer, on_bus).level == level


def test_only_nvidias_display_devices_count(tmp_path: Path) -> None:
    for number, (vendor, kind) in enumerate([("0x10de", "0x030200"), ("0x10de", "0x040300"), ("0x8086", "0x030000")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")
    assert computer.cards(tmp_path) == 1
    assert computer.cards(tmp_path / "none") == 0


@pytest.mark.parametrize(
    ("whole", "cpu", "gpus", "level"),
    [(None, None, 1, OK), (None, "2.21", 0, OK), (None, "2.21", 1, WARN), ("2.21", None, 1, OK)],
)
def test_a_tensorflow_for_processors_alone_is_told_where_there_are_gpus(
    whole: str | None, cpu: str | None, gpus: int, level: str
) -> None:
    assert computer.tensorflow(whole, cpu, gpus).level == level


@pytest.mark.parametrize(
    ("answer", "gpus", "level"),
    [
        (Answer(True, "a warning\nseen /physical_device:GPU:0\n"), 1, OK),
        (Answer(True, "seen\n"), 1, WARN),
        (Answer(True, "seen\n"), 0, OK),
        (Answer(False, "ImportError: libcudart"), 1, FAIL),
    ],
)
def test_what_tensorflow_sees(answer: Answer, gpus: int, level: str) -> None:
    assert computer.seen(answer, gpus).level == level


def test_energy_counters_that_may_not_be_read_are_told(tmp_path: Path) -> None:
    package, core = tmp_path / "intel-rapl:0", tmp_path / "intel-rapl:0:0"
    for folder in (package, core):
        folder.mkdir()
        (folder / "energy_uj").write_text("1\n")
    assert computer.energy([]).level == OK
    assert computer.energy([package, core]).message == "1 processor counters"
    told = computer.energy([package, core], lambda _: False)
    assert (told.level, "chmod a+r" in told.advice) == (WARN, True)


@pytest.mark.parametrize(
    ("answer", "level"), [(Answer(True, "Chromium 140\n"), OK), (Answer(False, "no display"), WARN), (None, WARN)]
)
def test_the_browser(answer: Answer | None, level: str) -> None:
    assert computer.chromium(answer).level == level


@pytest.mark.parametrize(("mode", "level"), [(0o600, OK), (0o400, OK), (0o640, FAIL), (0o604, FAIL)])
def test_a_token_that_others_may_read_is_told(tmp_path: Path, mode: int, level: str) -> None:
    path = tmp_path / "token"
    assert computer.token(path, os.getuid()).level == OK, "there is none yet"
    path.write_text("x")
    path.chmod(mode)
    assert computer.token(path, os.getuid()).level == level
    assert computer.token(path, os.getuid() + 1).level == FAIL, "of somebody else"


def test_a_token_that_is_a_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "token").symlink_to(tmp_path / "real")
    assert computer.token(tmp_path / "token", os.getuid()).level == FAIL


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert computer.port(number, "fairmesh serve").level == WARN
    assert computer.port(number, "fairmesh serve").level == OK

"""Names of files in records and in SHA256SUMS: every name that a file system takes comes back as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairmesh.runner import manifest
from fairmesh.runner.commit import list_files
from fairmesh.runner.provenance import manifest_sha256

NAMES = st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name and b"/" not in name)
ODD = [
    b"two\nlines",
    b"Icon\r",
    b"back\\slash",
    b"\\n",
    b"gr\xfc.txt",
    "grü.txt".encode(),
    b"\xe2\x80\xa8",
    b" x ",
    b"*x",
]


@given(NAMES)
@example(rb"gr\xfc\\.txt" + b"\xfc")
def test_a_record_names_every_file_in_json(name: bytes) -> None:
    text = manifest.name_text(os.fsdecode(name))
    entry = json.loads(json.dumps(manifest.entry(text), ensure_ascii=False).encode().decode())
    assert os.fsencode(manifest.path_in(entry)) == name
    assert ("escaped" in entry) != manifest.is_text(text)


@given(st.text())
def test_an_escape_never_hides_a_part_of_a_path(text: str) -> None:
    shown = manifest.path_in({"path": text, "escaped": True})
    assert {sign for sign in shown if sign.isascii()} <= {*text, "\\"}


@pytest.mark.parametrize("value", [None, 3, ["a"], {}])
def test_what_is_no_path_is_an_empty_one(value: object) -> None:
    assert manifest.path_in({"path": value}) == ""


@given(st.dictionaries(NAMES, st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=5))
def test_sums_are_read_as_they_were_written(sums: dict[bytes, str]) -> None:
    text = "".join(manifest.sum_line(sha256, os.fsdecode(name)) for name, sha256 in sums.items())
    found = manifest.read_sums(text.encode("utf-8", "surrogateescape"))
    assert {os.fsencode(path): sha256 for path, sha256 in found.items()} == sums


@given(st.binary(max_size=200))
def test_any_file_of_sums_is_read(data: bytes) -> None:
    sums = manifest.read_sums(b"%s\n%s  kept\n" % (data, b"0" * 64))
    assert sums.pop("kept") == "0" * 64
    assert all(path and re.fullmatch("[0-9a-f]{64}", sha256) for path, sha256 in sums.items())


def test_sha256sum_writes_and_checks_the_same_lines(tmp_path: Path) -> None:
    for number, name in enumerate(ODD):
        (tmp_path / os.fsdecode(name)).write_text(str(number))
    theirs = subprocess.run(["sha256sum", "--", *sorted(ODD)], cwd=tmp_path, capture_output=True, check=True).stdout
    sums = manifest.read_sums(theirs)
    assert {os.fsencode(path) for path in sums} == set(ODD)
    ours = "".join(manifest.sum_line(sums[path], path) for path in sorted(sums, key=os.fsencode))
    assert ours.encode("utf-8", "surrogateescape") == theirs
    whole = subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], cwd=tmp_path, input=theirs, check=False)
    assert whole.returncode == 0
    listed = list_files(str(tmp_path), str(tmp_path), lambda: None)
    in_order = sorted((manifest.path_in(entry), entry["sha256"]) for entry in listed)
    lines = "".join(manifest.sum_line(sha256, path) for path, sha256 in in_order).encode("utf-8", "surrogateescape")
    hashed = subprocess.run(["sha256sum"], input=lines, capture_output=True, check=True).stdout.split()[0].decode()
    assert manifest_sha256(in_order) == hashed

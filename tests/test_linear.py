"""Text from programs, files and requests is read once, however it is made up: no pattern tries it again and again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairmesh import printing, schema
from fairmesh.cloudmesh import options, script
from fairmesh.cloudmesh.importing import _FILE
from fairmesh.fair.archive import _KEYS, Redaction, _homes
from fairmesh.runner import manifest, mllog, owner, text
from fairmesh.runner.status import Status
from fairmesh.service import requests
from fairmesh.site import escaping
from fairmesh.study.notation import expand_notation
from fairmesh.study.references import REFERENCE

SIZE = 40_000  # characters: a millisecond or a few for one reading, minutes for one from each of them on
SECONDS = 4.0  # of the processor
READERS: dict[str, Callable[[str], Any]] = {
    "progress": lambda line: Status("unused", 1, owner.current_process()).read_progress(f"# fairmesh {line}"),
    "event": lambda line: mllog.of_program(mllog.MARK + line),
    "log": lambda part: text.lines_of(part.encode()),
    "sums": lambda lines: manifest.read_sums(lines.encode()),
    "line of a script": lambda line: script._expansion("x", line),
    "files in a script": _FILE.findall,
    "options": lambda line: options.read_options(f"#SBATCH {line}", 1),
    "notation": lambda value: list(expand_notation(f"a[{value}")),
    "study": lambda value: schema.parse_yaml(f"a: {value}", Path("study.yaml"), []),
    "references": lambda value: REFERENCE.sub("", "{a" + value),
    "body": lambda value: requests.parse(f'"{value}'.encode()),
    "page": lambda value: escaping.linked(f"https://{value}"),
    "table": escaping.escape_latex,
    "markdown": printing.escape_markdown,
    "homes": Redaction(tuple(_homes())).text,
    "keys": _KEYS.findall,
}
UNITS = ["a", "0", " ", "[", "(", "{", "${", "-", "a ", "-0", '\\"', 'a="', "\x1bP", "\r", "ssh ", "user:", "/home/"]


@pytest.mark.parametrize("reader", READERS)
def test_a_long_text_is_read_once(reader: str) -> None:
    for unit in UNITS:
        for end in ("", "|"):
            began = time.process_time()
            with contextlib.suppress(Exception, RecursionError):  # that it is refused is another matter
                READERS[reader](unit * (SIZE // len(unit)) + end)
            assert time.process_time() - began < SECONDS, (unit, end)

"""The tutorial about a program of one's own: its files are written, its commands run, and its outputs compared."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.wheel import ROOT, Installation

pytestmark = pytest.mark.e2e
PAGE = ROOT / "site/docs/tutorial/own-program.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d[\d.,e+-]*( min \d+)?")


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a block, each with the lines of output below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, lines


def form(line: str) -> str:
    """Return a line as a pattern of which `...` matches anything, and a number any number.

    Snakemake starts experiments in any order.
    """
    if line.startswith("["):
        line = re.sub(r"=\S+", "=...", line)
    parts = [re.escape(NUMBER.sub("0", part)) for part in re.split(r"\s+|(?<=\S)(?=\.\.\.)", line.strip())]
    return r"\s*".join(parts).replace(re.escape("..."), ".*")


def assert_matches(output: str, expected: list[str]) -> None:
    """Compare an output with the lines of the page; a line of three dots stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else f"{form(line)}\n" for line in expected)
    lines = [line for line in output.splitlines() if "waiting for the machine" not in line]  # other tests may use it
    plain = "".join(f"{NUMBER.sub('0', line).strip()}\n" for line in lines)
    assert re.fullmatch(pattern, plain), f"expected:\n{chr(10).join(expected)}\n\nprinted:\n{output}"


def test_the_page_is_true_word_by_word(installation: Installation, tmp_path: Path) -> None:
    folder, ran = tmp_path, 0
    for language, title, text in BLOCK.findall(PAGE.read_text()):
        if title:
            (folder / title).write_text(text)
        for command, expected in commands(text) if language == "console" else ():
            done = subprocess.run(
                ["bash", "-c", f"{command} && pwd > {tmp_path}/where"],
                cwd=folder,
                env=installation.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}"
            assert_matches(done.stdout, expected)
            folder, ran = Path((tmp_path / "where").read_text().strip()), ran + 1
    assert ran > 10

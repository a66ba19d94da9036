"""Any block of experiments comes out as a study of as many experiments."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmesh.cloudmesh import Imported, import_files
from fairmesh.schema import dump_yaml

AWKWARD = ["k", "k-l", "k_l", "2nd", "", "é", "in", "items", "stage", "max", "zip", "gpu", "repeat", "nodes", "runtime"]
VALUES = {
    "1,2": 2,
    "[1-3],2": 3,
    "001,1": 2,
    "1,1.0": 2,
    "1e-3,0.001": 2,
    "3.9,3.10": 2,
    "True,False": 2,
    "a-b,,c": 2,
    "x": 1,
    "on": 1,
    "{{ x }}": 1,
    "it's": 1,
}
blocks = st.dictionaries(
    st.sampled_from([*AWKWARD, "directive", "card_name"]), st.sampled_from(list(VALUES)), min_size=1
)
LINES = ["echo {{experiment.{0}}}", "#SBATCH --mem={{experiment.{0}}}", "export X='{{experiment.{0}}}'"]
LINES += ["#SBATCH --gres=gpu:{{experiment.{0}}}:1", "#SBATCH -N {{experiment.{0}}}", "#SBATCH --comment={{all}}"]


@settings(deadline=None, max_examples=40)
@given(blocks, st.lists(st.sampled_from(LINES), max_size=4), st.data())
def test_a_block_is_imported_whole(block: dict[str, str], lines: list[str], data: st.DataObject) -> None:
    names = [key for key in block if key.isascii() and key[:1].isalpha()] or ["k"]
    block.setdefault(names[0], "x")
    used = [line.format(data.draw(st.sampled_from(names))) for line in lines]
    count = math.prod(VALUES[text] for text in block.values())
    imported = imported_from({"experiment": block, "all": f"{{experiment.{names[-1]}}}!"}, used)
    assert (imported.count, imported.is_same) == (count, True)


@pytest.mark.parametrize(
    "order", [*itertools.permutations([LINES[1], LINES[3], "#SBATCH --comment={{experiment.{0}}}"])]
)
def test_a_key_is_found_by_all_options(order: tuple[str, ...]) -> None:
    imported = imported_from({"experiment": {"k": "1,2"}}, [line.format("k") for line in order])
    assert (imported.count, imported.is_same) == (2, True)
    assert b"['k']" in imported.contents[Path("a/job.sh.jinja")]
    assert b"  k:\n" in imported.contents[Path("a/application.yaml")], "or the comment is empty"


def imported_from(config: dict[str, Any], lines: list[str]) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "a.yaml"), Path(folder, "a.in.slurm")
        for path, text in zip(paths, (dump_yaml(config), "\n".join(lines)), strict=True):
            path.write_text(text)
        return import_files(paths)

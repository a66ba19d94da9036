"""The pages for those who program, executed with a one-second application in place of CloudMask."""

from __future__ import annotations

import re
import subprocess

import pytest

import fairmesh
from tests.e2e.workplace import ROOT, Workplace

PAGE = ROOT / "site/docs/how-to/use-from-python.md"


@pytest.mark.e2e
def test_the_page_about_python_does_what_it_says(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]}, study="quick")
    text = PAGE.read_text().replace('"quick"', '"./study.yaml"').replace("epochs", "value").replace("accuracy", "score")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) > 4
    found: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), found)  # noqa: S102  our own page
    assert isinstance(found["run"], fairmesh.Run)
    assert found["run"].state == "done"


@pytest.mark.parametrize(
    ("progress", "message", "line"),
    [
        (37, "epoch 3 of 8", '# fairmesh status=running progress=37 msg="epoch 3 of 8"\n'),
        (0, "", '# fairmesh status=running progress=0 msg=""\n'),
        (5, 'a "b"\nc $(touch P) %s \\', "# fairmesh status=running progress=5 msg=\"a 'b' c $(touch P) %s \\\"\n"),
    ],
)
def test_both_helpers_of_programs_print_the_same_line(progress: int, message: str, line: str) -> None:
    folder = ROOT / "examples/progress"
    python = f"import sys; sys.path.insert(0, {str(folder)!r}); import progress; progress.report(*eval(sys.argv[1]))"
    commands = (
        ["python3", "-c", python, repr((progress, message))],
        ["sh", "-c", '. "$0/progress.sh"; report "$@"', str(folder), str(progress), message],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == line, command

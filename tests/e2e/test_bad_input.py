"""Wrong input ends with one clear line for each mistake, exit status 2, and nothing started."""

from __future__ import annotations

import pytest

from tests.e2e.workplace import Workplace

pytestmark = pytest.mark.e2e
STUDY = """\
study: sweep
application: ./toy
parameters:
  value: [1, 2]
"""


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("study.yaml", STUDY + "  valu: [1]\n", "study.yaml:5:3: 'parameters.valu': toy has no parameter 'valu'"),
        ("study.yaml", STUDY + "  seconds: [soon]\n", "study.yaml:5:13: 'parameters.seconds' must be a number"),
        ("study.yaml", STUDY + "  value: [3]\n", "study.yaml:5:3: the key 'value' appears twice, first in line 4"),
        ("study.yaml", STUDY.replace("./toy", "./toi"), "study.yaml:2:14: 'application': there is no file './toi'"),
        ("study.yaml", None, "study.yaml: cannot be read: No such file or directory"),
        ("config/config.yaml", "study: ./study.yaml\nsight: x\n", "config/config.yaml:2:1: unknown key 'sight'"),
        (
            "config/config.yaml",
            "study: ./study.yaml\nstudy: b\n",
            "config/config.yaml:2:1: the key 'study' appears twice, first in line 1",
        ),
        ("config/config.yaml", "study: quik\n", "config/config.yaml:1:8: no study 'quik'; did you mean 'quick'?"),
        ("config/config.yaml", None, "no project here: there is no config/config.yaml in "),
        (
            "config/config.yaml",
            "study: ./study.yaml\nresults: /dev/null/results\n",
            "config/config.yaml:2:10: 'results': cannot write to /dev/null/results/sweep: Not a directory",
        ),
    ],
    ids=lambda value: "" if value is None or len(value) > 60 else value,
)
def test_a_mistake_is_one_clear_line(workplace: Workplace, file: str, content: str | None, said: str) -> None:
    (workplace.folder / "study.yaml").write_text(STUDY)
    (workplace.folder / "config/studies").mkdir()
    (workplace.folder / "config/studies/quick.yaml").touch()
    if content is None:
        (workplace.folder / file).unlink()
    else:
        (workplace.folder / file).write_text(content)
    output = workplace.run(status=2)
    lines = [line for line in output.splitlines() if said in line]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    assert not workplace.starts()
    assert not workplace.results.exists()


def test_an_unknown_machine_of_the_command_line_is_named(workplace: Workplace) -> None:
    (workplace.folder / "study.yaml").write_text(STUDY)
    output = workplace.run("--config", "machine=locl", status=2)
    assert "names no machine 'locl'; did you mean 'local'?" in output

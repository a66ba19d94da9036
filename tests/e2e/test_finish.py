"""The finish hook of real runs: once at every end, in the main process, and never a reason to fail."""

from __future__ import annotations

import getpass
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
APPEND = ["sh", "-c", 'cat >> "$0"; echo >> "$0"', "heard"]


def heard(workplace: Workplace) -> list[dict[str, Any]]:
    path = workplace.folder / "heard"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_every_end_is_told_once_with_what_came_of_it(workplace: Workplace) -> None:
    workplace.configure(finish={"command": APPEND})
    workplace.study({"value": [1, 2]}, title="Two sums")
    workplace.run()
    (told,) = heard(workplace)
    assert (told["state"], told["exit_code"], told["counts"]["done"], told["failures"]) == ("done", 0, 2, [])
    assert (told["best"]["id"], told["best"]["metric"]) == ("value=2", "score")
    assert told["text"].startswith("sweep: done: 2 done; best Score ")
    assert Path(told["site"]).is_file()
    (run,) = (workplace.results / "sweep/runs").iterdir()
    assert told["run"] == run.name
    assert "finish" not in (run / "run.json").read_text()

    workplace.run()
    assert len(heard(workplace)) == 1, "nothing was to be done"

    workplace.study({"value": [1, 2], "behaviour": ["good", "exit"]})
    workplace.run(*RECORDS_ONLY, status=1)
    told = heard(workplace)[1]
    assert (told["state"], told["failed"], told["counts"]["failed"]) == ("failed", 2, 2)
    assert told["failures"][0]["last_line"] == "toy: something went wrong"


def test_a_failing_hook_changes_no_exit_code(workplace: Workplace) -> None:
    workplace.configure(finish={"command": ["no-such-program"]})
    workplace.study({"value": [1]})
    output = workplace.run(*RECORDS_ONLY)
    assert "warning: finish: program 'no-such-program', to be called at the end of the run, is not found" in output
    assert "warning: finish: no-such-program: No such file or directory" in output


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "who"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (None, f"{getpass.getuser()}@")]
)
def test_a_run_that_somebody_ends_tells_so(workplace: Workplace, number: int | None, who: str) -> None:
    workplace.configure(finish={"command": APPEND, "when": "failure"})
    workplace.study({"behaviour": ["hang", "good"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: len(workplace.starts()) == 3, "all have begun")
    if number is None:
        workplace.fairmesh("cancel", "--all")
    else:
        os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 1
    (told,) = heard(workplace)
    assert (told["state"], told["exit_code"]) == ("cancelled", 1)
    (wish,) = workplace.results.glob("sweep/runs/*/cancel.json")
    assert json.loads(wish.read_text())["who"].startswith(who)

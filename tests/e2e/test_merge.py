"""Results that came together: every verb reads them, and the workflow starts nothing of them again."""

from __future__ import annotations

import json
import subprocess

import pytest

from fairmesh import schema
from tests.e2e.workplace import Workplace

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def test_machines_come_together_and_nothing_runs_again(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]}, repeat=2)
    (workplace.folder / "config/machines.yaml").write_text(
        schema.dump_yaml({name: {"kind": "local"} for name in ("local", "laptop")})
    )
    workplace.run()
    workplace.fairmesh("render", "study.yaml", "--out", "out", "--machine", "laptop")
    subprocess.run(["bash", workplace.folder / "out/sweep/submit.sh"], env=workplace.environment, check=True)
    starts = workplace.starts()
    said = workplace.fairmesh("merge", "results", "out", "--into", "merged")
    lines = ["sweep: 4 results of local merged", "sweep: 4 results of laptop merged", "sweep: 1 run merged"]
    assert said.splitlines() == lines
    found = json.loads(workplace.fairmesh("results", "merged/sweep", "--json"))
    assert [(row["machine"], row["n"]) for row in found["rows"] if not row["baseline"]] == [
        ("local", 2),
        ("laptop", 2),
        ("local", 2),
        ("laptop", 2),
    ]
    assert "100%" in workplace.fairmesh("status", "merged/sweep")
    compared = workplace.fairmesh("compare", "local/value=1", "laptop/value=1", "--study", "merged/sweep", "--json")
    assert json.loads(compared)["metrics"][0]["noise"][1]["words"] == "the same number"
    workplace.fairmesh("site", "--results", "merged", "--site", "public")
    assert "laptop" in (workplace.folder / "public/studies/sweep/index.html").read_text(encoding="utf-8")
    assert "missing: applications" not in workplace.fairmesh("crate", "merged/sweep")
    workplace.configure(results="merged")
    workplace.run()
    assert workplace.starts() == starts

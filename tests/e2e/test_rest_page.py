"""The commands of the page about the REST service, as a person pastes them into a terminal, one after another."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.workplace import ROOT, Workplace
from tests.faces import Face

pytestmark = pytest.mark.e2e
PAGE = ROOT / "site/docs/how-to/rest-service.md"


@pytest.fixture
def service(workplace: Workplace) -> Face:
    """Return a service with a study `quick`, and its token where the page expects it."""
    workplace.study({"value": [1, 2, 3]}, study="quick")
    (workplace.folder / "config/studies").mkdir()
    study = (workplace.folder / "study.yaml").read_text().replace("./toy", "../../toy")
    (workplace.folder / "config/studies/quick.yaml").write_text(study)
    face = Face(workplace, "serve")
    face.token = workplace.folder / ".config/fairmesh/token"
    return face


def blocks() -> list[str]:
    """Return the commands of the section about curl."""
    section = re.search(r"^## With curl\n(.*?)^## ", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert section
    return re.findall(r"^```bash\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)


def test_the_commands_of_the_page_work_one_after_another(workplace: Workplace, service: Face) -> None:
    service.start()
    try:
        sections = _paste(workplace.folder, service.port)
    finally:
        service.kill()
    listed, started, followed, steered = sections
    assert "quick" in listed
    assert json.loads((workplace.folder / "run.json").read_text())["study"] == "quick"
    assert '"to_run":2' in started
    assert '"counts":{' in followed
    with (workplace.folder / "results.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)].count("done") == 2
    assert "there is nothing to retry in quick" in steered


def _paste(folder: Path, port: int) -> list[str]:
    """Return the output of each block; the shell ends at the first command that fails."""
    mark = "----"
    script = f"\necho {mark}\n".join(blocks()).replace(":8765/", f":{port}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"errors":') == 1, done.stdout
    return done.stdout.split(mark)

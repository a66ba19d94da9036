"""A folder with an odd name, and a user who is only a number, without a home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.workplace import Workplace
from tests.needs import must_have

NOBODY = 54321
ODD = "-a \"b\" 'c' $HOME;ü#%20{d}[e]&(f)*?!\\x <g>|h\ni:j"
# Whoever is root lends the right to read what others may not: the environment may lie in root's home.
AS_NOBODY = [
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *(f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient")),
    "--bounding-set=-all,+dac_read_search",
]


@pytest.mark.e2e
@pytest.mark.parametrize("home", [pytest.param({}, marks=pytest.mark.long), {"HOME": "/nonexistent"}])
def test_a_number_without_a_home_runs_and_publishes_in_a_folder_with_an_odd_name(
    tmp_path: Path, home: dict[str, str]
) -> None:
    must_have(os.geteuid() == 0 and shutil.which("setpriv"), "NOT ROOT: a user without a name was not tried")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / ODD).mkdir()
    place = Workplace(tmp_path / ODD)
    place.study({"value": [1, 2]})
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", place.folder], check=True)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **home}
    command = [*AS_NOBODY, sys.executable, "-m", "fairmesh.cli", "run", "./study.yaml"]
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(list(place.results.glob("sweep/records/local/*.json"))) == 2
    assert (place.folder / "site/public/index.html").is_file()

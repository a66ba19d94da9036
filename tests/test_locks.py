"""What is pinned: the locks agree with each other, with the conda environments, and name no address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = [*sorted((ROOT / "requirements").glob("*.lock")), ROOT / "cloudmask/requirements.lock"]
OWN = {"cffconvert"}  # environments of their own, because their pins cannot agree with those of the others
ENVIRONMENTS = sorted((ROOT / "workflow/envs").glob("*.yaml"))
CONDA_NAMES = {"tensorflow-cpu": "tensorflow"}


def requirements(lock: Path) -> list[Requirement]:
    """Return the lines of a lock without their hashes."""
    lines = re.findall(r"^([a-z0-9].*?) *\\$", lock.read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def pins(lock: Path) -> dict[str, str]:
    """Return the version of each package of a lock for Python 3.11 on Linux."""
    target = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux"}
    needed = [
        requirement
        for requirement in requirements(lock)
        if not requirement.marker or requirement.marker.evaluate(target)
    ]
    return {requirement.name: str(requirement.specifier).removeprefix("==") for requirement in needed}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(requirements(lock)) > 0
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_locks_agree() -> None:
    full = pins(ROOT / "requirements/dev.lock")
    for lock in (path for path in LOCKS if path.stem not in OWN):
        assert {name: version for name, version in pins(lock).items() if full.get(name, version) != version} == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.name)
def test_a_conda_environment_has_the_versions_of_the_lock(environment: Path) -> None:
    locked = {CONDA_NAMES.get(name, name): version for name, version in pins(ROOT / "requirements/run.lock").items()}
    dependencies = yaml.safe_load(environment.read_text())["dependencies"]
    versions = dict(dependency.split("=") for dependency in dependencies)
    assert versions.pop("python") == "3.11"
    assert versions == {name: locked[name] for name in versions}

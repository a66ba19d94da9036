"""The page *Files* lists every file of a results folder, and every key of those that several programs read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.workplace import ROOT, Workplace

pytestmark = pytest.mark.e2e
PAGE = (ROOT / "site/docs/reference/files.md").read_text(encoding="utf-8")
SECTIONS = {
    "plan.json": "plan.json",
    "experiments/*/*/experiment.json": "experiment.json",
    "experiments/*/*/claims/*": "Claims",
    "experiments/*/*/attempts/*/status.json": "status.json",
    "records/*/*.json": "commit.json and records",
    "stages/*.json": "commit.json and records",
    "runs/*/run.json": "run.json",
    "published.json": "published.json and publication.json",
    "publication.json": "published.json and publication.json",
    "../environments/*.json": "environments/<sha256>.json",
}
ELSEWHERE = re.compile(
    r"croissant\.json|datacite\.json|datapackage\.json|CITATION\.cff|SHA256SUMS|README\.md|.*preview\.html"
)


def described(section: str) -> set[str]:
    """Return the words in code type of a section; a section may refer to the keys of a plan's entry or of a claim."""
    text = re.split(r"^## ", PAGE.partition(f"\n## {section}")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return {word for code in re.findall(r"`([^`]+)`", text) for word in re.split(r"\W+", code)}


@pytest.fixture
def study(workplace: Workplace) -> Path:
    """Return the results of a finished study."""
    workplace.study({"value": [1, 2]}, repeat=2)
    workplace.run()
    return workplace.results / "sweep"


def test_the_page_lists_every_key_and_every_file(study: Path) -> None:
    for pattern, section in SECTIONS.items():
        paths = sorted(study.glob(pattern))
        assert paths, pattern
        keys = json.loads(paths[0].read_bytes()).keys() - {"format"}
        assert keys <= described(section), f"{pattern}: {keys - described(section)}"
    event = json.loads(next(study.glob("runs/*/events.jsonl")).read_text().splitlines()[0])
    assert event.keys() <= described("events.jsonl")
    entry = json.loads((study / "plan.json").read_bytes())["experiments"][0]
    assert entry.keys() <= described("plan.json")
    folders = (study, next(study.glob("experiments/*/*")), next(study.glob("runs/*")))
    for path in (path for folder in folders for path in folder.iterdir() if not path.name.startswith(".")):
        assert path.name in PAGE or ELSEWHERE.fullmatch(path.name), path

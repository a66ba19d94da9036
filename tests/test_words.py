"""Words that the project has left do not come back: in names, docstrings, messages and pages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("fairmesh", "cloudmask", "benchmarks", "tests", *(path.name for path in ROOT.glob("snakemake_*_plugin_*")))
PAGES = ("README.md", "CONTRIBUTING.md", "config", "profiles", "site/docs", "workflow/templates", "workflow/rules")

# The class that was, and the one that a reader guesses.
CLASSES = {
    "Asked": "Query",
    "Boards": "StatusFeeds",
    "Bringing": "MergeItem",
    "Family": "ProcessTree",
    "Foreign": "UntrustedFolder",
    "Found": "the noun of what was found",
    "Kept": "CachedValue",
    "Memo": "FileCache",
    "News": "JobEvents",
    "Offer": "SourceResult",
    "Place": "Project",
    "Ring": "EventBuffer",
    "Selection": "PlanSelection or JobSelection",
    "Settler": "ApplicationValidator",
    "Standing": "State",
    "Teller": "StatusBuilder",
    "Told": "Snapshot",
    "Trail": "Dependencies",
    "Wish": "RunRequest",
    "Witnesses": "Evidence",
}
# The first word of a docstring, and what Python's own documentation would write.
BEGINNINGS = {
    "Give": "Return",
    "Hold": "Keep or Check",
    "Let": "what it does",
    "Say": "Return",
    "Tell": "Return whether",
}
BEGINNINGS |= {f"{verb}s": better for verb, better in BEGINNINGS.items()}
# In any case of letters, in code and pages.
PHRASES = {
    "no row is like that": "no matching rows",
    "what makes bash complete": "a shell-completion script",
    "however roughly": "at any time",
    "lists the experiments that the study comes to": "lists the study's experiments",
    "somebody is at it": "a run is already in progress",
    "nobody foresaw": "internal error",
    "there is no verb": "unknown command",
    "killed nothing else": "killing Snakemake does not stop its jobs",
    "principle falls": "principle fails",
    "pip install 'fairmesh": "fairmesh.extras, since no index has a package of this name",
    "what you have in cloudmesh": "convert a Cloudmesh experiment",
}


def python_files() -> Iterator[Path]:
    """Yield the modules, but this one."""
    for folder in CODE:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if path != Path(__file__))


def pages() -> Iterator[Path]:
    """Yield what people read besides the code."""
    for name in PAGES:
        path = ROOT / name
        yield from [path] if path.is_file() else sorted(page for page in path.rglob("*.*") if page.is_file())


def wrong_names(code: str) -> list[str]:
    """Return the lines of classes and docstrings that use a word of the lists, and of loops over ``each``."""
    wrong = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ClassDef) and node.name.lstrip("_") in CLASSES:
            wrong.append(f"{node.lineno}: class {node.name}; call it {CLASSES[node.name.lstrip('_')]}")
        if isinstance(node, (ast.For, ast.comprehension)) and any(map(_is_each, ast.walk(node.target))):
            wrong.append(f"{node.iter.lineno}: a loop over each; name the thing")
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            word = (ast.get_docstring(node, clean=False) or " ").split(" ")[0].split("\n")[0]
            if word in BEGINNINGS:
                wrong.append(f"{getattr(node, 'lineno', 1)}: a docstring begins with {word}; write {BEGINNINGS[word]}")
    return wrong


def _is_each(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "each"


def wrong_phrases(text: str) -> list[str]:
    """Return the lines that contain a phrase of the list."""
    return [
        f"{number}: {phrase!r}; write {better!r}"
        for number, line in enumerate(text.lower().splitlines(), 1)
        for phrase, better in PHRASES.items()
        if phrase in line
    ]


def test_names_and_docstrings_use_the_words_of_the_field() -> None:
    wrong = []
    for path in python_files():
        wrong += [f"{path.relative_to(ROOT)}:{line}" for line in wrong_names(path.read_text())]
    assert wrong == []


def test_messages_and_pages_use_plain_phrases() -> None:
    paths = [*python_files(), *(path for path in pages() if path.suffix in {".md", ".jinja", ".smk", ".yaml"})]
    assert len(paths) > 100
    assert [f"{path}:{line}" for path in paths for line in wrong_phrases(path.read_text())] == []


@pytest.mark.parametrize(
    "code",
    [
        "for each in lines: pass",
        "names = [each for _, each in pairs]",
        "class Teller: ...",
        "class _Told: ...",
        'def f():\n    """Give it."""',
        '"""Gives\nmore."""',
    ],
)
def test_a_planted_word_is_found(code: str) -> None:
    assert len(wrong_names(code)) == 1
    for wrong, better in {
        "Teller": "Builder",
        "Told": "State",
        "Gives": "Return",
        "Give": "Return",
        "each": "line",
    }.items():
        code = code.replace(wrong, better)
    assert wrong_names(code) == []


def test_a_planted_phrase_is_found() -> None:
    assert wrong_phrases("x\nNo row is like that.\n") == ["2: 'no row is like that'; write 'no matching rows'"]

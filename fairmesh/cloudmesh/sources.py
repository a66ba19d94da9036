"""The files that a person brings along: read, told apart, and put together as Cloudmesh does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairmesh.errors import InputError, Problem, place
from fairmesh.schema import Node, load_yaml
from fairmesh.study.references import EXPERIMENT, WORKFLOW

CONFIGURATIONS = (".yaml", ".yml", ".json")
TEMPLATES = (".slurm", ".sbatch", ".lsf", ".bsub", ".sh", ".bash")
PROGRAMS = (".py", ".ipynb")


@dataclass
class Sources:
    """What was brought along.

    Parameters
    ----------
    config : Node
        All configuration files as one map; every value knows its file.
    first : Path or None
        The first configuration file, after which a study can be named.
    template : Path or None
        The batch script.
    text : str
        Its content.
    notes : list of str
        What could not be carried over.
    """

    config: Node = field(default_factory=lambda: Node({}))
    first: Path | None = None
    template: Path | None = None
    text: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the scripts of a workflow are looked for."""
        return (self.first or self.template or Path()).parent


def read_sources(paths: Sequence[Path]) -> Sources:
    """Read the files.

    Raises
    ------
    InputError
        With all mistakes of all files, or if there is nothing to import in them.
    """
    found, problems = Sources(), list[Problem]()
    for path in paths:
        try:
            _read(path, found, problems)
        except InputError as error:
            problems += error.problems
    blocks = found.config.entries.keys() & {EXPERIMENT, WORKFLOW}
    if not problems and not blocks and found.template is None:
        where = place(found.first) if found.first else ", ".join(map(place, paths))
        near = EXPERIMENT if "experiments" in found.config.entries else ""
        message = f"has neither an {EXPERIMENT!r} block nor a {WORKFLOW!r} block"
        problems.append(Problem(message, where, near=near))
    if problems:
        raise InputError(problems)
    return found


def _read(path: Path, found: Sources, problems: list[Problem]) -> None:
    if path.suffix in CONFIGURATIONS:
        _add(load_yaml(path, problems), path, found, problems)
    elif path.suffix in PROGRAMS:
        found.notes.append(f"{place(path)}: a program is not run to learn values from it; write them into a YAML file")
    elif path.suffix not in TEMPLATES:
        allowed = f"{', '.join(CONFIGURATIONS)} for configurations and workflows, {', '.join(TEMPLATES)} for templates"
        problems.append(Problem("its name does not say what it is", place(path), allowed))
    elif found.template is not None:
        message = f"is a second template beside {place(found.template)}; each makes an application of its own"
        problems.append(Problem(message, place(path), "one template a call, and --name for the name of each"))
    else:
        found.template, found.text = path, _text(path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError([Problem(f"is not UTF-8: byte {error.start + 1}", place(path))]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([Problem(f"cannot be read: {reason}", place(path))]) from error


def _add(node: Node, path: Path, found: Sources, problems: list[Problem]) -> None:
    """Put a file over those before it: its top keys replace theirs, whole."""
    if not isinstance(node.value, dict):
        problems.append(Problem("must be a map of blocks", node.place(path)))
        return
    found.first = found.first or path
    for key in node.entries.keys() & found.config.entries.keys():
        found.notes.append(f"{node.key_place(path, key)}: {key!r} replaces the block of that name before it")
    added = {key: placed(each, path) for key, each in node.entries.items()}
    found.config = replace(found.config, value=found.config.entries | added)


def placed(node: Node, path: Path) -> Node:
    """Return a value that knows its file, and so do all values in it."""
    value = node.value
    if isinstance(value, dict):
        value = {key: placed(each, path) for key, each in value.items()}
    elif isinstance(value, list):
        value = [placed(each, path) for each in value]
    return replace(node, value=value, source=node.place(path))

"""Read the files to import by their suffix, and merge them as Cloudmesh does."""

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
    """The content of the files.

    Parameters
    ----------
    config : Node
        All configuration files as one map; each value has its file as source.
    first : Path or None
        The first configuration file.
    template : Path or None
        The batch script.
    text : str
        Its text.
    notes : list of str
        Notes on what is not imported.
    """

    config: Node = field(default_factory=lambda: Node({}))
    first: Path | None = None
    template: Path | None = None
    text: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The folder that has the scripts of a workflow."""
        return (self.first or self.template or Path()).parent


def read_sources(paths: Sequence[Path]) -> Sources:
    """Read the files.

    Raises
    ------
    InputError
        With all mistakes of all files, or if there is nothing to import in them.
    """
    sources, problems = Sources(), list[Problem]()
    for path in paths:
        try:
            _read(path, sources, problems)
        except InputError as error:
            problems += error.problems
    blocks = sources.config.entries.keys() & {EXPERIMENT, WORKFLOW}
    if not problems and not blocks and sources.template is None:
        where = place(sources.first) if sources.first else ", ".join(map(place, paths))
        near = EXPERIMENT if "experiments" in sources.config.entries else ""
        message = f"has neither an {EXPERIMENT!r} block nor a {WORKFLOW!r} block"
        problems.append(Problem(message, where, near=near))
    if problems:
        raise InputError(problems)
    return sources


def _read(path: Path, sources: Sources, problems: list[Problem]) -> None:
    if path.suffix in CONFIGURATIONS:
        _add_configuration(load_yaml(path, problems), path, sources, problems)
    elif path.suffix in PROGRAMS:
        sources.notes.append(f"{place(path)}: programs are not run; write the values that it computes in a YAML file")
    elif path.suffix not in TEMPLATES:
        allowed = f"{', '.join(CONFIGURATIONS)} for configurations and workflows, {', '.join(TEMPLATES)} for templates"
        problems.append(Problem("has a suffix that is not known", place(path), allowed))
    elif sources.template is not None:
        message = f"is a second template beside {place(sources.template)}; each makes an application of its own"
        problems.append(Problem(message, place(path), "one template a call, and --name for the name of each"))
    else:
        sources.template, sources.text = path, _read_text(path)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError([Problem(f"is not UTF-8: byte {error.start + 1}", place(path))]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([Problem(f"cannot be read: {reason}", place(path))]) from error


def _add_configuration(node: Node, path: Path, sources: Sources, problems: list[Problem]) -> None:
    """Merge a file with those before it: its top-level keys replace theirs."""
    if not isinstance(node.value, dict):
        problems.append(Problem("must be a map of blocks", node.place(path)))
        return
    sources.first = sources.first or path
    for key in node.entries.keys() & sources.config.entries.keys():
        sources.notes.append(f"{node.key_place(path, key)}: {key!r} replaces the block of that name before it")
    added = {key: _with_source(value, path) for key, value in node.entries.items()}
    sources.config = replace(sources.config, value=sources.config.entries | added)


def _with_source(node: Node, path: Path) -> Node:
    """Return a value with its file as source, like all values in it."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _with_source(entry, path) for key, entry in value.items()}
    elif isinstance(value, list):
        value = [_with_source(member, path) for member in value]
    return replace(node, value=value, source=node.place(path))

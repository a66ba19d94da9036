"""Import files of Cloudmesh: read them into a draft, check the result, and write it."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fairmesh import files
from fairmesh.cloudmesh.draft import CODE, RUN, TEMPLATE, Draft, last_node_text, template_text
from fairmesh.cloudmesh.experiment import Block, declare_block, read_block
from fairmesh.cloudmesh.resources import OptionReader
from fairmesh.cloudmesh.script import ScriptReader, Variable, run_text, skeleton
from fairmesh.cloudmesh.sources import Sources, read_sources
from fairmesh.cloudmesh.workflow import LAST, WorkflowReader
from fairmesh.errors import FairmeshError, InputError, Problem, place
from fairmesh.project import STUDIES
from fairmesh.schema import Node
from fairmesh.study import load_plan
from fairmesh.study.cloudmesh import application_node, study_name
from fairmesh.study.find import APPLICATION
from fairmesh.study.references import EXPERIMENT, WORKFLOW, References

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OF_CLOUDMESH = ("ee", "sbatch", "system", "colors", "identifier", "name", "application")
_FILE = re.compile(r"(?<![\w.-])[\w.-]+\.[A-Za-z]\w*")  # matches whole words, so that long ones are scanned once
_CALL = f'exec bash "$FAIRMESH_APPLICATION/{RUN}"'


@dataclass
class Imported:
    """The result of an import.

    Parameters
    ----------
    name : str
        The name of the study and the application.
    contents : dict of Path to bytes
        The files, by their path in the target folder.
    notes : list of str
        Notes for the user, one line each.
    count : int
        The number of experiments.
    stages : int
        The number of stages before the experiment, if it is a workflow; else -1.
    is_same : bool
        Whether Cloudmesh has the same number of experiments.
    """

    name: str
    contents: dict[Path, bytes]
    notes: list[str]
    count: int
    stages: int = -1
    is_same: bool = True

    @property
    def summary(self) -> str:
        """The number of experiments or stages, in a line."""
        if self.stages < 0:
            same = ", as Cloudmesh makes of it" if self.is_same else ""
            return f"{self.count} experiment{'s' * (self.count != 1)}{same}"
        return f"{self.stages} stage{'s' * (self.stages != 1)} and the experiment, which ends the workflow"

    @property
    def study(self) -> Path:
        """The study's path below the folder."""
        return STUDIES / f"{self.name}.yaml"


def import_files(paths: Sequence[Path], name: str = "", variables: Sequence[str] = ()) -> Imported:
    """Convert files of Cloudmesh to a study, an application and a template.

    Parameters
    ----------
    paths : sequence of Path
        Configurations of ``cms ee``, where top-level keys of a later one replace those of earlier ones; a template of a
        batch script; a workflow of ``cms cc``.
    name : str, optional
        The name of the study and the application; that of the first file by default.
    variables : sequence of str, optional
        Environment variables that the files may refer to, besides the usual ones.

    Raises
    ------
    InputError
        With all mistakes of the files.
    """
    sources = read_sources(paths)
    name = name or study_name(sources.first or _without_in(sources.template or Path("study")))
    if not _NAME.fullmatch(name):
        raise InputError([Problem(f"--name {name!r} must be of letters, digits, '.', '_' and '-'")])
    wrong = [variable for variable in variables if not _VARIABLE.fullmatch(variable)]
    if wrong:
        raise InputError(Problem(f"--os {variable!r} is no name of a variable") for variable in wrong)
    origin = " ".join(shlex.quote(str(path)) for path in paths)
    draft = Draft(name, _title(sources.config, name), origin, notes=sources.notes)
    return _Importer(sources, draft, variables).run()


class _Importer:
    """Reads the parts of an import into a draft."""

    def __init__(self, sources: Sources, draft: Draft, variables: Sequence[str]) -> None:
        self.sources, self.draft = sources, draft
        self.problems: list[Problem] = []
        self.references = References(sources.config, Path(), self.problems, variables)
        self.block = Block()

    def run(self) -> Imported:
        ends = self._read_configuration()
        self._check()
        contents = self._application(ends)
        self._check()
        self._add_notes()
        paths = {STUDIES / f"{self.draft.name}.yaml": self.draft.study_text().encode()}
        paths |= {Path(self.draft.name, file): content for file, content in (contents | self.draft.files).items()}
        imported = Imported(self.draft.name, paths, self.draft.notes, self.block.count)
        imported.stages = len(self.draft.stages) - 1 if self.draft.is_workflow else -1
        _try_out(imported)
        return imported

    def _check(self) -> None:
        if self.problems:
            raise InputError(self.problems)

    def _read_configuration(self) -> list[str]:
        """Read the blocks, and return the stages that no other needs."""
        self.references.check()
        entries = self.sources.config.entries
        if EXPERIMENT in entries:
            self.block = read_block(entries[EXPERIMENT], self.references, self.problems, self.draft.notes)
            declare_block(self.block, self.draft)
        if WORKFLOW not in entries:
            return []
        return WorkflowReader(entries[WORKFLOW], self.sources.folder, self.draft, self.problems).read()

    def _application(self, ends: list[str]) -> dict[str, bytes]:
        """Return the files of the application."""
        if self.sources.template is None and EXPERIMENT not in self.sources.config.entries:
            return self._last_node(ends)
        parameters, contents = self._script()
        arguments = [f"{parameter}={{{{ {parameter} }}}}" for parameter in parameters]
        command = ["bash", "-c", f'{_CALL} "$@"', RUN, *arguments]
        if ends:
            self.draft.stages[LAST] = {"command": command, "needs": ends}
        text = self.draft.application_text(None if ends else command, TEMPLATE in contents)
        return {APPLICATION: text.encode(), **contents}

    def _last_node(self, ends: list[str]) -> dict[str, bytes]:
        """End a workflow in its last node, or in a stage after all of its ends."""
        command = ["bash", "-c", _CALL]
        if len(ends) == 1:
            entry = self.draft.stages.pop(ends[0])
            file = next(name for name in self.draft.files if PurePosixPath(name).stem == ends[0])
            script = last_node_text(file, "python3" if file.endswith(".py") else "bash")
            self.draft.stages[ends[0]] = entry | {"command": command}
        else:
            script = last_node_text("", "")
            self.draft.stages[LAST] = {"title": "all nodes have ended", "command": command, "needs": ends}
        self.draft.is_workflow = True
        text = self.draft.application_text(None, has_template=False)
        return {APPLICATION: text.encode(), RUN: script.encode()}

    def _script(self) -> tuple[list[str], dict[str, bytes]]:
        """Return the parameters that the experiment's script takes, and the files that it needs."""
        path = self.sources.template or Path()
        script = ScriptReader(self.draft, self.block, self.references, path, self.problems)
        lines = script.read(self.sources.text)
        options = OptionReader(self.draft, self.block, self.references, path, self.problems)
        options.read(script.options, script.used_keys)
        used: list[Variable] = list(script.used.values())
        if self.sources.template is None:
            used, lines = skeleton(self.draft.parameters)
        else:
            self._copy_code(path, lines)
        has_code = any(file.startswith(f"{CODE}/") for file in self.draft.files)
        contents = {RUN: run_text(self.draft, used, lines, has_code).encode()}
        if options.header:
            contents[TEMPLATE] = template_text(options.header).encode()
        return [variable.parameter for variable in used if variable.parameter], contents

    def _copy_code(self, template: Path, lines: Sequence[str]) -> None:
        """Add the files next to the template that its lines name; each experiment gets a copy of them."""
        words = {word for line in lines for word in _FILE.findall(line)} - {template.name, "config.yaml"}
        for path in (template.parent / word for word in sorted(words)):
            if path.is_file():
                self.draft.files[f"{CODE}/{path.name}"] = path.read_bytes()
                self.draft.notes.append(f"{place(path)} is copied, and each experiment gets a copy of it")

    def _add_notes(self) -> None:
        """Add notes on what else is not imported."""
        entries = self.sources.config.entries
        notes = self.draft.notes
        if "host" in entries.get("system", Node(None)).entries:
            notes.append("'system.host': config/machines.yaml describes hosts, and the profile of a run chooses one")
        for name, node in self.references.values.items():
            if isinstance(node.value, str) and "eval(" in node.value:
                notes.append(f"{node.source}: {name!r}: eval() is not computed")
        others = [key for key in entries if key not in (EXPERIMENT, WORKFLOW, *_OF_CLOUDMESH)]
        if others and EXPERIMENT in entries:
            notes.append(
                f"a program that reads {', '.join(others)} from config.yaml finds parameters there, and no blocks"
            )
        if self.sources.template or EXPERIMENT in entries:
            notes.append("the program must write metrics.json, which Cloudmesh does not ask for; see run.sh")


def _title(config: Node, name: str) -> str:
    named = application_node(config) or config.entries.get("name")
    value = named.value if named is not None else None
    return value if isinstance(value, str) and value.strip() and value.isprintable() and "{" not in value else name


def _without_in(path: Path) -> Path:
    """Return the path of a configuration with the name of a template."""
    return path.with_name(re.sub(r"\.in$", "", path.stem) + ".yaml")


def _try_out(imported: Imported) -> None:
    """Check the result before anything is written to the target folder."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in imported.contents.items():
            files.write_bytes(Path(folder, path), content)
        try:
            plan = load_plan(Path(folder, imported.study), Path(folder), "local")
        except InputError as error:
            messages = [str(problem).removeprefix(place(Path(folder)) + "/") for problem in error.problems]
            raise InputError(Problem(f"the result would have a mistake: {message}") for message in messages) from error
        script = Path(folder, imported.name, RUN)
        checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    if len(plan.experiments) != imported.count:
        imported.notes.append(
            f"Cloudmesh makes {imported.count} experiments of it; here there are {len(plan.experiments)}"
        )
        imported.count, imported.is_same = len(plan.experiments), False
    if checked.returncode:
        reason = "".join(checked.stderr.strip().splitlines()[:1]).replace(folder + "/", "")
        imported.notes.append(f"run.sh is no complete shell script: {reason}")


def write(imported: Imported, out: Path, force: bool) -> list[Path]:
    """Write the files, and return their paths.

    Parameters
    ----------
    imported : Imported
        The files.
    out : Path
        The target folder.
    force : bool
        Whether files that exist may be replaced.

    Raises
    ------
    InputError
        If a file exists and differs, or an application cannot be there.
    FairmeshError
        If a file cannot be written.
    """
    if (out / imported.name / "__init__.py").exists():
        message = f"{place(out / imported.name)} is a Python package; choose another name"
        raise InputError([Problem(message, "--name")])
    try:
        differing = [path for path, content in imported.contents.items() if _differs(out / path, content)]
        if differing and not force:
            raise InputError(
                Problem("exists and differs; --force replaces it", place(out / path)) for path in differing
            )
        for path, content in imported.contents.items():
            files.write_bytes(out / path, content, files.PROGRAM if path.suffix == ".sh" else files.PLAIN)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError([Problem(f"{error.filename or out} is in the way: it is a file", "--out")]) from error
    except OSError as error:
        raise FairmeshError(f"{error.filename or out}: {error.strerror}") from error
    return [out / path for path in imported.contents]


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != content)

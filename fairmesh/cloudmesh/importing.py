"""Files of Cloudmesh become a study, an application and a template."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fairmesh.cloudmesh import texts
from fairmesh.cloudmesh.draft import Draft
from fairmesh.cloudmesh.experiment import Block, declare_block, read_block
from fairmesh.cloudmesh.requests import Requests
from fairmesh.cloudmesh.sources import Sources, read_sources
from fairmesh.cloudmesh.statements import TABLE, Statement, take_apart
from fairmesh.cloudmesh.variables import Variable, Variables
from fairmesh.cloudmesh.workflow import LAST, WorkflowReader
from fairmesh.cloudmesh.writing import Imported, try_out
from fairmesh.errors import InputError, Problem, place
from fairmesh.schema import Node
from fairmesh.study.cloudmesh import application_node, study_name
from fairmesh.study.find import APPLICATION, STUDIES
from fairmesh.study.references import EXPERIMENT, WORKFLOW, References

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OF_CLOUDMESH = ("ee", "sbatch", "system", "colors", "identifier", "name", "application")
_WATCH = re.compile(r"\s*cms\s+gpu\s+watch\b")
_FILE = re.compile(r"(?<![\w.-])[\w.-]+\.[A-Za-z]\w*")  # tried where a word begins: a long one is read once
_END = re.compile(r"\s*exit\s+0\s*;?\s*")


def import_files(paths: Sequence[Path], name: str = "", variables: Sequence[str] = ()) -> Imported:
    """Make a study, an application and a template of files of Cloudmesh.

    Parameters
    ----------
    paths : sequence of Path
        Configurations of ``cms ee``, of which a later one's top keys replace those before; a template of a batch
        script; a workflow of ``cms cc``.
    name : str, optional
        Of the study and the application; after the first file by default.
    variables : sequence of str, optional
        Variables of the environment that the files may refer to, besides the usual ones.

    Raises
    ------
    InputError
        With all mistakes of the files.
    """
    sources = read_sources(paths)
    name = name or study_name(sources.first or _without_in(sources.template or Path("study")))
    if not _NAME.fullmatch(name):
        raise InputError([Problem(f"--name {name!r} must be of letters, digits, '.', '_' and '-'")])
    wrong = [each for each in variables if not _VARIABLE.fullmatch(each)]
    if wrong:
        raise InputError(Problem(f"--os {each!r} is no name of a variable") for each in wrong)
    return _Import(sources, name, variables, " ".join(shlex.quote(str(path)) for path in paths)).run()


class _Import:
    """One import: reads the parts one after the other into a draft, and writes it."""

    def __init__(self, sources: Sources, name: str, variables: Sequence[str], origin: str) -> None:
        self.sources, self.origin = sources, origin
        self.problems: list[Problem] = []
        self.references = References(sources.config, Path(), self.problems, variables)
        self.draft = Draft(name, _title(sources.config, name), notes=sources.notes)
        self.block = Block()
        self.path = sources.template or Path()

    def run(self) -> Imported:
        ends = self._configuration()
        self._check()
        contents = self._experiment(ends)
        self._check()
        self._tell()
        below = {STUDIES / f"{self.draft.name}.yaml": texts.study_text(self.draft, self.origin).encode()}
        below |= {Path(self.draft.name, file): content for file, content in (contents | self.draft.files).items()}
        imported = Imported(self.draft.name, below, self.draft.notes, self.block.count)
        imported.stages = len(self.draft.stages) - 1 if self.draft.is_workflow else -1
        try_out(imported)
        return imported

    def _check(self) -> None:
        if self.problems:
            raise InputError(self.problems)

    def _configuration(self) -> list[str]:
        """Read the blocks; give the stages that nothing follows."""
        self.references.check()
        entries = self.sources.config.entries
        if EXPERIMENT in entries:
            self.block = read_block(entries[EXPERIMENT], self.references, self.problems, self.draft.notes)
            declare_block(self.block, self.draft)
        if WORKFLOW not in entries:
            return []
        return WorkflowReader(entries[WORKFLOW], self.sources.folder, self.draft, self.problems).read()

    def _experiment(self, ends: list[str]) -> dict[str, bytes]:
        """Return the files of the application."""
        if self.sources.template is None and EXPERIMENT not in self.sources.config.entries:
            return self._last_node(ends)
        command, contents = self._template()
        if ends:
            self.draft.stages[LAST] = {"command": command, "needs": ends}
        text = texts.application_text(self.draft, self.origin, None if ends else command, texts.TEMPLATE in contents)
        return {APPLICATION: text.encode(), **contents}

    def _last_node(self, ends: list[str]) -> dict[str, bytes]:
        """Let a workflow end in its last node, or after all of its ends."""
        call = f'exec bash "$FAIRMESH_APPLICATION/{texts.RUN}"'
        if len(ends) == 1:
            entry = self.draft.stages.pop(ends[0])
            file = next(each for each in self.draft.files if PurePosixPath(each).stem == ends[0])
            script = texts.last_text(file, "python3" if file.endswith(".py") else "bash")
            self.draft.stages[ends[0]] = entry | {"command": ["bash", "-c", call]}
        else:
            script = texts.last_text("", "")
            self.draft.stages[LAST] = {"title": "all nodes have ended", "command": ["bash", "-c", call], "needs": ends}
        self.draft.is_workflow = True
        text = texts.application_text(self.draft, self.origin, None, has_template=False)
        return {APPLICATION: text.encode(), texts.RUN: script.encode()}

    def _template(self) -> tuple[list[str], dict[str, bytes]]:
        """Return the command of the experiment, and the files that it needs."""
        variables = Variables(self.draft, self.block, self.references, self.path, self.sources.text, self.problems)
        script = take_apart(self.sources.text)
        in_setup: dict[str, Variable] = {}
        in_program: dict[str, Variable] = {}
        setup = [variables.rewritten(each, in_setup) for each in script.setup]
        program = [variables.rewritten(each, in_program) for each in self._kept(script.program)]
        requests = Requests(self.draft, self.block, self.references, variables.keys, self.path, self.problems)
        requests.carry(script.options)
        if script.has_table:
            self.draft.notes.append(f"{place(self.path)}: '{TABLE}': fairmesh writes these lines from resources")
        if self.sources.template is None:
            in_program = {name: Variable(name, name) for name in self.draft.parameters}
            program = texts.skeleton(list(in_program.values()))
        self._carry_code(script.program)
        contents = {texts.RUN: texts.run_text(self.origin, in_program.values(), program, self._has_code).encode()}
        if requests.header or setup:
            template = texts.template_text(requests.header, setup, in_setup.values(), bool(self.draft.stages))
            contents[texts.TEMPLATE] = template.encode()
        parameters = [each.parameter for each in in_program.values() if each.parameter]
        return [*_CALL, *(f"{each}={{{{ {each} }}}}" for each in parameters)], contents

    def _kept(self, program: Sequence[Statement]) -> list[Statement]:
        """Leave out what fairmesh does itself, and an end that hides failures."""
        kept = list(program)
        for each in program:
            if _WATCH.match(each.text):
                self.draft.notes.append(f"{self._line(each)}: `cms gpu watch` is left out: fairmesh measures by itself")
                kept.remove(each)
        while kept and not kept[-1].text.strip():
            kept.pop()
        if kept and _END.fullmatch(kept[-1].text):
            self.draft.notes.append(f"{self._line(kept[-1])}: `exit 0` is left out: it would hide a failure")
            kept.pop()
        return kept

    def _line(self, statement: Statement) -> str:
        return place(self.path, statement.line, 1)

    def _carry_code(self, program: Sequence[Statement]) -> None:
        """Add the files beside the template that its lines name: experiments find them where they start."""
        words = {word for each in program for word in _FILE.findall(each.text)}
        beside = [self.path.parent / word for word in sorted(words)] if self.sources.template else []
        known = {self.path, *(self.path.parent / each for each in ("config.yaml",))}
        for path in beside:
            if path not in known and path.is_file():
                self.draft.files[f"{texts.CODE}/{path.name}"] = path.read_bytes()
                self.draft.notes.append(f"{place(path)} is copied, and each experiment gets a copy of it")

    @property
    def _has_code(self) -> bool:
        return any(file.startswith(f"{texts.CODE}/") for file in self.draft.files)

    def _tell(self) -> None:
        """Say what else could not be carried over."""
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
            notes.append("the program must write metrics.json, which Cloudmesh has not; run.sh says how")


_CALL = ["bash", "-c", f'exec bash "$FAIRMESH_APPLICATION/{texts.RUN}" "$@"', texts.RUN]


def _title(config: Node, name: str) -> str:
    named = application_node(config) or config.entries.get("name")
    value = named.value if named is not None else None
    return value if isinstance(value, str) and value.strip() and value.isprintable() and "{" not in value else name


def _without_in(path: Path) -> Path:
    """Return a template's path as if it were that of a configuration."""
    return path.with_name(re.sub(r"\.in$", "", path.stem) + ".yaml")

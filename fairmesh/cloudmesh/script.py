"""Convert a batch script: a shell variable replaces each ``{a.b}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fairmesh.cloudmesh.draft import CODE, RUN, Draft, DraftParameter, comment
from fairmesh.cloudmesh.experiment import DIRECTIVE, Block, infer_type, parameter_of
from fairmesh.cloudmesh.options import LINE, Option, read_options
from fairmesh.cloudmesh.resources import CARD_NAME
from fairmesh.errors import Problem, nearest, place
from fairmesh.schema import Node
from fairmesh.study.references import EXPERIMENT, OS, OWN, REFERENCE, References

TABLE = "{slurm.sbatch}"
IDENTIFIER = "ee.identifier"

_DOUBLE_QUOTED = re.compile(r'"[^"]*"')
_FOR_A_SHELL = re.compile(r"""(\b(ba|z|k|da)?sh(\s+-\w+)*\s+-\w*c|\beval|\bssh\s[^|;&"']*)\s*("[^"]*|'[^']*)$""")
_MAX_LINE = 500  # characters before a reference in which quotes are looked for
_DOUBTS = (
    (re.compile(r"\s*cms\s+gpu\s+watch\b"), "`cms gpu watch` is not needed: fairmesh measures energy itself"),
    (re.compile(r"\s*exit\s+0\s*;?\s*$"), "`exit 0` hides a failure of the program: remove it"),
)


@dataclass
class Variable:
    """A shell variable that is set before the first line of a script.

    Parameters
    ----------
    name : str
        Its name in the shell.
    parameter : str
        The parameter whose value it has; empty if it consists of others.
    text : str
        Its value as shell text in double quotes; without parameter and text, it is the experiment's id.
    needs : list of str
        The references in the text.
    """

    name: str
    parameter: str = ""
    text: str = ""
    needs: list[str] = field(default_factory=list)


class ScriptReader:
    """Reads a batch script: its options, and its lines with variables.

    Parameters
    ----------
    draft : Draft
        Gets the parameters that the script needs.
    block : Block
        The keys of the experiment.
    references : References
        The values of all other keys.
    path : Path
        The script, for messages.
    problems : list of Problem
        Mistakes are added to it.

    Attributes
    ----------
    options : list of Option
        The options for the scheduler.
    used : dict of str to Variable
        The variables that the lines need, by reference, each after those in its text.
    """

    def __init__(self, draft: Draft, block: Block, references: References, path: Path, problems: list[Problem]) -> None:
        self._draft, self._block, self._references = draft, block, references
        self._path, self._problems = path, problems
        self._own_words: set[str] = set()
        self._known: dict[str, Variable] = {}
        self.options: list[Option] = []
        self.used: dict[str, Variable] = {}

    @property
    def used_keys(self) -> Iterator[str]:
        """The keys of the experiment that the lines use."""
        return (name.removeprefix(f"{EXPERIMENT}.") for name in self.used if name.startswith(f"{EXPERIMENT}."))

    def read(self, text: str) -> list[str]:
        """Return the lines of the script, without the options."""
        self._own_words = set(re.findall(r"\b[A-Za-z_]\w*\b", REFERENCE.sub(" ", text)))
        lines: list[str] = []
        has_begun = has_table = False  # a scheduler reads no option after the first command
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            if not has_begun and LINE.match(line):
                self.options += read_options(line.strip(), number)
            elif TABLE in line:
                has_table = True
            elif not (number == 1 and line.startswith("#!")):
                is_comment = line.lstrip().startswith("#")
                has_begun = has_begun or not (is_comment or line.isspace())
                lines.append(line if is_comment else self._replace(line, number))
        if has_table:
            self._note(1, f"'{TABLE}' is removed: fairmesh writes these lines from the resources", place(self._path))
        return lines

    def _replace(self, line: str, number: int) -> str:
        """Return a line with variables in place of references."""
        for pattern, doubt in _DOUBTS:
            if pattern.match(line):
                self._note(number, doubt)
        pieces: list[str] = []
        start = 0
        for match in REFERENCE.finditer(line):
            where = place(self._path, number, match.start() + 1)
            name = self._variable(match[1], where)
            if name:
                pieces += [line[start : match.start()], _expansion(name, line[: match.start()])]
                start = match.end()
        return "".join([*pieces, line[start:]])

    def _note(self, number: int, message: str, where: str = "") -> None:
        self._draft.notes.append(f"{where or place(self._path, number, 1)}: {message}")

    def _variable(self, name: str, where: str) -> str:
        """Return the shell variable for a reference; empty if it is not a reference, and stays unchanged."""
        head, _, rest = name.partition(".")
        if name not in self._references.values:
            if head == OS and rest:
                self._references.variable(rest, Node(None, source=where))
                return rest
            if name in self._references.allowed:
                return name
        if name not in self._known and not self._learn(name, where):
            return ""
        self._use(name)
        return self._known[name].name

    def _use(self, name: str) -> None:
        for need in self._known[name].needs:
            self._use(need)
        self.used[name] = self._known[name]

    def _learn(self, name: str, where: str) -> bool:
        """Add the variable for a reference; return whether the reference is known."""
        head, dot, key = name.partition(".")
        if head == EXPERIMENT and key in self._block.keys:
            self._add(name, parameter=parameter_of(self._block.keys[key], self._draft))
        elif name == CARD_NAME and DIRECTIVE in self._block.keys:
            directive = f"{EXPERIMENT}.{DIRECTIVE}"
            self._add(name, text=f"${{{self._variable(directive, where)}%%-*}}", needs=[directive])
        elif name in self._references.values:
            self._learn_value(name, self._references.values[name], where)
        elif name == IDENTIFIER:
            self._add(name)
            self._draft.notes.append(f"{where}: '{{{name}}}' is the experiment's id here")
        elif head in OWN and dot:
            parameter = self._draft.declare(_words(name), DraftParameter("string", "", "set by Cloudmesh"))
            self._add(name, parameter=parameter)
            message = f"is the parameter {parameter!r}, empty by default: Cloudmesh sets it"
            self._draft.notes.append(f"{where}: '{{{name}}}' {message}")
        else:
            self._report_unknown(name, where)
            return False
        return True

    def _learn_value(self, name: str, node: Node, where: str) -> None:
        """Add the variable for a key of the configuration: a parameter, or a text with keys of the experiment."""
        text = str(node.value)
        if isinstance(node.value, str) and self._varies(text, ()):
            escaped = re.sub(r'(["\\$`])', r"\\\1", text)
            names = dict.fromkeys(REFERENCE.findall(escaped))
            shell = {need: self._variable(need, where) for need in names}
            filled = REFERENCE.sub(lambda match: f"${{{shell[match[1]]}}}" if shell[match[1]] else match[0], escaped)
            self._add(name, text=filled, needs=[need for need in names if need in self._known])
            return
        if isinstance(node.value, dict | list):  # which the references report
            node = Node(f"{{{name}}}", source=where)
        kind, values = infer_type([self._references.filled(node)])
        parameter = DraftParameter(kind, values[0], f"{name} of the configuration")
        self._add(name, parameter=self._draft.declare(_words(name), parameter))

    def _varies(self, text: str, chain: tuple[str, ...]) -> bool:
        """Return whether a text refers to keys of the experiment, directly or through others."""
        for name in REFERENCE.findall(text):
            if name.startswith(f"{EXPERIMENT}.") or name == IDENTIFIER:
                return True
            target = self._references.values.get(name)
            if target is not None and name not in chain and self._varies(str(target.value), (*chain, name)):
                return True
        return False

    def _add(self, name: str, parameter: str = "", text: str = "", needs: Iterable[str] = ()) -> None:
        taken = self._own_words | {variable.name for variable in self._known.values()}
        shell = _words(name) if "." in name else f"config_{_words(name)}"
        while shell in taken:
            shell = f"cms_{shell}"
        self._known[name] = Variable(shell, parameter, text, list(needs))

    def _report_unknown(self, name: str, where: str) -> None:
        """Report an unknown name; text that only looks like a reference, as in other languages, stays unchanged."""
        head, dot, _ = name.partition(".")
        known = [*self._references.values, *(key.origin for key in self._block.keys.values())]
        near = nearest(name, known)
        if dot and (head in {EXPERIMENT, OS, *self._references.values} or near):
            self._problems.append(Problem(f"'{{{name}}}': there is no key {name!r}", where, near=near))
        elif dot:
            self._draft.notes.append(f"{where}: '{{{name}}}' stays as it is: there is no key {name!r}")


def _expansion(name: str, before: str) -> str:
    """Return the expansion of a variable, for the place after some text of a line.

    In single quotes the shell expands nothing, so they are closed and reopened; text for another shell is quoted for
    it. Quotes over several lines are not recognized.

    >>> print(_expansion("x", "run "), _expansion("x", "run 'a "), _expansion("x", 'bash -c "run '))
    ${x} '"${x}"' ${x@Q}
    """
    before = before[-_MAX_LINE:]
    text = f"${{{name}@Q}}" if _FOR_A_SHELL.search(before) else f"${{{name}}}"
    is_single = _DOUBLE_QUOTED.sub("", before).partition('"')[0].count("'") % 2
    return f"'\"{text}\"'" if is_single else text


def run_text(draft: Draft, used: Iterable[Variable], lines: Iterable[str], has_code: bool) -> str:
    """Return the text of run.sh, the script that an experiment runs.

    Parameters
    ----------
    draft : Draft
        The draft of the application.
    used : iterable of Variable
        The variables that the lines need, each after those in its text.
    lines : iterable of str
        The lines of the program.
    has_code : bool
        Whether files of the application are copied to its working folder.
    """
    used = list(used)
    values = [variable for variable in used if variable.parameter]
    parts = [
        "#!/usr/bin/env bash\n",
        comment(f"The program of an experiment; made by `fairmesh import {draft.origin}`."),
        comment("It starts in an empty folder of its own, and fairmesh reads its numbers from there:"),
        comment("""    echo '{"accuracy": 0.9}' > "$attempt/metrics.json" """.rstrip()),
        comment('It may print `# fairmesh status=running progress=50 msg="half way"`, or `# cloudmesh ...`.'),
        "# shellcheck disable=SC2034,SC2086\nattempt=$PWD\n",
    ]
    if values:
        parts += ['for argument in "$@"; do\n    case $argument in\n']
        parts += [f"        {variable.parameter}=*) {variable.name}=${{argument#*=}} ;;\n" for variable in values]
        parts += ["    esac\ndone\n"]
    parts += [_assignment(variable) for variable in used if not variable.parameter]
    if has_code:
        parts += [f'cp -R "$FAIRMESH_APPLICATION/{CODE}/." .\n']
    return "".join([*parts, "\n", *lines])


def skeleton(parameters: Iterable[str]) -> tuple[list[Variable], list[str]]:
    """Return the variables and lines of a placeholder for a program."""
    used = [Variable(name, name) for name in parameters]
    shown = [f'echo "{variable.parameter}: ${{{variable.name}}}"\n' for variable in used]
    return used, [*shown, f'echo "{RUN}: start your program here, and write metrics.json" >&2\n', "exit 1\n"]


def _assignment(variable: Variable) -> str:
    if variable.text:
        return f'{variable.name}="{variable.text}"\n'
    return f"{variable.name}=${{PWD%/attempts/*}}\n{variable.name}=${{{variable.name}##*/}}\n"


def _words(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII)

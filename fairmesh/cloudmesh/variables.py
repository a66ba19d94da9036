"""What ``{a.b}`` in a script becomes: a variable of the shell, which takes a parameter's value safely."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fairmesh.cloudmesh.draft import Declared, Draft
from fairmesh.cloudmesh.experiment import CARD, DIRECTIVE, Block, parameter_of
from fairmesh.cloudmesh.inference import infer
from fairmesh.cloudmesh.shell import Context, scan
from fairmesh.cloudmesh.statements import Statement
from fairmesh.errors import Problem, nearest, place
from fairmesh.schema import Node
from fairmesh.study.references import EXPERIMENT, OS, OWN, REFERENCE, References

IDENTIFIER = "ee.identifier"
CARD_NAME = f"{EXPERIMENT}.{CARD}"


@dataclass
class Variable:
    """A variable that a script needs before its first line.

    Parameters
    ----------
    name : str
        Of the variable.
    parameter : str
        Whose value it takes; empty if it is made of others.
    text : str
        What it is made of, as the shell's text in double quotes.
    needs : list of str
        The references that the text is made of.
    """

    name: str
    parameter: str = ""
    text: str = ""
    needs: list[str] = field(default_factory=list)


class Variables:
    """The variables of a template.

    Parameters
    ----------
    draft : Draft
        Gets the parameters that the template needs.
    block : Block
        The keys of the experiment.
    references : References
        The values of all other keys.
    path : Path
        The template, for the messages.
    text : str
        The template, whose own variables keep their names.
    problems : list of Problem
        Takes the mistakes.
    """

    def __init__(
        self, draft: Draft, block: Block, references: References, path: Path, text: str, problems: list[Problem]
    ) -> None:
        self._draft, self._block, self._references = draft, block, references
        self._path, self._problems = path, problems
        self._own_words = set(re.findall(r"\b[A-Za-z_]\w*\b", REFERENCE.sub(" ", text)))
        self.known: dict[str, Variable] = {}
        self.keys: set[str] = set()  # of the experiment, that the script uses

    def rewritten(self, statement: Statement, used: dict[str, Variable]) -> str:
        """Return lines of a script with variables in place of references, quoted as the place needs it.

        Parameters
        ----------
        statement : Statement
            The lines.
        used : dict
            Gets the variables that they need, each after those that it is made of.
        """
        text, at, pieces = statement.text, 0, list[str]()
        for each in scan(text).references:
            if each.context is Context.COMMENT:
                continue
            where = self._place(statement, each.start)
            name = self._shell_name(each.name, where, used)
            if not name:
                continue
            if each.context is Context.VERBATIM:
                self._draft.notes.append(f"{where}: '{{{each.name}}}' stays as it is: nothing is filled in there")
                continue
            pieces += [text[at : each.start], _QUOTED[each.context].format(name)]
            at = each.end
        return "".join([*pieces, text[at:]])

    def _place(self, statement: Statement, at: int) -> str:
        before = statement.text[:at]
        return place(self._path, statement.line + before.count("\n"), at - before.rfind("\n"))

    def _shell_name(self, name: str, where: str, used: dict[str, Variable]) -> str:
        """Return the shell's name for a reference; nothing if it is none and stays as it is."""
        variable = self._environment_variable(name, where)
        if variable:
            return variable
        if name not in self.known and not self._learn(name, where):
            return ""
        self._use(name, used)
        return self.known[name].name

    def _use(self, name: str, used: dict[str, Variable]) -> None:
        for need in self.known[name].needs:
            self._use(need, used)
        used[name] = self.known[name]
        if name.startswith(f"{EXPERIMENT}."):
            self.keys.add(name.partition(".")[2])

    def _environment_variable(self, name: str, where: str) -> str:
        head, _, rest = name.partition(".")
        if head == OS and rest and name not in self._references.values:
            self._references.variable(rest, Node(None, source=where))
            return rest
        return name if name in self._references.allowed and name not in self._references.values else ""

    def _learn(self, name: str, where: str) -> bool:
        """Find out what a reference is; tell whether it is one."""
        key = name.removeprefix(f"{EXPERIMENT}.")
        if name.startswith(f"{EXPERIMENT}.") and key in self._block.keys:
            self._add(name, parameter=parameter_of(self._block.keys[key], self._draft))
        elif name == CARD_NAME and DIRECTIVE in self._block.keys:
            directive = f"{EXPERIMENT}.{DIRECTIVE}"
            if directive not in self.known:
                self._learn(directive, where)
            self._add(name, text=f"${{{self.known[directive].name}%%-*}}", needs=[directive])
        elif name in self._references.values:
            self._learn_value(name, self._references.values[name], where)
        elif name == IDENTIFIER:
            self._add(name)
            self._draft.notes.append(f"{where}: '{{{name}}}' is the experiment's id here")
        elif name.partition(".")[0] in OWN and "." in name:
            self._add(name, parameter=self._draft.declare(_words(name), Declared("string", "", "set by Cloudmesh")))
            message = f"is the parameter {self.known[name].parameter!r}, empty by default: Cloudmesh set it"
            self._draft.notes.append(f"{where}: '{{{name}}}' {message}")
        else:
            self._unknown(name, where)
            return False
        return True

    def _learn_value(self, name: str, node: Node, where: str) -> None:
        """Learn a key of the configuration: a parameter, or a text that is made of the experiment's keys."""
        text = str(node.value)
        if isinstance(node.value, str) and self._varies(text, ()):
            used: dict[str, Variable] = {}
            inside = self.rewritten(Statement(f'"{_escaped(text)}"', 1), used)
            self._add(name, text=inside[1:-1], needs=list(used))
            return
        if isinstance(node.value, dict | list):  # which the references complain of
            node = Node(f"{{{name}}}", source=where)
        kind, values = infer([self._references.filled(node)])
        origin = f"{name} of the configuration"
        self._add(name, parameter=self._draft.declare(_words(name), Declared(kind, values[0], origin)))

    def _varies(self, text: str, chain: tuple[str, ...]) -> bool:
        """Return whether a text refers to keys of the experiment, at once or by way of others."""
        for name in REFERENCE.findall(text):
            if name.startswith(f"{EXPERIMENT}.") or name == IDENTIFIER:
                return True
            target = self._references.values.get(name)
            if target is not None and name not in chain and self._varies(str(target.value), (*chain, name)):
                return True
        return False

    def _add(self, name: str, parameter: str = "", text: str = "", needs: Iterable[str] = ()) -> None:
        taken = self._own_words | {each.name for each in self.known.values()}
        shell = _words(name) if "." in name else f"config_{_words(name)}"
        while shell in taken:
            shell = f"cms_{shell}"
        self.known[name] = Variable(shell, parameter, text, list(needs))

    def _unknown(self, name: str, where: str) -> None:
        """Note a name that should be known; what only looks like one, as in other languages, stays as it is."""
        heads = {EXPERIMENT, OS, *self._references.values}
        head, dot, _ = name.partition(".")
        known = [*self._references.values, *(f"{EXPERIMENT}.{key}" for key in self._block.keys)]
        near = nearest(name, known)
        if dot and (head in heads or near):
            self._problems.append(Problem(f"'{{{name}}}': there is no key {name!r}", where, near=near))
        elif dot:
            self._draft.notes.append(f"{where}: '{{{name}}}' stays as it is: there is no key {name!r}")


_QUOTED = {
    Context.CODE: '"${{{}}}"',
    Context.DOUBLE: "${{{}}}",
    Context.SINGLE: "'\"${{{}}}\"'",
    Context.NUMBER: "${{{}}}",
    Context.HERE: "${{{}}}",
    Context.COMMAND: "${{{}@Q}}",
}


def _words(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII)


def _escaped(text: str) -> str:
    """Write a text for double quotes."""
    return re.sub(r'(["\\$`])', r"\\\1", text)

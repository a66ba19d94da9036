"""What an import is making: the parts of a study and of an application, before they are written."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from fairmesh.expressions.functions import FUNCTIONS
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES

# Words of expressions, and names that mean something else in a command.
_WORDS = "and or not in is if else elif for true false none null True False None stage self loop super caller varargs"
TAKEN = frozenset([*FRAMEWORK_AXES, *ALGEBRA, *FUNCTIONS, *_WORDS.split(), "range", "dict", "namespace"])


@dataclass
class Declared:
    """A parameter of the application.

    Parameters
    ----------
    type : str
        In the words of JSON Schema.
    default : Value
        Of that type.
    origin : str
        Where it comes from, for people.
    aliases : list of str
        Other names that a study may use.
    seed : bool
        Whether it follows the repeat.
    """

    type: str
    default: Any
    origin: str
    aliases: list[str] = field(default_factory=list)
    seed: bool = False

    def to_yaml(self) -> dict[str, Any]:
        """Return its entry in application.yaml."""
        seed = {"seed": True} if self.seed else {}
        aliases = {"aliases": self.aliases} if self.aliases else {}
        return {"type": self.type, "default": self.default, **seed, **aliases, "description": self.origin}


@dataclass
class Draft:
    """A study and an application in the making.

    Parameters
    ----------
    name, title : str
        Of both.
    parameters : dict
        What the application declares.
    axes : dict of str to list
        What the study varies, in order.
    repeat : int, optional
        How often.
    derive : dict of str to str
        Expressions of the study.
    resources : dict
        What every experiment asks for.
    stages : dict
        Entries of the application's stages, before the experiment.
    measure : str
        ``exclusive`` or ``shared``.
    is_workflow : bool
        Whether the stages are all there is.
    files : dict of str to bytes
        Further files in the application's folder.
    notes : list of str
        What a person should know: what could not be carried over, and what has another name here.
    """

    name: str
    title: str
    parameters: dict[str, Declared] = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)
    repeat: int | None = None
    derive: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    measure: str = "exclusive"
    is_workflow: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def declare(self, key: str, parameter: Declared) -> str:
        """Add a parameter under a name that is free, and give that name."""
        taken = {*self.parameters, *TAKEN, *(alias for each in self.parameters.values() for alias in each.aliases)}
        name = free_name(key, taken)
        if key and name != key and key not in taken:
            parameter.aliases.append(key)
        self.parameters[name] = parameter
        return name


def free_name(key: str, taken: Collection[str]) -> str:
    """Return an identifier that is like a key and not taken.

    >>> free_name("fit-verbose", []), free_name("gpu", ["gpu"]), free_name("2nd", [])
    ('fit_verbose', 'gpu_value', 'n_2nd')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_")[:80] or "value"
    name = name if name[0].isalpha() else f"n_{name}"
    if name in taken:
        name = f"{name}_value"
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)

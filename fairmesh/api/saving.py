"""Studies that come as a text from a form or a request: checked, and saved if they are new."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fairmesh.api.place import NAME, STUDIES, Place
from fairmesh.api.plan import Plan
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.files import write_new
from fairmesh.study import load_plan
from fairmesh.study.cloudmesh import is_cloudmesh
from fairmesh.yaml12 import Node, parse_text

FILE = Path("study.yaml")


def check_text(place: Place, text: str, machine: str = "local") -> Plan:
    """Check a study, and give what it comes to.

    A text from elsewhere may name an application that is installed here; it brings no command, template or path.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    problems = list(_foreign(parse_text(text, FILE)))
    if problems:
        raise InputError(problems)
    with tempfile.TemporaryDirectory(prefix="fairmesh-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        try:
            return Plan(load_plan(path, place.root, machine))
        except InputError as error:
            raise InputError(
                replace(
                    each, where=each.where.replace(f"{folder}/", ""), message=each.message.replace(f"{folder}/", "")
                )
                for each in error.problems
            ) from error


def _foreign(node: Node) -> Iterator[Problem]:
    """Give what a text from elsewhere must not have."""
    if not isinstance(node.value, dict) or is_cloudmesh(node):
        yield Problem("this is no study file", str(FILE), "study, application, parameters, ...")
        return
    if "template" in node.entries:
        yield Problem("'template' cannot come from elsewhere", node.key_place(FILE, "template"))
    named = node.entries.get("application", Node("none"))
    name = named.text or str(named.value)
    if not re.fullmatch(NAME, name, re.ASCII) or name.endswith((".yaml", ".yml")):
        yield Problem("'application' must be the name of one that is installed here, not a path", named.place(FILE))


def save_text(place: Place, text: str) -> Plan:
    """Save a new study under its name, and give what it comes to.

    Raises
    ------
    InputError
        With all of its mistakes.
    BusyError
        If there is a study of this name.
    """
    plan = check_text(place, text)
    folder = place.root / STUDIES
    name = plan.whole.study
    if name.lower() in {each.lower() for each in place.studies()}:
        raise BusyError(f"there is a study {name!r} already; choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_new(folder / f"{name}.yaml", text)
    except FileExistsError:
        raise BusyError(f"there is a study {name!r} already; choose another name") from None
    except OSError as error:
        raise FairmeshError(f"cannot write to {folder}: {error.strerror}") from error
    return plan

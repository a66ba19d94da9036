"""Render the templates of job.sh; each can extend the next more general one, and errors name the line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fairmesh.errors import FairmeshError, place

BASE = "job.sh.jinja"
LOCAL, BATCH = "local.sh.jinja", "batch.sh.jinja"
PARENT = "parent"

# Errors that a template can raise, besides those of jinja2 itself.
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Templates:
    """A chain of templates, of which the last is rendered.

    ``{% extends "parent" %}`` refers to the previous template of the chain; any other name is looked up beside the
    template and then in the folder of built-in templates.

    Parameters
    ----------
    folder : Path
        The folder of built-in templates.
    chain : sequence of Path
        The templates, from the base to the last child.
    """

    def __init__(self, folder: Path, chain: Sequence[Path]) -> None:
        self._folder, self._chain = folder, [str(path) for path in chain]
        self._seen: set[str] = set()

    @classmethod
    def of_jobs(cls, folder: Path, scheduler: str, children: Sequence[Path] = ()) -> Templates:
        """Return the templates of job.sh: the base, the scheduler's child, and further children."""
        return cls(folder, [folder / BASE, folder / (LOCAL if scheduler == "none" else BATCH), *children])

    def render(self, **values: Any) -> str:
        """Render the last template.

        Raises
        ------
        FairmeshError
            If it cannot be rendered; the message names the template and the line.
        """
        try:
            return self._last.render(values)
        except jinja2.TemplateSyntaxError as error:
            raise FairmeshError(f"{place(error.filename or '')}:{error.lineno}: {error.message}") from error
        except jinja2.TemplateNotFound as error:
            name = _path(str(error.name)).removeprefix(f"{self._folder}/")
            message = f"there is no template {name!r} beside this one or in {place(self._folder)}"
            raise FairmeshError(f"{self._line(error)}: {message}") from error
        except (jinja2.TemplateError, *_FAULTS) as error:
            raise FairmeshError(f"{self._line(error)}: {error or type(error).__name__}") from error

    @cached_property
    def _last(self) -> jinja2.Template:
        environment = _Environment(self._resolve, self._load)
        return environment.get_template(_name(len(self._chain) - 1, self._chain[-1]))

    def _resolve(self, name: str, user: str) -> str:
        """Return the full name of a template that another template refers to."""
        level = int(user.partition(":")[0])
        if name != PARENT:
            beside = Path(_path(user)).parent / name
            return _name(level, str(beside if beside.is_file() else self._folder / name))
        if level == 0:
            raise jinja2.TemplateRuntimeError("the first template has no parent")
        return _name(level - 1, self._chain[level - 1])

    def _load(self, name: str) -> tuple[str, str, None]:
        path = _path(name)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise jinja2.TemplateNotFound(name) from None
        except (OSError, UnicodeDecodeError) as error:
            raise FairmeshError(f"{place(path)}: cannot be read: {getattr(error, 'strerror', error)}") from error
        self._seen.add(path)
        return text, path, None

    def _line(self, error: BaseException) -> str:
        """Return the template and the line in which an error was raised."""
        location = place(self._chain[-1])
        trace = error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file in self._seen:
                location = f"{place(file)}:{trace.tb_lineno}"
            trace = trace.tb_next
        return location


def _name(level: int, path: str) -> str:
    """Return the name of a template for jinja2; it has the level in the chain, on which "parent" depends."""
    return f"{level}:{path}"


def _path(name: str) -> str:
    return name.partition(":")[2]


class _Environment(ImmutableSandboxedEnvironment):
    """A sandboxed environment of templates whose names contain their level, with the filter ``q`` for quoting."""

    def __init__(self, resolve: Callable[[str, str], str], load: Callable[[str], tuple[str, str, None]]) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(load),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._resolve = resolve
        self.filters["q"] = lambda value: shlex.quote(str(value))

    def join_path(self, template: str, parent: str) -> str:
        """Return the full name of a template that another template refers to."""
        return self._resolve(template, parent)

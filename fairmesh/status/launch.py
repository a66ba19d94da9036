"""Build the command that runs a study, for the command line, a retry and every other interface."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem
from fairmesh.files import text_sha256, write_if_changed
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import RUNS
from fairmesh.schema import resolve_scalar
from fairmesh.status.model import JobStatus, RunStatus
from fairmesh.user import fallback_environment

PROFILE = "profiles/local"
# What all readers of YAML take for the text that it is, unless it is a number or the like.
_PLAIN = re.compile(r"[\w./(]([\w./+<>=()* -]*[\w./)])?", re.ASCII)
NOT_REPEATED = ("where", "first", "part", "only", "wait", "probe")


@dataclass(frozen=True)
class Command:
    """A command, and the folder that it is for.

    Parameters
    ----------
    arguments : tuple of str
        The program and its arguments.
    folder : Path
        Where it is started.
    """

    arguments: tuple[str, ...]
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment that it is started in: Snakemake needs a home, and a cache that can be written."""
        return os.environ | fallback_environment(self.folder / ".snakemake")

    def __str__(self) -> str:
        """Return the line that a person would type."""
        line = shlex.join(self.arguments)
        return line if self.folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(self.folder))} && {line}"


def run_command(
    root: Path,
    profile: str = "",
    config: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
    folder: Path | None = None,
    python: str = "",
) -> Command:
    """Make the command that runs the workflow.

    Parameters
    ----------
    root : Path
        The folder of the Snakefile.
    profile : str
        Of Snakemake; the local one by default.
    config : mapping, optional
        What to put over the configuration.
    more : sequence of str
        Further arguments of Snakemake's.
    folder : Path, optional
        Where to start it; here by default.
    python : str
        The interpreter; this one by default.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    place = folder or Path()
    chosen = profile or PROFILE
    if "/" in chosen and not (place / chosen).is_dir():
        raise InputError([Problem(f"there is no profile {chosen!r} in {place.resolve()}", "--profile")])
    arguments = [python or sys.executable, "-m", "snakemake"]
    if not (place / "Snakefile").is_file():
        arguments += ["--snakefile", str(root / "Snakefile")]
    arguments += ["--profile", chosen, *more]
    settings = [f"{name}={_text(value)}" for name, value in (config or {}).items()]
    return Command((*arguments, *(["--config", *settings] if settings else [])), place)


def _text(value: Any) -> str:
    """Return a value as Snakemake's command line reads it back."""
    if isinstance(value, str):
        # Between spaces, since Snakemake takes away quotes at the ends before it reads YAML.
        return value if _is_plain(value) else f" {_quoted(value)} "
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Return whether Snakemake and YAML take a text for itself."""
    try:
        float(text)
    except ValueError:
        return bool(_PLAIN.fullmatch(text)) and resolve_scalar(text) == text
    return False


def _quoted(text: str) -> str:
    """Return a text in quotes; what YAML may not hold, or takes for the end of a line, is escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", quoted)


def rerun_command(
    paths: StudyPaths,
    source: str,
    run: RunStatus | None,
    experiments: Iterable[JobStatus],
    root: Path,
    more: Sequence[str] = (),
    wait: bool = False,
) -> Command:
    """Make the command that runs some experiments of a study anew, as its last run was started.

    Parameters
    ----------
    paths : StudyPaths
        The study's files; one of them gets the names of the experiments.
    source : str
        The study file, as the plan names it.
    run : RunStatus or None
        The last run.
    experiments : iterable of JobStatus
        What to run.
    root : Path
        The folder of the Snakefile.
    more : sequence of str
        Further arguments of Snakemake's.
    wait : bool
        Whether to wait for the end of a run that goes on.
    """
    before = dict(run.config) if run else {}
    names = "".join(f"{experiment.key}\n" for experiment in experiments)
    only = paths.folder / RUNS / f"only-{text_sha256(names)[:12]}.txt"
    write_if_changed(only, names)
    folder = Path(run.folder) if run and Path(run.folder).is_dir() else Path()
    config = {name: value for name, value in before.items() if name not in NOT_REPEATED}
    config |= {"study": source, "only": str(only.resolve())} | ({"wait": True} if wait else {})
    python = run.python if run and Path(run.python).is_file() else ""
    return run_command(root, run.profile if run else "", config, more, folder, python)

"""Build the command that runs a study, for the command line, a retry and every other interface."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from fairmesh.files import text_sha256, write_if_changed
from fairmesh.installed import DEFAULT_SNAKEFILE, find_snakefile
from fairmesh.jobs.paths import StudyPaths
from fairmesh.project import PROFILE_CONFIG, find_profile, seen_from
from fairmesh.runner.protocol import RUNS
from fairmesh.schema import resolve_scalar
from fairmesh.status.model import JobStatus, RunStatus
from fairmesh.status.places import FindProject
from fairmesh.user import fallback_environment

PROFILE = "profiles/local"
SNAKEFILE = "Snakefile"
INTERRUPTED = 130  # exit status
# Text that all YAML readers read as the same text, unless it is a number or the like.
_PLAIN = re.compile(r"[\w./(]([\w./+<>=()* -]*[\w./)])?", re.ASCII)
NOT_REPEATED = ("where", "first", "part", "only", "wait", "probe", "again")


@dataclass(frozen=True)
class Command:
    """A command, and the folder in which it runs.

    Parameters
    ----------
    arguments : tuple of str
        The program and its arguments.
    folder : Path
        The working folder.
    """

    arguments: tuple[str, ...]
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command: Snakemake needs a home and a writable cache."""
        return os.environ | fallback_environment(self.folder / ".snakemake")

    def run(self, output: TextIO | None = None) -> int:
        """Run the command to its end, and return its exit status, after an interruption 130 instead of a failure.

        Ctrl-C reaches the command too, and it decides how to end.
        """
        process = subprocess.Popen(self.arguments, cwd=self.folder, env=self.environment, stdout=output)
        is_interrupted = False
        while True:
            try:
                status = process.wait()
            except KeyboardInterrupt:
                is_interrupted = True
            else:
                return INTERRUPTED if status and is_interrupted else status

    def __str__(self) -> str:
        """Return the command as a line for a shell."""
        line = shlex.join(self.arguments)
        return line if self.folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(self.folder))} && {line}"


def run_command(
    project: Path,
    profile: str = "",
    config: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
    python: str = "",
) -> Command:
    """Return the command that runs the workflow in a project.

    Parameters
    ----------
    project : Path
        The project folder.
    profile : str
        The name or the folder of a Snakemake profile; the local one by default.
    config : mapping, optional
        Values that override the configuration.
    more : sequence of str
        Further arguments for Snakemake.
    python : str
        The interpreter; the current one by default.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    arguments = [python or sys.executable, "-m", "snakemake"]
    if not find_snakefile(project):
        arguments += ["--snakefile", str(DEFAULT_SNAKEFILE)]
    arguments += ["--profile", seen_from(find_profile(profile or PROFILE, project), project), *more]
    settings = [f"{name}={_text(value)}" for name, value in (config or {}).items()]
    return Command((*arguments, *(["--config", *settings] if settings else [])), project)


def _text(value: Any) -> str:
    """Return a value as Snakemake's command line reads it back."""
    if isinstance(value, str):
        # Between spaces, since Snakemake strips quotes at the ends before it parses YAML.
        return value if _is_plain(value) else f" {_quoted(value)} "
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Return whether Snakemake and YAML read a text unchanged."""
    try:
        float(text)
    except ValueError:
        return bool(_PLAIN.fullmatch(text)) and resolve_scalar(text) == text
    return False


def _quoted(text: str) -> str:
    """Return a text in quotes; characters that YAML forbids or reads as line breaks are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", quoted)


def rerun_command(
    paths: StudyPaths,
    source: str,
    run: RunStatus | None,
    experiments: Iterable[JobStatus],
    project: FindProject,
    more: Sequence[str] = (),
    wait: bool = False,
) -> Command:
    """Return the command that runs experiments of a study again, with the settings of its last run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files; the names of the experiments are written to one of them.
    source : str
        The study file, as the plan names it.
    run : RunStatus or None
        The last run.
    experiments : iterable of JobStatus
        The experiments to run.
    project : callable
        Returns the folder to run in, if that of the last run does not exist.
    more : sequence of str
        Further arguments for Snakemake.
    wait : bool
        Whether to wait for the end of an active run.
    """
    before = dict(run.config) if run else {}
    names = "".join(f"{experiment.key}\n" for experiment in experiments)
    only = paths.folder / RUNS / f"only-{text_sha256(names)[:12]}.txt"
    write_if_changed(only, names)
    folder = Path(run.folder) if run and Path(run.folder).is_dir() else project()
    config = {name: value for name, value in before.items() if name not in NOT_REPEATED}
    config |= {"study": source, "only": str(only.resolve())} | ({"wait": True} if wait else {})
    profile = run.profile if run else ""
    if (
        folder / profile / PROFILE_CONFIG
    ).is_file():  # it was named in that folder, which is not always the current one
        profile = str(folder / profile)
    python = run.python if run and Path(run.python).is_file() else ""
    return run_command(folder, profile, config, more, python)

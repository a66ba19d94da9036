"""Write the folder of a submission, with the layout of submit.adoc."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from fairmesh import files, schema
from fairmesh.names import number_text
from fairmesh.printing import escape_markdown
from fairmesh.runner.protocol import JOB
from fairmesh.runner.safefiles import read_regular
from fairmesh.submission import identity
from fairmesh.submission.submission import PDF, Submission

README, CONFIG, VERSION, RUN, STUDY = "README.md", "config.yaml", "VERSION.txt", "run.sh", "study.yaml"


def write(submission: Submission, to: Path) -> Path:
    """Write the folder; other files in it, such as the PDF, are kept.

    Returns
    -------
    Path
        The folder: ``{organization}/{application}/{system}/{descriptor}`` below ``to``.
    """
    folder = to / submission.place
    for old in [*folder.glob("result-*.txt"), *folder.glob("job-*.sh")]:
        old.unlink()
    for name, text in _texts(submission):
        files.write_text(folder / name, text, files.PROGRAM if name.endswith(".sh") else files.PLAIN)
    if submission.request.pdf:
        files.copy_file(submission.request.pdf, folder / PDF)
    files.write_text(folder / README, _readme(submission))
    return folder


def results(folder: Path) -> list[Path]:
    """Return the logs in a submission's folder, in the order of the repeats."""
    return sorted(folder.glob("result-*.txt"), key=lambda path: int(path.stem.rpartition("-")[2]))


def _texts(submission: Submission) -> Iterator[tuple[str, str]]:
    for number, (outcome, log) in enumerate(zip(submission.choice.submitted, submission.logs, strict=True), start=1):
        yield f"result-{number}.txt", log.text(submission.given)
        yield from _text(submission, f"job-{number}.sh", outcome.folder / JOB)
    yield CONFIG, schema.dump_yaml(_config(submission))
    yield VERSION, submission.application.tagged + "\n"
    if source := str(submission.study.plan.get("source") or ""):
        yield from _text(submission, STUDY, Path(source))
    yield RUN, _render("run.sh.jinja", submission=submission)


def _text(submission: Submission, name: str, path: Path) -> Iterator[tuple[str, str]]:
    """Read a text to submit unchanged; an unreadable file is added to the study's problems."""
    try:
        yield name, read_regular(str(path)).decode()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        submission.study.problems.append(f"{path}: cannot be read: {why}; left out")


def _config(submission: Submission) -> dict[str, Any]:
    """Return config.yaml: the keys that submit.adoc names, and all parameters."""
    repository, application = submission.repository, submission.study.plan["application"]
    return {
        "benchmark": submission.application.name,
        "github": {
            "description": application.get("title") or application["name"],
            "repo": repository.address,
            "branch": repository.branch,
            "version": application["version"],
            "tag": repository.tag,
            "commit": submission.given[identity.COMMIT],
        },
        "data": [shlex.join(command) for command in submission.preparations],
        "parameters": submission.parameters,
        "resources": submission.choice.best.resources,
        "machine": submission.choice.best.machine,
    }


def _readme(submission: Submission) -> str:
    choice = submission.choice
    numbers = {item.key: number for number, item in enumerate(choice.submitted, start=1)}
    environment = submission.study.environment(choice.best)
    differences = [item.submitted - item.reference for item in submission.measurements if item.reference is not None]
    return _render(
        "README.md.jinja",
        submission=submission,
        choice=choice,
        given=submission.given,
        numbers=numbers,
        environment=environment,
        difference=sum(differences) / len(differences) if len(differences) > 1 else None,
        cleared=submission.logs[0].first("cache_clear"),
        pdf=PDF,
    )


def _render(name: str, **values: Any) -> str:
    made = jinja2.Environment(  # noqa: S701  Markdown and bash have escapes of their own, the filters below
        loader=jinja2.PackageLoader("fairmesh.submission"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"q": lambda value: shlex.quote(str(value)), "md": escape_markdown, "number": _number}
    return made.get_template(name).render(values)


def _number(value: float) -> str:
    """Return a number with six digits.

    >>> _number(0.88908123)
    '0.889081'
    """
    return number_text(float(f"{value:.6g}"))

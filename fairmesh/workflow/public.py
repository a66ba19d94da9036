"""Make a public copy of a study without personal data and host names, and without logs by default."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.errors import FairmeshError
from fairmesh.fair.archive import Redaction, write_archive
from fairmesh.fair.documents import Described, describe
from fairmesh.fair.package import APPLICATIONS, Package
from fairmesh.fair.scorecard import write_score
from fairmesh.files import file_sha256, json_lines, write_bytes, write_json, write_text
from fairmesh.jobs.reading import read_map
from fairmesh.results import StudyResults, load_study, table, write_csv
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ATTEMPTS, ENVIRONMENTS, EXPERIMENTS, LOG, MLLOG, RECORDS, STAGES, STATUS
from fairmesh.runner.safefiles import open_regular
from fairmesh.site.folder import check_replaceable
from fairmesh.study.settings import Publisher
from fairmesh.workflow.packing import package

if TYPE_CHECKING:
    from fairmesh.site.pages import Omissions

_LOGS = {LOG, MLLOG}
_TEXTS = (".json", ".yaml", ".yml", ".csv", ".log", ".mllog", ".sh", ".txt", ".md", ".smk", ".toml", ".cfg", ".ini")


def public_copy(study: StudyResults, out: Path, publisher: Publisher, project: Path | None) -> Described | None:
    """Write a public copy of a study, with its own documents and scorecard.

    The records of the copy have the hashes of the copied files, and in ``original`` the hash of each file that was
    changed.

    Parameters
    ----------
    study : StudyResults
        The study; its folder must be packed.
    out : Path
        The results folder of the copy; an older copy of the study is replaced.
    publisher : Publisher
        The publisher; ``redact``, ``hide`` and ``logs`` determine what is removed.
    project : Path or None
        The project folder.

    Raises
    ------
    FairmeshError
        If the copy would replace the results themselves.
    OSError
        If a file cannot be written.
    """
    redaction = Redaction.of(study, publisher.redact, publisher.hide, project)
    target = out / study.name
    if target.resolve() == study.folder.resolve():
        raise FairmeshError(f"{target}: the copy would replace the results themselves")
    shutil.rmtree(target, ignore_errors=True)
    for path in _wanted(study, with_logs=publisher.logs):
        _copy(study.folder / path, target / redaction.text(path), redaction, path)
    _rehash_records(target)
    _keep_states(study, target, redaction)
    copied = load_study(out, study.name)
    frame = table(copied)
    write_csv(frame, target / "results.csv")
    original = Package.gather(study).publication
    described = describe(copied, frame, given=original)
    if described:
        write_score(target)
    return described


def _wanted(study: StudyResults, *, with_logs: bool) -> Iterator[str]:
    """Yield the files of the package, and the statuses, which name the node of each experiment."""
    package = Package.gather(study)
    for file in package.inventory:
        if with_logs or file.name not in _LOGS:
            yield file.path
    for experiment in package.experiments:
        attempt = experiment.outcome.attempt
        status = f"{experiment.folder}/{ATTEMPTS}/{attempt.name}/{STATUS}" if attempt else ""
        if status and (study.folder / status).is_file():
            yield status


def _copy(source: Path, target: Path, redaction: Redaction, path: str) -> None:
    """Copy a file; text files are redacted, except those of the application."""
    with open_regular(str(source), follow_links=False) as file:
        data = file.read()
    if path.endswith(_TEXTS) and not path.startswith(f"{APPLICATIONS}/"):
        with suppress(UnicodeDecodeError):
            data = redaction.text(data.decode()).encode()
    write_bytes(target, data, source.stat().st_mode & 0o777)


def _keep_states(study: StudyResults, target: Path, redaction: Redaction) -> None:
    """Write the states of experiments without a result to the plan of the copy: their evidence is not copied."""
    plan = dict(study.plan)
    last = {
        (experiment.machine, experiment.id): {
            "state": experiment.state,
            "reason": experiment.reason,
            "attempt": int(experiment.attempt.name) if experiment.attempt else 0,
        }
        for experiment in study.experiments
        if experiment.record is None
    }
    points = plan["experiments"]
    known = [(point, last.get((point["machine"], point["id"]))) for point in points]
    plan["experiments"] = [{**point, "last": state} if state else point for point, state in known]
    write_text(target / PLAN, redaction.text(json_lines(plan)))


def _rehash_records(target: Path) -> None:
    """Update the hashes of files and environments in the records."""
    names = {path.stem: file_sha256(path) for path in (target / ENVIRONMENTS).glob("*.json")}
    for old, new in names.items():
        (target / ENVIRONMENTS / f"{old}.json").rename(target / ENVIRONMENTS / f"{new}.json")
    for path in (target / STAGES).glob("*.json"):
        commit = read_map(path)
        write_json(path, commit | {"environment": names.get(str(commit.get("environment")), "")})
    for path in (target / RECORDS).glob("*/*.json"):
        record = read_map(path)
        folder = target / EXPERIMENTS / path.parent.name / path.stem
        entries = record.get("files")
        files = [_entry(folder, entry) for entry in entries or [] if isinstance(entry, dict)]
        environment = names.get(str(record.get("environment")), record.get("environment"))
        changed = {"environment": environment, "files": [entry for entry in files if entry]}
        write_json(path, record | changed)


def _entry(folder: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a file in the copy; empty if it does not exist."""
    path = folder / str(entry.get("path"))
    if not path.is_file():
        return {}
    digest = file_sha256(path)
    original = {} if digest == entry.get("sha256") else {"original": entry.get("sha256")}
    return {"path": entry["path"], "sha256": digest, "bytes": path.stat().st_size} | original


def publish_public_site(
    results: Path,
    to: Path,
    project: Path | None,
    publisher: Publisher,
    report: Callable[[int, int], None] | None = None,
) -> tuple[list[str], Omissions]:
    """Build a website with crates of all studies into a folder.

    Parameters
    ----------
    results, to : Path
        The results folder, whose documents are updated, and the folder of the website, which is replaced.
    project : Path or None
        The project folder.
    publisher : Publisher
        The publisher; ``redact``, ``hide`` and ``logs`` determine what is removed.
    report : callable, optional
        Called with the number of completed and of all steps: one for each study, and one for the website.

    Returns
    -------
    (list of str, Omissions)
        The published studies, and what is missing.

    Raises
    ------
    FairmeshError
        If ``to`` contains something else than such a website, or the disk is full.
    """
    from fairmesh.site.build import build_site  # noqa: PLC0415  in an extra of the package
    from fairmesh.site.pages import Omissions  # noqa: PLC0415

    check_replaceable(to)
    names = sorted(path.parent.name for path in results.glob(f"*/{PLAN}"))
    omissions = Omissions()
    with tempfile.TemporaryDirectory(prefix="fairmesh-publish-") as name:
        copies, archives = Path(name) / results.name, Path(name) / "archives"
        for index, study in enumerate(names):
            if report:
                report(index, len(names) + 1)
            with omissions.skip_study(study):
                omissions.unreadable += _pack(results, study, copies, archives, publisher, project)
        for study in omissions.studies:
            shutil.rmtree(copies / study, ignore_errors=True)
        build_site(copies, to, project or Path(), archives, omissions)
    return [name for name in names if name not in omissions.studies], omissions


def _pack(
    results: Path, study: str, copies: Path, archives: Path, publisher: Publisher, project: Path | None
) -> list[str]:
    """Write the public copy of a study and its archive; return the files of the study that cannot be read."""
    study_results, _, _ = package(results, study, project or Path())
    described = public_copy(study_results, copies, publisher, project)
    if (copies / study / ENVIRONMENTS).is_dir():
        shutil.copytree(copies / study / ENVIRONMENTS, copies / ENVIRONMENTS, dirs_exist_ok=True)
    if described:
        write_archive(described.package, archives)
    return study_results.problems

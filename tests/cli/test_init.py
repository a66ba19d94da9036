"""A new project is whole and valid, joins what exists without changing it, and is not begun where it cannot work."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fairmesh import cli
from fairmesh.api import new_project
from fairmesh.api.upgrade import WrittenFiles, planned_changes
from fairmesh.cli import init
from fairmesh.installed import DEFAULT_SNAKEFILE
from fairmesh.schema import load_yaml
from fairmesh.study import load_plan
from fairmesh.study.settings import load_config
from fairmesh.workflow.checking import check_file, check_folder, everything

ROOT = Path(__file__).parents[2]
Init = Callable[..., int]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is in no repository; git knows one user."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[user]\n\tname = Ada Example\n")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.chdir(work)
    return work


def _files(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path))
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


@pytest.mark.parametrize(("application", "count"), [("python", 9), ("shell", 9), ("cloudmask", 4)])
def test_a_new_project_is_valid(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    application: str,
    count: int,
) -> None:
    assert cli.main(["init", "bench", "--application", application]) == 0
    written = {line.removeprefix("wrote bench/") for line in capsys.readouterr().out.splitlines() if "wrote" in line}
    assert written == _files(folder / "bench").keys() - {".fairmesh.json"}
    monkeypatch.chdir(folder / "bench")
    root = Path.cwd()
    checked = [(check_folder if path.is_dir() else check_file)(path, root, "local") for path in everything(root)]
    assert {check.kind for check in checked} >= {"configuration", "machines", "profile", "study"}
    assert [problem for check in checked for problem in (*check.problems, *check.warnings)] == []
    plan = load_plan("first", root, "local")
    assert (len(plan.experiments), plan.experiments[-1].axes["repeat"] > 1) == (count, True)
    assert (root / ".git").is_dir()


@pytest.mark.parametrize("profile", ["local", "lsf", "sge", "slurm", "slurm-lean"])
def test_profiles_and_machines_are_those_of_this_repository(folder: Path, profile: str) -> None:
    assert cli.main(["init", "--profile", profile, "--application", "none"]) == 0
    assert {path.parent.name for path in folder.glob("profiles/*/*")} == {profile}
    for path in (*folder.glob("profiles/*/*"), folder / "config/machines.yaml"):
        assert load_yaml(path).plain() == load_yaml(ROOT / path.relative_to(folder)).plain()


@pytest.mark.parametrize("path", [".github/workflows/benchmarks.yml", ".github/workflows/pages.yml", ".gitlab-ci.yml"])
def test_the_files_for_continuous_integration_check_the_project(folder: Path, path: str) -> None:
    assert cli.main(["init"]) == 0
    content = yaml.safe_load((folder / path).read_text())
    assert ("fairmesh publish" if "pages" in path else "fairmesh check --all") in str(content)


@pytest.mark.parametrize(
    "title", ["Cloud masks", 'It\'s: "so" #1 {x}', "Ünï 測試", "two\nlines", "- list", "true", "007", "a: b"]
)
def test_any_title_and_name_come_back_from_the_configuration(folder: Path, title: str) -> None:
    arguments = ["--title", title, "--author", title, "--author", "Bob", "--license", "cc by 4.0"]
    assert cli.main(["init", *arguments]) == 0
    publisher = load_config(folder / "config/config.yaml").publisher
    line = " ".join(title.split())
    assert (publisher.title, [author.name for author in publisher.authors]) == (line, [line, "Bob"])
    assert publisher.licence == "CC-BY-4.0"


def test_without_a_terminal_nothing_is_asked_and_no_licence_is_invented(folder: Path) -> None:
    assert cli.main(["init", "bench"]) == 0
    publisher = load_config(folder / "bench/config/config.yaml").publisher
    assert (publisher.title, publisher.authors[0].name, publisher.licence) == ("bench", "Ada Example", "")


def test_on_a_terminal_defaults_can_be_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"Title of the website [bench]: ": "Stars", "Author of the results [Ada Example]: ": ""}
    monkeypatch.setattr(init, "is_interactive", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answers.get(question, "mit"))
    assert cli.main(["init", "bench"]) == 0
    publisher = load_config(folder / "bench/config/config.yaml").publisher
    assert (publisher.title, publisher.authors[0].name, publisher.licence) == ("Stars", "Ada Example", "MIT")


def test_an_interrupted_question_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(question: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(init, "is_interactive", lambda: True)
    monkeypatch.setattr("builtins.input", interrupt)
    assert cli.main(["init", "bench"]) == 130
    assert list(folder.iterdir()) == []


def test_a_project_joins_a_repository_without_touching_its_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    own = {"README.md": "mine\n", ".gitignore": "__pycache__/\n*.o\n", "src/main.c": "int main;\n", "config/x": "y\n"}
    for name, text in own.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert cli.main(["init", "--here"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert own.items() <= _files(folder).items()
    assert [line for line in lines if line.startswith("kept")] == [
        "kept README.md, which exists",
        "kept .gitignore, which exists",
    ]
    add = lines.index("add to .gitignore:")
    assert lines[add + 1 : add + 3] == [".venv/", ".snakemake/"]
    assert "__pycache__" not in " ".join(lines)
    assert "made a git repository" not in lines


@pytest.mark.parametrize("name", ["Snakefile", "workflow/Snakefile"])
def test_beside_another_workflow_fairmesh_starts_the_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (folder / "workflow").mkdir()
    (folder / name).write_text("rule all:\n    input: []\n")
    assert cli.main(["init", "--here"]) == 0
    assert capsys.readouterr().out.endswith(
        f"note: {name} is of another workflow; start runs with `fairmesh run`\nnext: fairmesh run\n"
    )
    assert [path for path in (folder / "Snakefile", folder / "workflow/Snakefile") if path.is_file()] == [folder / name]
    assert cli.main(["run", "--print-command"]) == 0
    assert f"--snakefile {DEFAULT_SNAKEFILE}" in capsys.readouterr().out
    assert planned_changes(folder, WrittenFiles.read(folder)) == []


def test_in_a_project_only_missing_files_of_the_framework_are_added(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["init", "--application", "none"]) == 0
    (folder / "README.md").unlink()
    (folder / "profiles/slurm/config.yaml").unlink()
    (folder / "profiles/slurm/machine.yaml").unlink()
    before = _files(folder)
    monkeypatch.setattr(init, "is_interactive", lambda: True)  # it asks nothing: there is no input
    assert cli.main(["init", "--here", "--profile", "sge"]) == 0
    after = _files(folder)
    assert after.keys() - before.keys() == {"profiles/sge/config.yaml", "profiles/sge/machine.yaml"}
    assert {name for name in before if after[name] != before[name]} == {".fairmesh.json"}


def test_a_project_inside_another_names_that(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init"]) == 0
    assert cli.main(["init", "below"]) == 0
    out = capsys.readouterr().out
    assert f"note: the folder is inside another project, {folder}; commands in it use the new one\n" in out
    assert not (folder / "below/.git").exists()


@pytest.mark.parametrize("name", ["a b", "bänk", "a{b}", "$HOME", "it's"])
def test_any_other_folder_is_good(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert cli.main(["init", "--", name]) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ").partition(" && ")[0]
    shown = subprocess.run(["bash", "-c", f"{command} && pwd"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"{folder / name}\n"


def test_a_link_and_a_linked_worktree_are_good(folder: Path) -> None:
    git = ["git", "-c", "user.email=a@example.org", "-C", "main"]
    subprocess.run(["git", "init", "-q", "main"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(folder / "tree")], check=True)
    (folder / "link").symlink_to("tree")
    assert cli.main(["init", "link"]) == 0
    assert (folder / "tree/config/config.yaml").is_file()
    assert (folder / "tree/.git").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["file"], "file: is a file; choose another folder"),
        (["file/below"], "file: is a file; choose another folder"),
        (["dangling"], "dangling: is a link that leads nowhere; choose another folder"),
        (["full"], "full: the folder is not empty; with --here, init adds a project and changes no file"),
        (["full", "--here"], "full/config: is a file; a project has a folder of this name"),
        (["own", "--here"], "own/pi: exists; use --application none, and then `fairmesh new NAME --program python`"),
        (["other", "--here"], "other/config/config.yaml: is not of fairmesh; put the project into a folder of its own"),
        (["x", "--application", "pyton"], "--application: unknown application 'pyton'; did you mean 'python'?"),
        (["x", "--profile", "slrm"], "--profile: unknown profile 'slrm'; did you mean 'slurm'?"),
        (["x", "--license", "CC-BY-9"], "--license: 'CC-BY-9' is not an SPDX identifier"),
        (["x", "--license", "free for all"], "--license: 'free for all' is not an SPDX identifier"),
        (["x", "--title", " "], "--title: must not be empty"),
        (["x", "--title", "a\x1b[31m"], "--title: must have printable characters only, not 'a\\x1b[31m'"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (folder / "file").touch()
    (folder / "dangling").symlink_to("nowhere")
    (folder / "full").mkdir()
    (folder / "full/config").touch()
    (folder / "own/pi").mkdir(parents=True)
    (folder / "other/config").mkdir(parents=True)
    (folder / "other/config/config.yaml").write_text("samples: samples.tsv\n")
    before = sorted(folder.rglob("*"))
    assert cli.main(["init", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, message in err, err.count("\n")) == ("", True, 1)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("existing", [True, False])
def test_after_a_failure_nothing_new_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    def fail(path: Path, text: str) -> None:
        if path.name == "machines.yaml":
            raise OSError(28, "No space left on device")
        path.write_text(text)

    if existing:
        (folder / "bench").mkdir()
    monkeypatch.setattr(new_project, "write_new", fail)
    assert cli.main(["init", "bench"]) == 1
    assert capsys.readouterr().err == "bench/config/machines.yaml: No space left on device\n"
    assert [*folder.rglob("*")] == [folder / "bench"] * existing

"""What the doctor says of a scheduler; a controller that is dead is asked by the real programs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fairmesh.cli.doctor import scheduler as checking
from fairmesh.cli.doctor.base import FAIL, OK, WARN, Answer, CheckedProject, ask
from fairmesh.schedulers import QueueLimit, SchedulerError, Site, find_scheduler
from fairmesh.schedulers._slurm_site import accounting_note, settings_notes
from fairmesh.study.machines import Machine
from tests.needs import must_have

SLURM = find_scheduler("slurm")
SITE = Site({"slurm_partition": ["main", "gpu"], "slurm_account": ["climate"], "gres": ["gpu", "gpu:a100"]})


def test_a_client_that_is_not_there_is_told() -> None:
    assert checking.client(SLURM, lambda name: f"/bin/{name}").level == OK
    told = checking.client(SLURM, lambda name: None if name == "sinfo" else name)
    assert (told.level, told.message) == (FAIL, "not in the path: sinfo")


@pytest.mark.parametrize(
    ("machine", "found", "advice"),
    [
        ({"resources": {"slurm_partition": "main,gpu"}}, [], ""),
        ({"gpus": {"a100": {"slurm_partition": "gpu", "gres": "gpu:a100:2"}}}, [], ""),
        (
            {"resources": {"slurm_partition": "mian"}},
            ["slurm.resources.slurm_partition: Slurm knows no 'mian'"],
            "did you mean 'main'? allowed: main, gpu",
        ),
        ({"resources": {"slurm_account": "climate"}}, [], ""),
        (
            {"resources": {"slurm_account": "clima"}},
            ["slurm.resources.slurm_account: Slurm knows no 'clima'"],
            "did you mean 'climate'? allowed: climate",
        ),
        (
            {"gpus": {"v100": {"gres": "gpu:v100:1"}}},
            ["slurm.gpus.v100.gres: Slurm knows no 'gpu:v100'"],
            "did you mean 'gpu:a100'? allowed: gpu, gpu:a100",
        ),
    ],
)
def test_what_machines_ask_for_must_be_there(machine: dict[str, object], found: list[str], advice: str) -> None:
    told = list(checking.offers("slurm", Machine.model_validate({"kind": "profile", **machine}), SLURM, SITE))
    assert [finding.message for finding in told if finding.level == FAIL] == found
    assert told[0].advice == advice


@pytest.mark.parametrize(
    ("accounts", "kept_by", "level", "words"),
    [
        (None, "none", OK, "looked up by squeue; leave out slurm_account"),
        (None, "slurmdbd", WARN, "does not answer"),
        ([], "slurmdbd", WARN, "you have no account"),
        (["climate"], "slurmdbd", OK, "climate"),
    ],
)
def test_accounting(accounts: list[str] | None, kept_by: str, level: str, words: str) -> None:
    told = accounting_note(accounts, f"A = 1\nAccountingStorageType   = accounting_storage/{kept_by}\n")
    assert (told.level, words in told.message) == (level, True)


@pytest.mark.parametrize(
    ("answer", "all_up", "level"),
    [
        (None, True, OK),
        (SchedulerError("Invalid account"), True, FAIL),
        (SchedulerError("Requested node configuration is not available"), False, WARN),
    ],
)
def test_submission(answer: SchedulerError | None, all_up: bool, level: str) -> None:
    assert checking.submission(SLURM, answer, Site({}, is_all_up=all_up)).level == level


@pytest.mark.parametrize(
    ("text", "levels", "words"),
    [
        ("MinJobAge  = 300 sec\nMaxJobCount  = 10000\nMaxArraySize = 1001\n", [OK], "MaxArraySize 1001"),
        ("MinJobAge  = 0 sec\nMaxJobCount  = 10000\n", [OK], "MinJobAge 0 s"),
        ("MinJobAge  = 10 sec\nMaxJobCount  = 10000\n", [WARN], "may be forgotten"),
    ],
)
def test_settings_that_runs_depend_on(text: str, levels: list[str], words: str) -> None:
    told = settings_notes(text)
    assert [finding.level for finding in told] == levels
    assert words in told[0].message


@pytest.mark.parametrize(
    ("limit", "level", "words"),
    [
        (QueueLimit(20000, "MaxJobCount"), OK, "20000 jobs may be in it (MaxJobCount)"),
        (QueueLimit(50, "MaxJobCount"), WARN, "is 500, and Slurm lets 50 be in its queue (MaxJobCount)"),
    ],
)
def test_the_jobs_of_the_profile_are_compared_with_what_the_queue_takes(
    tmp_path: Path, limit: QueueLimit, level: str, words: str
) -> None:
    root = Path(__file__).parents[3]
    project = CheckedProject(tmp_path, root / "profiles/slurm", "slurm", "slurm", tmp_path)
    (told,) = checking.queue(SLURM, limit, project)
    assert (told.level, words in told.message) == (level, True), told.message


@pytest.mark.parametrize(("others", "local", "level"), [({"n1"}, True, WARN), (set(), True, OK), ({"n1"}, False, OK)])
def test_results_that_nodes_do_not_see_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: set[str], local: bool, level: str
) -> None:
    monkeypatch.setattr(checking, "is_on_local_disk", lambda _: local)
    project = CheckedProject(tmp_path, tmp_path, "slurm", "slurm", tmp_path / "results")
    assert checking.shared(others, project).level == level


def test_of_no_slurm_nothing_is_said_but_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    root = Path(__file__).parents[3]
    of_slurm = CheckedProject(tmp_path, root / "profiles/slurm", "slurm", "slurm", tmp_path)
    (told,) = checking.checks(of_slurm)
    assert told.level == FAIL
    assert not list(checking.checks(CheckedProject(tmp_path, root / "profiles/local", "local", "local", tmp_path)))


@pytest.mark.e2e
@pytest.mark.clusters
def test_a_controller_that_is_dead_is_told_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    must_have(shutil.which("sinfo"), "Slurm's client is not installed")
    conf = tmp_path / "slurm.conf"
    conf.write_text(
        "ClusterName=dead\nSlurmctldHost=localhost\nSlurmctldPort=9\nAuthType=auth/none\nCredType=cred/none\n"
        "NodeName=n1\nPartitionName=main Nodes=n1\n"
    )
    monkeypatch.setenv("SLURM_CONF", str(conf))
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).parents[3]
    client, controller = checking.checks(CheckedProject(tmp_path, root / "profiles/slurm", "slurm", "slurm", tmp_path))
    assert (client.level, controller.level) == (OK, FAIL)
    assert "controller does not answer" in controller.message


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (("sh", "-c", "echo good"), Answer(True, "good\n")),
        (("sh", "-c", "echo a >&2; echo b >&2; exit 1"), Answer(False, "a; b")),
        (("no-such-program",), Answer(False, "no-such-program: No such file or directory")),
        (("sleep", "60"), Answer(False, "sleep gave no answer within 0 s")),
    ],
)
def test_a_program_is_asked_and_not_waited_for(command: tuple[str, ...], answer: Answer) -> None:
    assert ask(*command, patience=10 if command[0] != "sleep" else 0.1) == answer

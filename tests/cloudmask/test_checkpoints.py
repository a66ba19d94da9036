"""A checkpoint is read as it was written, or not at all."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmask.errors import CloudmaskError
from cloudmask.model.checkpoints import FILE, Checkpoint, CheckpointManager, Epoch, identify, read, write
from cloudmask.settings import Settings, read_settings

IDENTITY = {"version": "1", "store": "abc", "parameters": {"width": 2}}


def checkpoint(epochs: int = 2, step: int = 3) -> Checkpoint:
    rng = np.random.default_rng(epochs)
    arrays = [[rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (), (5,))] for _ in range(4)]
    history = [Epoch(n + 1, 0.1 + n, 0.2, 0.3, 0.4, 1.5) for n in range(epochs)]
    return Checkpoint("float32", history, step, 4.5, *arrays)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    kinds = ("weights", "optimizer", "metrics", "best")
    plain = all(
        getattr(one, field.name) == getattr(other, field.name)
        for field in dataclasses.fields(Checkpoint)
        if field.name not in {*kinds, "path"}
    )
    pairs = [(getattr(one, kind), getattr(other, kind)) for kind in kinds]
    return plain and all(len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)) for ours, theirs in pairs)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "1" / "checkpoints" / FILE
    write(path, checkpoint(), IDENTITY)
    return path


def test_what_is_written_is_read(file: Path) -> None:
    assert same(read(file, IDENTITY), checkpoint())
    assert [path.name for path in file.parent.iterdir()] == [FILE]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged")
    write(path / "whole.npz", checkpoint(), IDENTITY)
    return path


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_changed_byte_is_seen_or_changes_nothing(space: Path, where: float, change: int) -> None:
    data = bytearray((space / "whole.npz").read_bytes())
    data[int(where * len(data))] ^= change
    (space / FILE).write_bytes(data)
    with suppress(CloudmaskError):
        assert same(read(space / FILE, IDENTITY), checkpoint())


@pytest.mark.parametrize("part", [0, 1, 100, 0.5, -1])
def test_a_part_of_a_file_is_not_a_checkpoint(file: Path, part: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(part * len(data))] if isinstance(part, float) else data[:part])
    with pytest.raises(CloudmaskError, match="not a whole checkpoint"):
        read(file, IDENTITY)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (IDENTITY | {"store": "abd"}, "in store"),
        (IDENTITY | {"parameters": {"width": 3}}, "in width"),
        (IDENTITY | {"parameters": {"width": 2, "depth": 3}, "version": "2"}, "in depth, version"),
    ],
)
def test_a_checkpoint_of_another_training_is_told(file: Path, other: dict[str, object], said: str) -> None:
    with pytest.raises(CloudmaskError, match=f"of another training, {said}$"):
        read(file, other)


def test_the_farthest_is_taken_and_each_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, epochs, step in (("1", 2, 3), ("2", 3, 0), ("3", 2, 9), ("4", 5, 2), ("5", 8, 0), ("6", 4, 1)):
        write(tmp_path / name / "checkpoints" / FILE, checkpoint(epochs, step), IDENTITY)
    write(tmp_path / "5/checkpoints" / FILE, checkpoint(8), IDENTITY | {"store": "other"})
    (tmp_path / "6/checkpoints" / FILE).write_bytes(b"PK")
    sources = sorted(tmp_path.glob("*/checkpoints"))
    found = CheckpointManager(tmp_path / "7/checkpoints", sources, IDENTITY).find(5)
    assert found is not None
    assert same(found, checkpoint(3, 0))
    assert found.path == tmp_path / "2/checkpoints" / FILE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("checkpoint not used: ")[1].split(": ")[1] for line in lines] == [
        "5 epochs and 2 steps, more than 5",
        "of another training, in store",
        "not a whole checkpoint",
    ]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert CheckpointManager(tmp_path / "1/checkpoints", [tmp_path / "none"], IDENTITY).find(5) is None
    assert CheckpointManager(None).find(5) is None


def test_the_last_one_stays_until_the_next_is_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CloudmaskError, match="cannot be written: No space left on device"):
        CheckpointManager(file.parent, [], IDENTITY).write(checkpoint(5))
    assert same(read(file, IDENTITY), checkpoint())
    assert [path.name for path in file.parent.iterdir()] == [FILE]


def test_only_the_chief_writes_speaks_and_removes(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manager = CheckpointManager(
        tmp_path / "2/checkpoints", [file.parent], IDENTITY | {"store": "x"}, minutes=1e-9, is_chief=False
    )
    manager.write(checkpoint())
    assert manager.find(5) is None
    manager.clear()
    assert file.exists()
    assert not (tmp_path / "2").exists()
    assert capsys.readouterr().out == ""


def test_a_result_removes_its_own_checkpoints_and_no_others(file: Path, tmp_path: Path) -> None:
    foreign, elsewhere = tmp_path / "0/checkpoints" / FILE, tmp_path / "far/away/checkpoints" / FILE
    write(foreign, checkpoint(), IDENTITY | {"store": "x"})
    write(elsewhere, checkpoint(), IDENTITY)
    own = tmp_path / "2/checkpoints"
    manager = CheckpointManager(own, [file.parent, foreign.parent, elsewhere.parent], IDENTITY)
    manager.write(checkpoint(4))
    assert same(read(own / FILE, IDENTITY), checkpoint(4))
    manager.clear()
    assert not own.exists()
    assert not file.exists()
    assert foreign.exists()
    assert elsewhere.exists()


@pytest.fixture
def parameters(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("epochs: 3\n")
    return read_settings(tmp_path / "config.yaml")


def test_the_number_of_epochs_alone_may_differ(parameters: Settings, tmp_path: Path) -> None:
    store = tmp_path / "store.json"
    store.write_text("{}")
    own = identify(parameters, store)
    assert identify(replace(parameters, epochs=9), store) == own
    assert identify(replace(parameters, seed=9), store) != own
    store.write_text("{ }")
    assert identify(parameters, store) != own


def test_the_attempts_beside_this_one_are_looked_at_unless_a_folder_is_named(
    parameters: Settings, tmp_path: Path
) -> None:
    store = tmp_path / "store.json"
    store.write_text("{}")
    write(tmp_path / "attempts/1/checkpoints" / FILE, checkpoint(1), identify(parameters, store))
    write(tmp_path / "named" / FILE, checkpoint(2), identify(parameters, store))
    here = tmp_path / "attempts/2"
    here.mkdir()
    for named, epochs in ((None, 1), (tmp_path / "named", 2)):
        found = CheckpointManager.for_attempt(parameters, here, store, named, True).find(3)
        assert found is not None
        assert len(found.epochs) == epochs


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no last.npz in it"), (b"PK", "not a whole checkpoint")], ids=["missing", "damaged"]
)
def test_a_named_checkpoint_that_cannot_be_used_ends_the_training(
    parameters: Settings, tmp_path: Path, content: bytes | None, said: str
) -> None:
    store, named = tmp_path / "store.json", tmp_path / "named"
    store.write_text("{}")
    named.mkdir()
    if content:
        (named / FILE).write_bytes(content)
    with pytest.raises(CloudmaskError, match=said):
        CheckpointManager.for_attempt(parameters, tmp_path, store, named, True).find(3)

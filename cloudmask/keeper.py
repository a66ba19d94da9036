"""Where the checkpoints of a training are kept, and which of an earlier attempt is taken up again."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cloudmask import __version__
from cloudmask.checkpoints import FORMAT, Checkpoint, agrees, read, write
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.progress import say
from cloudmask.settings import Settings

FOLDER = "checkpoints"
FILE = "last.npz"
MINUTE = 60.0  # s


class Keeper:
    """Writes the checkpoints of a training and finds those of an earlier attempt.

    Parameters
    ----------
    folder : Path or None
        Where checkpoints are written; removed once the training's results are complete. None for no checkpoints.
    sources : iterable of Path
        Folders in which checkpoints of earlier attempts may be.
    identity : dict
        What a checkpoint must agree in, as `identity` gives it.
    minutes : float
        The longest time between two checkpoints within an epoch.
    chief : bool
        Whether this is the process that writes and speaks.
    named : bool
        Whether a person named the sources, and waits for them to be used.
    """

    def __init__(
        self,
        folder: Path | None,
        sources: Iterable[Path] = (),
        identity: dict[str, Any] | None = None,
        minutes: float = 10,
        chief: bool = True,
        named: bool = False,
    ) -> None:
        self.folder, self._sources, self._identity = folder, list(sources), identity or {}
        self._named = named
        self._minutes, self._chief, self._written = minutes, chief, time.monotonic()

    def find(self, epochs: int) -> Checkpoint | None:
        """Return the checkpoint that is farthest, of at most so many epochs; one that cannot be used is named.

        Raises
        ------
        CloudmaskError
            If a person named a checkpoint that cannot be used.
        """
        found = []
        for path in sorted(source / FILE for source in self._sources if (source / FILE).exists()):
            try:
                found.append(read(path, self._identity))
            except CloudmaskError as error:
                if self._named:
                    raise
                self._say(f"checkpoint passed over: {error}")
        usable = [each for each in found if (len(each.epochs), each.step) <= (epochs, 0)]
        for each in found:
            if each not in usable:
                self._say(f"checkpoint passed over: {each.path}: {each}, more than {epochs}")
        return max(usable, key=lambda each: (len(each.epochs), each.step), default=None)

    @property
    def writes(self) -> bool:
        """Return whether this process writes checkpoints."""
        return self.folder is not None and self._chief

    @property
    def due(self) -> bool:
        """Return whether the last checkpoint, or the start, is longer ago than it may be."""
        return self.writes and time.monotonic() - self._written > MINUTE * self._minutes

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint in the place of the last one, which stays until this one is whole."""
        if self.folder and self.writes:
            write(self.folder / FILE, checkpoint, self._identity)
        self._written = time.monotonic()

    def clear(self) -> None:
        """Remove this training's checkpoints, and those of its earlier attempts: there is a result in their place."""
        if not self.folder or not self.writes:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for source in self._sources:
            # What a person has named from elsewhere is not this program's to remove.
            beside = source.resolve().parent.parent == self.folder.resolve().parent.parent
            if beside and agrees(source / FILE, self._identity):
                shutil.rmtree(source, ignore_errors=True)

    def _say(self, line: str) -> None:
        if self._chief:
            say(line)


def siblings(folder: Path) -> list[Path]:
    """Return the folders of checkpoints in an attempt's folder and in those beside it."""
    return sorted(folder.resolve().parent.glob(f"*/{FOLDER}"))


def keeper_for(settings: Settings, here: Path, store: Path, given: Path | None, chief: bool) -> Keeper:
    """Make the keeper of a training in an attempt's folder.

    Parameters
    ----------
    here : Path
        The attempt's folder.
    store : Path
        The file that describes the store.
    given : Path or None
        The folder with the checkpoints to go on from; by default those of the attempts beside this one.

    Raises
    ------
    InputError
        If there is no checkpoint in the given folder.
    """
    if given and not (given / FILE).is_file():
        raise InputError(f"--checkpoints {given}: no {FILE} in it")
    sources = [given] if given else siblings(here)
    minutes = settings.checkpoint_minutes
    return Keeper(here / FOLDER, sources, identity(settings, store), minutes, chief, named=given is not None)


def identity(settings: Settings, store: Path) -> dict[str, Any]:
    """Say what two trainings must agree in so that one may go on with the other's checkpoint.

    All parameters but the number of epochs, which decides only when a training ends, the patches, and the program.

    Parameters
    ----------
    store : Path
        The file that describes the store, with the hashes of its arrays.
    """
    parameters = asdict(settings)
    del parameters["epochs"]
    digest = hashlib.sha256(store.read_bytes()).hexdigest()
    return {"format": FORMAT, "version": __version__, "store": digest, "parameters": parameters}

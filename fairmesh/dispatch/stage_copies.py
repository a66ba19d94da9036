"""Store outputs of stages on a computer: by rsync, which goes on after a cut, or in an archive."""

from __future__ import annotations

from fairmesh.dispatch.backoff import FEW
from fairmesh.dispatch.client import TargetClient
from fairmesh.dispatch.upload import Upload
from fairmesh.machines.rsync import NoRsyncError


class StageCopies:
    """Stores stages on one computer.

    Parameters
    ----------
    machine : str
        The name of the machine.
    uses_rsync : bool
        Whether to try rsync.

    Attributes
    ----------
    warning : str
        Why rsync is not used although it should be; empty if it is.
    """

    def __init__(self, machine: str, uses_rsync: bool) -> None:
        self._machine, self._uses_rsync = machine, uses_rsync
        self._cuts, self._arrived = 0, -1
        self.warning = ""

    def store(self, client: TargetClient, folder: str, upload: Upload) -> None:
        """Store a stage.

        Raises
        ------
        UnreachableError, RefusedError, RequestError
            If it is not there as a whole; the next call goes on.
        """
        if not self._uses_rsync:
            client.store(upload)
            return
        try:
            self._copy(client, folder, upload)
        except NoRsyncError as error:
            self._uses_rsync = False
            self.warning = f"{self._machine}: {error}; outputs of stages are sent without it"
            client.store(upload)

    def _copy(self, client: TargetClient, folder: str, upload: Upload) -> None:
        place = client.receive(folder)
        self._cuts = self._cuts + 1 if place.arrived == self._arrived else 0
        self._arrived = place.arrived
        if self._cuts >= FEW:
            raise NoRsyncError(f"rsync was cut {FEW} times, and nothing more arrived")
        client.copy(place, upload)
        self._cuts, self._arrived = 0, -1

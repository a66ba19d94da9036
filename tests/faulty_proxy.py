"""A connection that is damaged on its way: a ``ProxyCommand`` for ssh.

Call: ``python faulty_proxy.py PORT FOLDER``. Each line of the file ``faults`` in the folder is for one connection:
``cut up N`` or ``flip down N`` ends the connection, or changes a bit, after N bytes from the client (up) or to it
(down); further connections are not damaged.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from itertools import count
from pathlib import Path


def take_fault(folder: Path) -> list[str]:
    """Return the words of the next fault; connections may begin at the same time."""
    number = next(number for number in count() if _is_first(folder / f"connection-{number}"))
    faults = (folder / "faults").read_text().splitlines()
    return faults[number].split() if number < len(faults) else []


def _is_first(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def damage(data: bytes, fault: list[str], begin: int) -> tuple[bytes, bool]:
    """Return bytes that begin at a position with the fault in them, and whether the connection goes on."""
    place = int(fault[2]) - begin
    if not 0 <= place < len(data):
        return data, True
    if fault[0] == "cut":
        return data[:place], False
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :], True


def main() -> None:
    """Copy bytes in both directions, with one fault."""
    fault = take_fault(Path(sys.argv[2]))
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    outputs = {0: connection.fileno(), connection.fileno(): 1}
    names = {0: "up", connection.fileno(): "down"}
    done = dict.fromkeys(outputs, 0)
    goes_on = True
    while goes_on:
        for source in select.select(list(outputs), [], [])[0]:
            data = os.read(source, 1 << 14)
            begin, done[source] = done[source], done[source] + len(data)
            goes_on = goes_on and bool(data)
            if fault[1:2] == [names[source]]:
                data, is_whole = damage(data, fault, begin)
                goes_on = goes_on and is_whole
            while data:
                data = data[os.write(outputs[source], data) :]


if __name__ == "__main__":
    main()

"""``renew``: keep a rented machine on; without renewal, a script on it powers it off."""

import os

from ..runner import jsonfiles
from .request import Answer, Request

DEADLINE = ".fairmesh-deadline"  # in the home of the user; fairmesh/machines/switch.sh reads it
LONGEST = 7 * 24 * 3600  # seconds


def answer(request: Request) -> Answer:
    """Write until when the machine stays on, as its boot and its uptime then: its clock may be set meanwhile."""
    seconds = min(request.number("seconds"), LONGEST)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    with open("/proc/uptime", encoding="ascii") as file:
        until = int(float(file.read().split()[0])) + seconds
    path = os.path.join(os.path.expanduser("~"), DEADLINE)
    jsonfiles.write_bytes(path, f"{boot} {until}\n".encode(), 0o600)
    return Answer({"seconds": seconds})

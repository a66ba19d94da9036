"""The command line of ssh: its options, and the sockets of connections that several calls share."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from fairmesh.machines.transport import RefusedError

CONNECT, ALIVE, SILENT = 15, 5, 3  # seconds to connect and between signs of life; how many may be missing
PERSIST = 120  # seconds that an unused connection stays open
LOCAL = 10.0  # seconds for what ssh does on this computer alone
_LONGEST = 67  # bytes of the folder of sockets: ssh adds up to 36, and some systems allow 104

# The configuration of the user holds for everything else: user, keys, agent, jump hosts, algorithms, known hosts.
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    f"ConnectTimeout={CONNECT}",
    f"ServerAliveInterval={ALIVE}",
    f"ServerAliveCountMax={SILENT}",
    "LogLevel=ERROR",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)


NOBODY_IS_ASKED = {"SSH_ASKPASS_REQUIRE": "never"}  # a variable, since it reaches the ssh to a jump host, too
_LISTS = ("sendenv",)  # settings with a line for each value
_NEEDED = ("HOME", "PATH", "SSH_AUTH_SOCK")  # by ssh itself, and by the programs that it starts


@dataclass(frozen=True)
class SshHost:
    """A host as the user's ssh knows it.

    Parameters
    ----------
    host : str
        The name for ssh: ``HOST`` or ``USER@HOST``.
    config : Path, optional
        The configuration file in place of that of the user.
    """

    host: str
    config: Path | None = None

    def command(self, *options: str, run: str = "") -> list[str]:
        """Return the command line.

        Parameters
        ----------
        *options : str
            Arguments before the host.
        run : str
            The command for the host's shell; it contains nothing that comes from a file of the user.
        """
        files = ["-F", str(self.config)] if self.config else []
        return ["ssh", *files, *options, "--", self.host, *([run] if run else [])]

    @cached_property
    def settings(self) -> dict[str, str]:
        """The configuration that ssh uses for this host, with small letters as keys.

        Raises
        ------
        RefusedError
            If the configuration has a mistake.
        """
        done = run_locally(self.command("-G"))
        if done.returncode:
            raise RefusedError(f"ssh -G {self.host}: {' '.join(done.stderr.split())}")
        pairs = [line.partition(" ") for line in done.stdout.splitlines()]
        settings: dict[str, str] = {}
        for key, _, value in pairs:
            settings[key] = f"{settings[key]} {value}" if key in settings and key in _LISTS else value
        return settings

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables of ssh: nobody is asked, and none is sent along.

        What a job prints and how it sorts must not depend on the language of whoever starts it.
        """
        patterns = self.settings.get("sendenv", "").split()
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _NEEDED or not any(fnmatchcase(name, pattern) for pattern in patterns)
        }
        return kept | NOBODY_IS_ASKED

    def shared_connection(self) -> list[str]:
        """Return the options by which a call uses an open connection, or opens one for the following calls."""
        own = self.socket("own")
        if not own.exists() and (opened := self._opened_by_hand()):
            return ["-oControlMaster=no", f"-oControlPath={opened}"]
        return ["-oControlMaster=auto", f"-oControlPath={own}", f"-oControlPersist={PERSIST}"]

    def _opened_by_hand(self) -> str:
        """Return the socket of a connection that the user has opened, for instance with a second factor."""
        configured = self.settings.get("controlpath", "none")
        paths = [str(self.socket("user")), *([] if configured == "none" else [configured])]
        return next((path for path in paths if Path(path).exists() and self.is_open(path)), "")

    def is_open(self, path: str | Path) -> bool:
        """Return whether a connection listens on a socket."""
        try:
            return run_locally(self.command(f"-oControlPath={path}", "-O", "check")).returncode == 0
        except RefusedError:
            return False

    def socket(self, owner: str) -> Path:
        """Return the path of the socket of shared connections.

        Parameters
        ----------
        owner : str
            ``own`` for connections that fairmesh opens and ends, ``user`` for those that the user opens.
        """
        text = f"{self.host}\0{self.config or ''}\0{self._identity}"
        return control_folder() / f"{owner}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @cached_property
    def _identity(self) -> str:
        """What must be equal for two calls to share a connection."""
        keys = ("hostname", "port", "user", "proxyjump", "proxycommand", "hostkeyalias", "userknownhostsfile")
        return "\0".join(self.settings.get(key, "") for key in keys)

    def stop_sharing(self) -> None:
        """End the connection that fairmesh has opened, as soon as no call uses it."""
        with suppress(RefusedError):
            path = self.socket("own")
            if path.exists():
                with suppress(RefusedError):
                    run_locally(self.command(f"-oControlPath={path}", "-O", "stop"))
                path.unlink(missing_ok=True)  # it does not answer; it ends by itself


def control_folder() -> Path:
    """Return the private folder of sockets.

    Raises
    ------
    RefusedError
        If somebody else could use it.
    """
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "-")
    name = f"fairmesh-{os.getuid()}"
    parents = [runtime] if runtime.is_absolute() and runtime.is_dir() else []
    places = [parent / name for parent in (*parents, Path(tempfile.gettempdir()), Path("/tmp"))]  # noqa: S108
    folder = next(place for place in places if len(os.fsencode(place)) <= _LONGEST)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise RefusedError(f"{folder}: others could use its connections; remove it, or set XDG_RUNTIME_DIR")
    return folder


def run_locally(command: Sequence[str], timeout: float = LOCAL) -> subprocess.CompletedProcess[str]:
    """Run a program of OpenSSH that cannot ask the user anything; return its output.

    Raises
    ------
    RefusedError
        If there is no such program, or it does not end.
    """
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            start_new_session=True,
            env=os.environ | NOBODY_IS_ASKED,
        )
    except FileNotFoundError:
        raise RefusedError(f"{command[0]} is missing on this computer; install the OpenSSH client") from None
    except subprocess.TimeoutExpired:
        raise RefusedError(f"{' '.join(command[:3])} does not end within {timeout:.0f} s") from None

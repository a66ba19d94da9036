"""Real sshd servers on loopback for tests: each is a host with its own key, port, home and login shell.

All of them run on this computer as the user of the tests, so they share processors, memory and file systems. What
differs is `SshServer.home`, which is ``HOME`` there. Nothing reads or writes ``~/.ssh``: clients get
`SshNetwork.config` by ``-F``.

Stand-ins: a login shell is set by ``ForceCommand``, since all servers have the same user; a home like NFS, and a quota,
are libraries that are loaded into every program of a login shell and refuse links and locks, or writing; a host with a
name and a boot of its own is sshd in namespaces of the kernel.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fairmesh.user import user_name
from tests.clusters import has_variable, processes_where
from tests.needs import must_have, note_component
from tests.waiting import wait_until

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
ADDRESS = "127.0.0.1"
BANNER = "Welcome to the cluster!\nMaintenance: Monday, 6:00\n"
LOGIN_SHELLS = {
    "": "",
    "csh": 'exec csh -c "$SSH_ORIGINAL_COMMAND"',
    "banner": f"printf '{BANNER}'; exec sh -c \"$SSH_ORIGINAL_COMMAND\"".replace("\n", "\\n"),
    "noisy csh": f"printf '{BANNER}'; exec csh -c \"$SSH_ORIGINAL_COMMAND\"".replace("\n", "\\n"),
    "nologin": "echo 'This account is currently not available.'; exit 1",
}
"""Commands that sshd runs in place of that of the client, by name; the empty name is the shell of the user."""

_BELOW = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
static int is_below(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, "@FOLDER@/", strlen("@FOLDER@/")) == 0;
}
"""
NO_LINKS = (
    _BELOW
    + r"""
int link(const char *a, const char *b) { errno = EOPNOTSUPP; return -1; }
int linkat(int a, const char *b, int c, const char *d, int e) { errno = EOPNOTSUPP; return -1; }
int flock(int fd, int how) {
    if (is_below(fd)) { errno = ENOLCK; return -1; }
    return syscall(SYS_flock, fd, how);
}
int lockf(int fd, int command, off_t length) { errno = ENOLCK; return -1; }
"""
)

# Writes below a folder fail as those of a user whose quota is used up, while a file exists.
QUOTA = (
    _BELOW
    + r"""
ssize_t write(int fd, const void *data, size_t size) {
    if (is_below(fd) && syscall(SYS_faccessat, AT_FDCWD, "@SWITCH@", F_OK) == 0) { errno = EDQUOT; return -1; }
    return syscall(SYS_write, fd, data, size);
}
"""
)
# Arguments: host name, file with the id of the boot, then the program.
OWN_HOST = 'hostname "$1" && mount --bind "$2" /proc/sys/kernel/random/boot_id && shift 2 && exec "$@"'


@dataclass
class SshServer:
    """One sshd, in a folder of its own."""

    name: str
    folder: Path
    port: int
    login_shell: str = ""
    options: Sequence[str] = ()
    is_own_host: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _sessions: list[int] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The home of the user there."""
        return self.folder / "home"

    @property
    def log(self) -> str:
        """What sshd has written."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the host key, as ``SHA256:...``."""
        return _keygen("-lf", str(self.folder / "host_key.pub")).split()[1]

    def write_profile(self, text: str) -> None:
        """Write what a login shell reads first, as ``export PATH=...``."""
        (self.home / ".profile").write_text(text)

    def make_key(self) -> None:
        """Make a new host key; sshd uses it from its next start on."""
        for path in (self.folder / "host_key", self.folder / "host_key.pub"):
            path.unlink(missing_ok=True)
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(self.folder / "host_key"))

    def start(self) -> None:
        """Start sshd, and wait until it listens."""
        (self.folder / "sshd_config").write_text("\n".join(self._settings()) + "\n")
        with (self.folder / "log").open("ab") as log:
            command = [*self._namespaces(), str(SSHD), "-D", "-e", "-f", str(self.folder / "sshd_config")]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, **self.environment},
            )
        wait_until(lambda: _listens(self.port) or self._process_ended(), f"sshd of {self.name} listens")
        assert not self._process_ended(), self.log

    def _namespaces(self) -> list[str]:
        """Return the beginning of a command that runs on a host with a name and a boot of its own."""
        if not self.is_own_host:
            return []
        boot = self.folder / "boot_id"
        if not boot.exists():
            boot.write_text(f"{uuid.uuid4()}\n")
        return ["unshare", "--uts", "--mount", "sh", "-c", OWN_HOST, "sh", self.name, str(boot)]

    def reboot(self) -> None:
        """End everything on the host, and start sshd in a new boot."""
        assert self.is_own_host
        self.reset()
        (self.folder / "boot_id").unlink()
        self.start()

    def _process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _settings(self) -> Iterator[str]:
        folder = self.folder
        yield from self.options  # the first of two values holds
        yield from (f"ListenAddress {ADDRESS}:{self.port}", f"HostKey {folder}/host_key", "PidFile none")
        yield from (f"AuthorizedKeysFile {folder}/authorized_keys", "StrictModes no", "UsePAM no", "LogLevel VERBOSE")
        yield from ("PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password")
        yield f"SetEnv HOME={self.home}"
        if command := LOGIN_SHELLS[self.login_shell]:
            yield f"ForceCommand {command}"

    def stop(self, *, with_sessions: bool = True) -> None:
        """Stop sshd, and the sessions too unless they are to go on; the programs of jobs go on."""
        processes = self.processes()
        self._sessions = [] if with_sessions else processes[1:]
        _send(processes if with_sessions else processes[:1], signal.SIGKILL)
        if self._process:
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop sshd with its sessions, and start it again on the same port."""
        self.stop()
        self.start()

    @contextmanager
    def black_hole(self) -> Iterator[None]:
        """Leave clients without any answer for a while; the kernel still accepts their connections."""
        processes = self.processes()
        _send(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _send(processes, signal.SIGCONT)

    def processes(self) -> list[int]:
        """Return the processes of sshd: the one that listens, then those of sessions."""
        running = [] if self._process is None else _family([self._process.pid])
        return [*running, *self._sessions]

    def jobs(self) -> list[int]:
        """Return the processes that run on this host, as its ``HOME`` shows; without sshd itself."""
        return processes_where(lambda process: has_variable(process, f"HOME={self.home}\0"))

    def reset(self) -> None:
        """Stop sshd and everything that runs on the host, as a loss of power does."""
        self.stop()
        _send(self.jobs(), signal.SIGKILL)

    def refuse_links_and_locks(self) -> None:
        """Refuse hard links, and locks in the home, to all programs of login shells, as an old NFS does."""
        self._load(NO_LINKS.replace("@FOLDER@", str(self.home)))

    def limit(self, folder: Path) -> Path:
        """Return a file; while it exists, nothing can be written below a folder, as if a quota were used up."""
        switch = self.folder / "quota"
        self._load(QUOTA.replace("@SWITCH@", str(switch)).replace("@FOLDER@", str(folder)))
        return switch

    def _load(self, code: str) -> None:
        """Load a library into all programs of login shells."""
        must_have(shutil.which("cc"), "no C compiler: nothing was tried without links, locks, and with a quota")
        library = self.folder / "library.so"
        command = ["cc", "-shared", "-fPIC", "-o", str(library), "-x", "c", "-"]
        subprocess.run(command, check=True, input=code.encode(), timeout=60)
        self.write_profile(f"export LD_PRELOAD={library}\n")


@dataclass
class SshNetwork:
    """Several servers, and the files of a client that reaches them by name."""

    folder: Path
    servers: dict[str, SshServer] = field(default_factory=dict)
    _entries: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The configuration of the client, for ``ssh -F``."""
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The host keys that the client knows."""
        return self.folder / "known_hosts"

    def add(
        self,
        name: str,
        *,
        jump: str = "",
        login_shell: str = "",
        options: Sequence[str] = (),
        is_known: bool = True,
        is_own_host: bool = False,
    ) -> SshServer:
        """Start a server.

        Parameters
        ----------
        name : str
            Its name for clients.
        jump : str
            The server through which clients connect to it.
        login_shell : str
            One of `LOGIN_SHELLS`.
        options : sequence of str
            More lines of sshd_config.
        is_known : bool
            Whether the client knows its host key.
        is_own_host : bool
            Whether it has a host name and a boot of its own.
        """
        must_have(not is_own_host or os.geteuid() == 0, "only root can give a host a name and a boot of its own")
        must_have("csh" not in login_shell or shutil.which("csh"), "no csh; apt-get install csh")
        folder = self.folder / name
        (folder / "home").mkdir(parents=True)
        shutil.copy(self.folder / "client_key.pub", folder / "authorized_keys")
        server = self.servers[name] = SshServer(name, folder, _free_port(), login_shell, options, is_own_host)
        server.make_key()
        server.start()
        self.write_entry(name, f"Port {server.port}\n" + (f"ProxyJump {jump}\n" if jump else ""))
        if is_known:
            self.know(name)
        return server

    def write_entry(self, name: str, text: str) -> None:
        """Write the client's settings for a host."""
        self._entries[name] = f"Host {name}\n{text}HostName {ADDRESS}\n"  # the first of two values holds
        self.config.write_text("\n".join([*self._entries.values(), self._common()]))

    def _common(self) -> str:
        return (
            f"Host *\nUser {user_name()}\nIdentityFile {self.folder}/client_key\nIdentitiesOnly yes\n"
            "IdentityAgent none\n"
            f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile /dev/null\nUpdateHostKeys no\n"
        )

    def know(self, name: str) -> None:
        """Add the host key of a server to those that the client knows."""
        server = self.servers[name]
        with self.known_hosts.open("a") as file:
            file.write(f"[{ADDRESS}]:{server.port} {(server.folder / 'host_key.pub').read_text()}")

    def ssh(self, name: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a host with ssh alone."""
        call = ["ssh", "-F", str(self.config), *options, "-oBatchMode=yes", "-oControlPath=none", "--", name, command]
        return subprocess.run(
            call,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            start_new_session=True,
        )

    def close(self) -> None:
        """End all servers and everything that runs on them."""
        for server in self.servers.values():
            server.reset()


@contextmanager
def ssh_network() -> Iterator[SshNetwork]:
    """Yield a network without servers; at the end, nothing of it runs any more."""
    must_have(SSHD and shutil.which("ssh"), "no sshd: nothing was tried over ssh; apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd does not start without it
    note_component(_version())
    with tempfile.TemporaryDirectory(prefix="sshd-") as place:
        network = SshNetwork(Path(place))
        _keygen("-q", "-t", "ed25519", "-N", "", "-f", f"{place}/client_key")
        network.known_hosts.touch()
        try:
            yield network
        finally:
            network.close()


def _version() -> str:
    text = subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True, timeout=60).stderr
    return f"sshd of {text.partition(',')[0].split()[0].replace('_', ' ')}"


def _keygen(*arguments: str) -> str:
    command = ["ssh-keygen", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((ADDRESS, port), timeout=1):
        return True
    return False


def _family(processes: list[int]) -> list[int]:
    """Return processes of sshd with all that they have started, as far as these are sshd too."""
    children = processes_where(
        lambda path: _parent(path) in processes and (path / "comm").read_text().startswith("sshd")
    )
    return [*processes, *_family(children)] if children else processes


def _parent(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def _send(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)

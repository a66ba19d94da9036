"""The first code that runs on a machine: it is sent as text, finds or receives the runner, and imports the rest.

A request arrives as a line of JSON. Each message to the client is a line that begins with the client's random number,
so that what a login shell prints is not mistaken for it: ``runner`` asks for the runner, ``payload`` for the bytes that
follow the request, ``wait`` says that the work goes on, and ``answer LENGTH SHA256`` begins the answer.
"""

import atexit
import contextlib
import errno
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
from typing import Any, BinaryIO, Dict, Optional

RUNNER = "runner.pyz"  # leads to the version that new jobs start with
VERSIONS = ".runner"  # the folder of its versions, each under a name that follows from its content
KEPT = 8  # versions: a job uses the one that it has started with until it ends
NAME = re.compile(r"[\w+@][\w.+@-]{0,199}\Z")
# Errors of a new folder that do not pass by themselves: the path is wrong, or others own the place.
NEVER = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP)
LARGEST = 1 << 26  # bytes of a runner
SILENCE = 900  # seconds without a byte from the client after which the process ends


class Channel:
    """The connection to the client.

    Parameters
    ----------
    header : dict
        The first line of the client: ``nonce``, ``base``, ``runner`` (its SHA-256) and ``request``.
    reading, writing : BinaryIO
        Bytes from and to the client.
    """

    def __init__(self, header: Dict[str, Any], reading: BinaryIO, writing: BinaryIO) -> None:
        self.header, self.reading, self.writing = header, reading, writing
        self._nonce = str(header["nonce"]).encode()
        self._lock = threading.Lock()

    def say(self, message: str, data: bytes = b"") -> None:
        """Send a message, and bytes after it."""
        with self._lock:
            self.writing.write(b"\n" + self._nonce + b" " + message.encode() + b"\n" + data)
            self.writing.flush()

    def answer(self, values: Dict[str, Any]) -> None:
        """Send the answer."""
        data = json.dumps(values).encode()
        self.say(f"answer {len(data)} {hashlib.sha256(data).hexdigest()}", data)

    def fail(self, reason: str, kind: str = "person") -> None:
        """Send an error as the answer."""
        self.answer({"error": reason, "kind": kind})


def main() -> None:
    """Serve one request from the standard input."""
    reading, writing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # no program that is called can write into the answer
    signal.alarm(SILENCE)  # its default action ends a process whose client is gone
    channel = Channel(json.loads(reading.readline().decode()), reading, writing)
    try:
        runner = _runner(channel)
    except OSError as error:
        place = f": {os.fsdecode(error.filename)}" if error.filename else ""
        channel.fail(f"{error.strerror or error}{place}", "retry")
        return
    except ValueError as error:
        channel.fail(str(error))
        return
    sys.path.insert(0, runner)
    importlib.import_module("fairmesh.target.serving").serve(channel)  # it is in the runner


def base_folder(text: str) -> str:
    """Return the path of a base folder, in which ``~`` and ``$NAME`` are replaced.

    Raises
    ------
    ValueError
        If a variable is not set, or the path is not absolute.
    """
    path = os.path.expanduser(os.path.expandvars(text))
    unset = re.search(r"\$(\w+|\{\w+\})", path)
    if unset:
        raise ValueError(f"the base folder {text!a}: {unset.group(1).strip('{}')} is not set on this machine")
    if "$" in path or not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"the base folder {path!a} is no absolute path on this machine")
    return os.path.normpath(path)


def home_folder(base: str, name: Any) -> str:
    """Return the home folder of a project.

    Raises
    ------
    ValueError
        If its name cannot be that of a folder.
    """
    if not isinstance(name, str) or not NAME.match(name):
        raise ValueError(f"{name!a} is no name of a home folder")
    return os.path.join(base, name)


def _runner(channel: Channel) -> str:
    """Return the path of the wanted runner: that of the home, or one that is received now."""
    header = channel.header
    home = header["request"].get("home")
    folder = home_folder(base_folder(header["base"]), home) if home is not None else ""
    if folder:
        _make_private(folder)
    if folder and _sha256(version_path(folder, header["runner"])) == header["runner"]:
        return _use(folder, header["runner"])
    channel.say("runner")
    data = _receive(channel.reading)
    if hashlib.sha256(data).hexdigest() != header["runner"]:
        raise OSError("the runner arrived incomplete")
    if not folder:
        folder = tempfile.mkdtemp(prefix="fairmesh-")
        atexit.register(shutil.rmtree, folder, True)
    return install_runner(folder, data)


def _make_private(folder: str) -> None:
    """Make a home folder; if there is one, check that nobody else can put another runner into it.

    Raises
    ------
    ValueError
        If somebody can, or if it can never be made.
    """
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o755)  # whatever the umask
    except OSError as error:
        if error.errno not in NEVER:
            raise
        place = os.path.dirname(folder)
        reason = f"the base folder {place} cannot be used: {error.strerror}: {error.filename}"
        raise ValueError(f"{reason}; set `base` of the machine to a folder that you can write") from error
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
        raise ValueError(f"{folder} is not a folder of yours alone, and others could change what runs there")


def version_path(folder: str, sha256: str) -> str:
    """Return the path of a version of the runner in a home folder."""
    return os.path.join(folder, VERSIONS, sha256[:12] + ".pyz")


def install_runner(folder: str, data: bytes) -> str:
    """Write the runner into a home folder; return the path of this version, whose content never changes.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = version_path(folder, sha256)
    if _sha256(path) != sha256:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)  # whatever the umask
        _write(folder, path, data)
    return _use(folder, sha256)


def _use(folder: str, sha256: str) -> str:
    """Make a version of the runner the one that new jobs start with; return its path."""
    path, link = version_path(folder, sha256), os.path.join(folder, RUNNER)
    target = os.path.relpath(path, folder)
    if not os.path.islink(link) or os.readlink(link) != target:
        os.utime(path, None)
        try:
            beside = _beside(folder)
            os.symlink(target, beside)
            os.replace(beside, link)
        except OSError:  # a file system without links
            if _sha256(link) != sha256:
                with open(path, "rb") as file:
                    _write(folder, link, file.read(LARGEST))
        _remove_old(os.path.dirname(path))
    return path


def _remove_old(folder: str) -> None:
    """Remove the versions that were used last the longest time ago."""
    with contextlib.suppress(OSError):  # another process removes them, too
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".pyz")]
        for path in sorted(paths, key=os.path.getmtime)[:-KEPT]:
            os.unlink(path)


def _sha256(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read(LARGEST)).hexdigest()
    except OSError:
        return None


def _receive(reading: BinaryIO) -> bytes:
    length = int(reading.readline(32) or b"0")
    data = reading.read(length) if length <= LARGEST else b""
    if len(data) < length or not length:
        raise OSError("the runner arrived incomplete")
    return data


def _beside(folder: str) -> str:
    """Return a path in the home folder for what is moved into place."""
    return f"{folder}/.{RUNNER}.{os.uname()[1][:20]}.{os.getpid()}.{threading.get_ident()}.half"


def _write(folder: str, path: str, data: bytes) -> None:
    """Write a file beside its place, and move it there."""
    beside = _beside(folder)
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


if __name__ == "__main__":
    main()

"""Start a program that survives the end of the connection: in a session of its own, without open files of this one."""

import errno
import os
import signal
from typing import Any, Dict, List

from ..runner import owner


def start_detached(command: List[str], folder: str, log: str, variables: Dict[str, str]) -> Dict[str, Any]:
    """Start a program, detached; return the identity of its process.

    Parameters
    ----------
    command : list of str
        The program and its arguments, without a shell.
    folder : str
        Its working folder.
    log : str
        The file for its output.
    variables : dict
        Its environment.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    reading, writing = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _run(command, folder, output, variables, writing)
        os.close(writing)
        writing = -1
        words = _read_all(reading).split()
        os.waitpid(child, 0)
    finally:
        for descriptor in (output, reading, writing):
            if descriptor >= 0:
                os.close(descriptor)
    numbers = [int(word[1:]) for word in words if word.startswith("p")]
    problems = [int(word[1:]) for word in words if word.startswith("e")]
    if problems or not numbers:
        code = (problems or [errno.EAGAIN])[0]
        raise OSError(code, os.strerror(code), command[0])
    return _identity(numbers[0])


def _read_all(reading: int) -> str:
    """Return all that is written into a pipe; the program closes it when it begins."""
    parts = list(iter(lambda: os.read(reading, 100), b""))
    return b"".join(parts).decode()


def _identity(pid: int) -> Dict[str, Any]:
    """Return the identity of a process that may have ended already."""
    try:
        return owner.describe(pid)
    except ProcessLookupError:
        return dict(owner.current_process(), pid=pid, start="")


def _run(command: List[str], folder: str, output: int, variables: Dict[str, str], writing: int) -> None:
    """Become a session's leader, start the program in a grandchild, and end; never returns."""
    try:
        os.setsid()
        child = os.fork()
        if child:
            os.write(writing, f"p{child} ".encode())
            os._exit(0)
        _become(command, folder, output, variables)
    except OSError as error:
        os.write(writing, f"e{error.errno or errno.EIO} ".encode())
    finally:
        os._exit(1)


def _become(command: List[str], folder: str, output: int, variables: Dict[str, str]) -> None:
    """Become the program; the process that started it is not its parent any more."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(folder)
    os.execvpe(command[0], command, variables)  # noqa: S606

"""The container of a program. The runner itself stays outside, where it sees processes, locks, GPUs and the scheduler.

Therefore an image needs neither Python nor fairmesh. The program sees the folders of the job under their own paths: the
job's home and the application read-only, the folder of its attempt writable, input files, and folders of the machine.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from typing import Any, Callable, Dict, List, Sequence, Tuple

from ..schedulers import job_scheduler
from . import jsonfiles
from .commit import Refused
from .protocol import ENVIRONMENTS
from .provenance import DETERMINISM, THREADS

GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
IMAGES = "images"
CANNOT_START = 125  # exit code of podman and docker
_SCHEMES = ("docker://", "oras://", "library://", "shub://", "docker-archive:", "oci-archive:", "instance://")
_OF_PODMAN = {"nvidia": ["--device", "nvidia.com/gpu=all"], "amd": ["--device", "/dev/kfd", "--device", "/dev/dri"]}
_OF_DOCKER = dict(_OF_PODMAN, nvidia=["--gpus", "all"])
_OF_APPTAINER = {"nvidia": ["--nv"], "amd": ["--rocm"]}

Pause = Callable[[], None]


class Container:
    """The container of one attempt.

    Parameters
    ----------
    settings : dict
        The entry ``container`` of experiment.json.
    home : str
        The folder that holds stages/ and environments/.
    folder : str
        The folder of the attempt.
    application : str
        The folder of the application.
    """

    def __init__(self, settings: Dict[str, Any], home: str, folder: str, application: str) -> None:
        self.program, self.image = str(settings["program"]), str(settings["image"])
        self.name = "fairmesh-" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:20]
        self.digest = ""
        self._settings, self._home, self._folder, self._application = settings, home, folder, application

    @property
    def has_engine(self) -> bool:
        """Whether an engine starts the container, so that its client is not the parent of the program."""
        return self.program in ("podman", "docker")

    def prepare(self, pause: Pause) -> None:
        """Find the image, fetch it if it is not here, and determine its digest.

        Parameters
        ----------
        pause : callable
            Called several times a second meanwhile; it may raise an exception.

        Raises
        ------
        Refused
            If the program or the image is missing.
        """
        if shutil.which(self.program) is None:
            raise Refused(f"there is no program {self.program!r} here, in whose container it runs")
        if self.has_engine:
            self.digest = self._inspect(pause) or self._pull(pause)
        else:
            self.image = self._image_file(pause)
            self.digest = "sha256:" + self._sha256_of_file(pause)

    def _inspect(self, pause: Pause) -> str:
        """Return the digest of an image that the engine has; an empty text if it has none."""
        code, output = _run([self.program, "image", "inspect", self._reference], pause)
        return "" if code else digest_of(output, self._reference)

    def _pull(self, pause: Pause) -> str:
        code, output = _run([self.program, "pull", "--quiet", self._reference], pause)
        digest = "" if code else self._inspect(pause)
        if not digest:
            raise Refused(f"image {self.image} is not here, and cannot be fetched: {_last_line(output)}")
        return digest

    @property
    def _reference(self) -> str:
        """The name of the image for an engine."""
        return self.image[len("docker://") :] if self.image.startswith("docker://") else self.image

    def _image_file(self, pause: Pause) -> str:
        """Return the file of an image, converted from a registry's if it is one."""
        path = os.path.expanduser(os.path.expandvars(self.image))
        if os.path.exists(path):
            return path
        if path.endswith(".sif") and not self.image.startswith(_SCHEMES):
            raise Refused(f"there is no image {path}")
        source = self.image if self.image.startswith(_SCHEMES) else "docker://" + self.image
        folder = os.path.join(self._home, IMAGES)
        file = os.path.join(folder, hashlib.sha256(source.encode()).hexdigest()[:20] + ".sif")
        if not os.path.exists(file):
            os.makedirs(folder, exist_ok=True)
            draft = f"{file}.{jsonfiles.mark()}.sif"
            code, output = _run([self.program, "pull", draft, source], pause)
            if code:
                raise Refused(f"image {self.image} cannot be fetched: {_last_line(output)}")
            os.rename(draft, file)
        return file

    def _sha256_of_file(self, pause: Pause) -> str:
        """Return the hash of the image's file, which is noted, since images are large."""
        status = os.stat(self.image)
        about = [os.path.realpath(self.image), status.st_size, status.st_mtime_ns, status.st_ino]
        name = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
        note = os.path.join(self._home, ENVIRONMENTS, ".image-" + name)
        known = jsonfiles.read(note)
        if isinstance(known, str) and len(known) == 64:
            return known
        digest = hashlib.sha256()
        with open(self.image, "rb") as file:
            for block in iter(lambda: file.read(1 << 24), b""):
                digest.update(block)
                pause()
        os.makedirs(os.path.dirname(note), exist_ok=True)
        jsonfiles.write(note, digest.hexdigest())
        return digest.hexdigest()

    def describe(self) -> Dict[str, str]:
        """Return the kind, image and digest, as the environment of a result records them."""
        return {"kind": self.program, "image": str(self._settings["image"]), "digest": self.digest}

    def command(self, command: Sequence[str], variables: Dict[str, str], name: str = "") -> List[str]:
        """Return the command that runs a command in the container.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments.
        variables : dict
            The names of its variables; the values are those of ``environment``.
        name : str
            The name of the container; none by default.
        """
        build = self._engine_command if self.has_engine else self._apptainer_command
        image = self._reference if self.has_engine else self.image
        options = map(str, self._settings.get("options", ()))
        return [self.program, *build(variables, name), *options, image, *command]

    def _engine_command(self, variables: Dict[str, str], name: str) -> List[str]:
        arguments = ["run", "--rm", "--log-driver", "none", "--entrypoint", "", "--workdir", self._folder]
        arguments += ["--name", name] if name else []
        arguments += ["--network", str(self._settings.get("network", "host"))]
        # As outside of a container: signals reach the program, and its processes share memory.
        arguments += ["--pid", "host", "--ipc", "host", "--security-opt", "label=disable"]
        if self.program == "docker":  # its daemon starts the program, which inherits no cores
            arguments += ["--cpuset-cpus", ",".join(map(str, sorted(os.sched_getaffinity(0))))]
        if os.getuid():
            own = ["--user", f"{os.getuid()}:{os.getgid()}"]
            arguments += ["--userns", "keep-id"] if self.program == "podman" else own
        arguments += ["--env", "HOME=/tmp"]  # the client needs its own
        for variable in sorted(variables):
            arguments += ["--env", variable]
        for path, is_writable in self._mounts().items():
            arguments += ["--volume", f"{path}:{path}" + ("" if is_writable else ":ro")]
        gpus = _OF_PODMAN if self.program == "podman" else _OF_DOCKER
        return arguments + gpus.get(str(self._settings.get("gpus")), [])

    def _apptainer_command(self, variables: Dict[str, str], name: str) -> List[str]:
        arguments = ["exec", "--cleanenv", "--no-home", "--pwd", self._folder]
        for path, is_writable in self._mounts().items():
            arguments += ["--bind", f"{path}:{path}:" + ("rw" if is_writable else "ro")]
        if self._settings.get("network") == "none":
            arguments += ["--net", "--network", "none"]
        return arguments + _OF_APPTAINER.get(str(self._settings.get("gpus")), [])

    def _mounts(self) -> Dict[str, bool]:
        """Return the folders and files that the program sees, the outermost first, and whether it may write there.

        Raises
        ------
        Refused
            If one has a name that the container's program cannot take.
        """
        read_only = [self._home, self._application, *map(str, self._settings.get("inputs", ()))]
        mounts = {os.path.abspath(path): False for path in read_only if path and os.path.exists(path)}
        for given in map(str, self._settings.get("mounts", ())):
            is_read_only = given.endswith(":ro")
            path = os.path.expanduser(os.path.expandvars(given[:-3] if is_read_only else given))
            if not os.path.exists(path):
                raise Refused(f"its container cannot have {path}: there is no such file or folder")
            mounts[os.path.abspath(path)] = not is_read_only
        mounts[self._folder] = True
        odd = next((path for path in mounts if set(path) & set(':,\n"')), "")
        if odd:
            raise Refused(f"its container cannot have {odd!r}: the name has a colon, a comma or a quote")
        return dict(sorted(mounts.items()))

    def variables(self, own: Dict[str, str]) -> Dict[str, str]:
        """Return the variables of the program: those of its job, of threads and GPUs, and of the scheduler.

        Parameters
        ----------
        own : dict
            The variables of the job.
        """
        scheduler = job_scheduler()
        names = [*THREADS, *DETERMINISM, *GPU_VARIABLES, *(scheduler.variables if scheduler else ())]
        inherited = {name: os.environ[name] for name in names if name in os.environ}
        variables = dict(inherited, PYTHONNOUSERSITE="1", **own)
        parts = [os.path.dirname(self._application), own.get("PYTHONPATH", "")]
        return dict(variables, PYTHONPATH=os.pathsep.join(dict.fromkeys(filter(None, parts))))

    def environment(self, variables: Dict[str, str]) -> Dict[str, str]:
        """Return the environment of the container's program, from which the program takes its variables."""
        prefix = "" if self.has_engine else self.program.upper() + "ENV_"
        return dict(os.environ, **{prefix + name: value for name, value in variables.items()})

    def remove(self) -> None:
        """End and remove the container, if it is still there."""
        if self.has_engine and shutil.which(self.program):
            for action in (["kill"], ["rm", "--force"]):
                _run([self.program, *action, self.name], _nothing)


def digest_of(answer: str, reference: str) -> str:
    """Return the digest in the answer of ``image inspect``: of the registry if there is one, else the image's id.

    >>> digest_of('[{"Id": "abc", "RepoDigests": ["docker.io/a@sha256:1", "docker.io/b@sha256:2"]}]', "b:1")
    'sha256:2'
    >>> digest_of('[{"Id": "sha256:abc", "RepoDigests": []}]', "b:1")
    'sha256:abc'
    """
    try:
        about = json.loads(answer)[0]
        listed = [str(entry) for entry in about.get("RepoDigests") or () if "@" in str(entry)]
        digests = [entry.rpartition("@") for entry in listed]
        name = reference.partition("@")[0].rpartition(":")[0] or reference
        same = [digest for repository, _, digest in digests if repository == name or repository.endswith("/" + name)]
        image = str(about.get("Id") or "")
        found = [*same, *(digest for _, _, digest in digests), str(about.get("Digest") or ""), image]
        digest = next((digest for digest in found if digest), "")
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
    return digest if ":" in digest or not digest else "sha256:" + digest


def signal_of(exit_code: int) -> int:
    """Return the exit code of a program in a container, negative if a signal ended it.

    >>> signal_of(137), signal_of(3), signal_of(255)
    (-9, 3, 255)
    """
    number = exit_code - 128
    return -number if number in set(signal.Signals) else exit_code


def _run(command: Sequence[str], pause: Pause) -> Tuple[int, str]:
    """Run a command; return its exit code and output."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            while not _has_ended(process):
                pause()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        return process.returncode, output.read(1 << 20).decode("utf-8", "replace")


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Wait briefly for the end of a process, and return whether it has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.1)
    return process.returncode is not None


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"


def _nothing() -> None:
    """Wait, with nothing to do meanwhile."""

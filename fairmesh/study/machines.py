"""The keys of ``config/machines.yaml``: the machines where jobs run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.printing import print_lines
from fairmesh.schedulers import names
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import Count, Model, SafeName, Text, check_model, matching, meaning
from fairmesh.study.containers import Container
from fairmesh.study.rented import Budget, Minutes, Provider, UserName
from fairmesh.study.values import RESOURCES, read_value

if TYPE_CHECKING:
    SchedulerName = str
else:
    SchedulerName = Literal[("none", *names())]

# A name that can be no option of ssh, and that no shell changes.
Host = Annotated[
    str,
    matching(
        r"^([A-Za-z0-9_][A-Za-z0-9_.@-]*@)?([A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f]*(:[0-9A-Fa-f]*){2,})$",
        "HOST or USER@HOST of letters, digits, '.', '_' and '-' (a port belongs into the configuration of ssh)",
    ),
]
ProgramPath = Annotated[
    str,
    matching(
        r"^[A-Za-z0-9_/.~][A-Za-z0-9_/.+-]*$", "a name or a path of letters, digits, '/', '~', '.', '_', '+' and '-'"
    ),
]
BaseFolder = Annotated[
    str, matching(r"^[/~$][^\x00-\x1f\x7f]*$", "an absolute path, or a text that begins with ~ or $NAME, on one line")
]


class Machine(Model):
    """A named place where jobs run."""

    kind: Annotated[
        Literal["local", "profile", "ssh", "cloud"],
        meaning(
            "`local`: this computer. `profile`: where the executor of the profile runs jobs. `ssh`: a computer that "
            "ssh reaches, plain or with a scheduler. `cloud`: instances that a provider creates and destroys."
        ),
    ]
    host: Annotated[
        Host | None,
        meaning(
            "Host of ssh: a name in ~/.ssh/config, which may set a port and more, HOST, or USER@HOST.",
            "dgx",
            "ada@login.example.org",
        ),
    ] = None
    ssh_config: Annotated[
        Text | None,
        meaning(
            "Configuration file of ssh in place of ~/.ssh/config, relative to this file. `~` and `$NAME` are replaced.",
            "ssh_config",
        ),
    ] = None
    provider: Annotated[Provider | None, meaning("Who creates the instances of a rented machine.")] = None
    instances: Annotated[Count, meaning("The most instances at the same time.", 2)] = 1
    user: Annotated[
        UserName, meaning("User of the instances, who is created where the image has none of that name.", "ubuntu")
    ] = "fairmesh"
    public_key: Annotated[
        Text | None,
        meaning(
            "File with the public keys of ssh that may log in; without it fairmesh makes a key. `~` and `$NAME` are "
            "replaced.",
            "~/.ssh/id_ed25519.pub",
        ),
    ] = None
    host_key: Annotated[
        Literal["cloud-init", "console"],
        meaning(
            "Where the host key of an instance comes from. `cloud-init`: fairmesh makes it, and the instance receives "
            "it when it is created. `console`: the instance makes it and prints it on its console."
        ),
    ] = "cloud-init"
    boot: Annotated[Minutes, meaning("Minutes until ssh must answer on a new instance.", 15)] = 10.0
    lifetime: Annotated[Minutes, meaning("Minutes after which an instance is destroyed in any case.", 480)] = 720.0
    idle: Annotated[Minutes, meaning("Minutes without experiments after which instances are destroyed.", 30)] = 10.0
    unattended: Annotated[
        Minutes,
        meaning("Minutes without contact after which an instance shuts itself down, for instance if the client died."),
    ] = 60.0
    budget: Annotated[Budget | None, meaning("The most that a study may use.", {"hours": 20})] = None
    base: Annotated[
        BaseFolder,
        meaning("Folder on the machine for everything that fairmesh writes there. `~` and `$NAME` are replaced there."),
    ] = "~/fairmesh"
    slots: Annotated[
        Count, meaning("Number of experiments that are on the machine, or on each instance, at the same time.", 4)
    ] = 1
    python: Annotated[
        ProgramPath, meaning("Python on the machine, 3.6 or later, which starts jobs.", "/opt/python/bin/python3")
    ] = "python3"
    rsync: Annotated[
        bool,
        meaning("Whether outputs of stages are copied with rsync, which goes on after a cut. Both sides need it."),
    ] = False
    power: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        meaning("Watts of the whole machine under load, for estimates where energy is not measured.", 350.0),
    ] = None
    price: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        meaning("Price of an hour, for estimates of cost.", 2.5),
    ] = None
    currency: Annotated[Text, meaning("Currency of the price.", "EUR")] = "USD"
    scheduler: Annotated[SchedulerName, meaning("Scheduler of the machine; job.sh is written for it.")] = "none"
    setup: Annotated[
        list[str], meaning("Lines of bash at the beginning of each job.", ["source /opt/tensorflow/activate"])
    ] = Field(default_factory=list)
    modules: Annotated[
        list[str], meaning("Environment modules that each job loads, before its setup.", ["cuda/12.4"])
    ] = Field(default_factory=list)
    container: Annotated[
        Container | None,
        meaning("Run the programs of jobs in containers.", {"program": "apptainer", "image": "~/images/cloudmask.sif"}),
    ] = None
    resources: Annotated[
        dict[str, Any],
        meaning(
            "Resources of every job on this machine; those of the study, the application or the GPU take precedence.",
            {"slurm_account": "climate", "slurm_partition": "standard"},
        ),
    ] = Field(default_factory=dict)
    gpus: Annotated[
        dict[str, dict[str, Any]],
        meaning(
            "Resources that a value of the axis `gpu` stands for on this machine.",
            {"a100": {"slurm_partition": "gpu", "gres": "gpu:a100:1"}},
        ),
    ] = Field(default_factory=dict)
    unsatisfiable_jobs: Annotated[
        Literal["cancel", "wait"],
        meaning("What to do with a job that can never start, according to the scheduler."),
    ] = "cancel"
    patience: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        meaning(
            "How many minutes an experiment waits if its folder cannot be written, because the file system is "
            "unavailable or full; its program continues. Over ssh, also how many minutes without an answer make the "
            "machine *paused*; its experiments do not fail.",
        ),
    ] = 10.0
    template: Annotated[
        Text | None,
        meaning(
            "Jinja2 template that extends the template of job.sh, relative to this file. `~` and `$NAME` are replaced.",
            "dgx.sh.jinja",
        ),
    ] = None

    @property
    def is_remote(self) -> bool:
        """Whether the dispatcher starts its experiments, in place of Snakemake's executor."""
        return self.kind not in {"local", "profile"}

    @property
    def capacity(self) -> int:
        """The number of experiments that can be on it at the same time, by which experiments are shared out."""
        return self.slots * self.instances


def load_machines(path: Path) -> dict[str, Machine]:
    """Read the machines by name.

    Raises
    ------
    InputError
        With all mistakes of the file.
    """
    node = load_yaml(path)
    for name, machine in node.entries.items():
        _rename_old_key(name, machine, path)
    machines, problems = check_model(_Machines, Node({"machines": node}, keys={"machines": (1, 1)}), path)
    if machines is not None:
        problems = [
            problem
            for name, machine in node.entries.items()
            for problem in (*_kind_problems(name, machine, path), *_resource_problems(name, machine, path))
        ]
    if machines is None or problems:
        raise InputError(map(_of_file, problems))
    return machines.machines


_REMOTE = ("base", "python", "slots", "rsync")
_RENTED = (
    "provider",
    "instances",
    "user",
    "public_key",
    "host_key",
    "boot",
    "lifetime",
    "idle",
    "unattended",
    "budget",
)
KEYS_OF_KIND = {"ssh": ("host", "ssh_config", *_REMOTE), "cloud": (*_RENTED, "ssh_config", *_REMOTE)}
"""Keys that only machines of a kind may have."""

REQUIRED_KEYS = {"ssh": ("host",), "cloud": ("provider",)}
"""Keys that machines of a kind must have."""


def _of_file(problem: Problem) -> Problem:
    """Return a problem with the names of the file; of a key of ssh, with its place."""
    problem = replace(problem, message=problem.message.replace("machines.", "", 1))
    unknown = re.fullmatch(r"unknown key '.*\.(\w+)'", problem.message)
    words = _KEYS_OF_SSH.get(unknown[1].lower()) if unknown else None
    if words is None:
        return problem
    message = f"{problem.message}; {words} belongs into ~/.ssh/config, or the file that 'ssh_config' names"
    return Problem(message, problem.where)


_KEYS_OF_SSH = {
    "port": "`Port`",
    "hostname": "`HostName`",
    "key": "`IdentityFile`",
    "identity": "`IdentityFile`",
    "identity_file": "`IdentityFile`",
    "identityfile": "`IdentityFile`",
    "jump": "`ProxyJump`",
    "proxy_jump": "`ProxyJump`",
    "proxyjump": "`ProxyJump`",
}


def _kind_problems(machine: str, node: Node, path: Path) -> Iterator[Problem]:
    """Yield the keys that a machine of its kind must have, or cannot have."""
    kind = str(node.entries["kind"].value)
    for key in REQUIRED_KEYS.get(kind, ()):
        if key not in node.entries:
            yield Problem(f"'{machine}.{key}' is missing; a machine of kind {kind} needs it", node.place(path))
    for key in node.entries.keys() - KEYS_OF_KIND.get(kind, ()):
        kinds = [other for other, keys in KEYS_OF_KIND.items() if key in keys]
        if kinds:
            message = f"'{machine}.{key}' is for machines of kind {' or '.join(kinds)}, not {kind}"
            message += "; write `host: USER@HOST`" if (kind, key) == ("ssh", "user") else ""
            yield Problem(message, node.key_place(path, key))
    if "money" in node.entries.get("budget", Node({})).entries and "price" not in node.entries:
        yield Problem(f"'{machine}.price' is missing; a budget of money needs it", node.key_place(path, "budget"))


def _rename_old_key(name: str, machine: Node, path: Path) -> None:
    """Read the old name of a key for one version, and print a notice."""
    entries = machine.entries
    if _OLD_KEY in entries and _NEW_KEY not in entries:
        where = machine.key_place(path, _OLD_KEY)
        entries[_NEW_KEY] = entries.pop(_OLD_KEY)
        machine.keys[_NEW_KEY] = machine.keys.pop(_OLD_KEY)
        _print_notice(f"{where}: '{name}.{_OLD_KEY}' is now '{_NEW_KEY}'; the next version does not read the old key")


_OLD_KEY, _NEW_KEY = "impossible", "unsatisfiable_jobs"


@cache
def _print_notice(text: str) -> None:
    print_lines(f"notice: {text}", file=sys.stderr)


def _resource_problems(machine: str, node: Node, path: Path) -> Iterator[Problem]:
    """Yield the mistakes in the resources of a machine and of its GPUs."""
    maps = {f"gpus.{gpu}": resources for gpu, resources in node.entries.get("gpus", Node({})).entries.items()}
    maps["resources"] = node.entries.get("resources", Node({}))
    for key, resources in maps.items():
        for name, value in resources.entries.items():
            yield from _resource_problem(f"{machine}.{key}.{name}", name, value, resources.key_place(path, name), path)


def _resource_problem(key: str, name: str, value: Node, where: str, path: Path) -> Iterator[Problem]:
    if name not in RESOURCES:
        yield Problem(f"unknown resource {key!r}", where, ", ".join(RESOURCES), nearest(name, RESOURCES))
        return
    try:
        read_value(RESOURCES[name], value)
    except ValueError as error:
        yield Problem(f"{key!r} {error}", value.place(path))


MachinesByName = dict[SafeName, Machine]


class _Machines(Model):
    machines: MachinesByName

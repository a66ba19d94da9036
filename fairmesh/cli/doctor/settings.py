"""Whether the files that people write can be read, and fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from fairmesh.cli.doctor.finding import OK, Finding, fail, ok
from fairmesh.cli.doctor.here import MACHINE_FILE, PROFILE_FILE, Here
from fairmesh.errors import InputError
from fairmesh.schema import load_yaml
from fairmesh.study import load_plan
from fairmesh.study.settings import Config, load_config
from fairmesh.workflow.configuration import FILE, find_machine


def checks(here: Here) -> Iterator[Finding]:
    """Look at configuration, machines, profile and study."""
    configuration = here.folder / FILE
    if not configuration.is_file():
        yield fail("config.yaml", f"there is no {FILE} here", "change into the folder of the project")
    else:
        found = readable("config.yaml", lambda: _named(load_config(configuration)))
        yield found
        if found.level == OK:
            yield readable("study", lambda: _study(here, load_config(configuration)))
    where = str(here.profile / MACHINE_FILE)
    yield readable("machines.yaml", lambda: f"{find_machine(here.machine, here.root, where)[0]} names {here.machine}")
    yield profile(here.profile, here.executor)


def readable(what: str, read: Callable[[], str]) -> Finding:
    """Read something; what is wrong with it is what there is to mend."""
    try:
        return ok(what, read())
    except InputError as error:
        count = len(error.problems)
        return fail(what, f"{count} mistake{'s' if count > 1 else ''}", "; ".join(map(str, error.problems)))
    except OSError as error:
        return fail(what, f"cannot be read: {error.strerror}", f"look at {error.filename}")


def profile(folder: Path, executor: str) -> Finding:
    """Check that the files of a profile are YAML, and that the one is there that Snakemake reads."""
    if not (folder / PROFILE_FILE).is_file():
        return fail("profile", f"{folder} has no {PROFILE_FILE}", "copy one of profiles/")

    def read() -> str:
        for path in (folder / PROFILE_FILE, folder / MACHINE_FILE):
            if path.is_file():
                load_yaml(path)
        return f"{folder}, executor {executor}"

    return readable("profile", read)


def _named(config: Config) -> str:
    return f"study {config.study}, results in {config.results}"


def _study(here: Here, config: Config) -> str:
    plan = load_plan(config.study, here.root, here.machine, config.set)
    return f"{plan.study}: {len(plan.experiments)} experiments"

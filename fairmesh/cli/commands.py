"""The commands of ``fairmesh``: group, help and examples of each; a test parses the examples."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command, implemented in ``fairmesh.cli.NAME`` by the functions ``add_arguments`` and ``run``.

    Parameters
    ----------
    group : str
        The heading in ``fairmesh --help``.
    help : str
        What it does.
    examples : tuple of str
        One to three calls.
    extra : str
        The extra of the package whose packages it needs; empty if it needs none.
    """

    group: str
    help: str
    examples: tuple[str, ...]
    extra: str = ""


SET_UP, PLAN, RUN, WATCH, RESULTS, PUBLISH = (
    "Set up",
    "Plan",
    "Run",
    "Watch and steer",
    "Results",
    "Publish",
)

FIRST_STEPS = {
    "fairmesh init mybench": "create a project",
    "fairmesh new accuracy --application cloudmask": "write a study to edit",
    "fairmesh plan accuracy": "list its experiments before anything runs",
    "fairmesh run accuracy --profile profiles/slurm": "run them on a cluster",
    "fairmesh status accuracy --watch": "follow the run until it ends",
    "fairmesh results accuracy": "show the leaderboard",
}
"""Examples at the end of ``fairmesh --help``, and what they do."""

COMMANDS = {
    "init": Command(
        SET_UP,
        "create a project, or add one to an existing repository",
        (
            "fairmesh init mybench",
            "fairmesh init mybench --application cloudmask --title 'Cloud masks'",
            "fairmesh init --here --application none",
        ),
    ),
    "new": Command(
        SET_UP,
        "create a study, or an application with its first study",
        (
            "fairmesh new accuracy --application cloudmask",
            "fairmesh new longer --from accuracy",
            "fairmesh new pi --program python",
        ),
    ),
    "import": Command(
        SET_UP,
        "convert a Cloudmesh experiment",
        ("fairmesh import cloudmask.yaml cloudmask.in.slurm --out imported",),
    ),
    "check": Command(
        SET_UP,
        "find all mistakes in studies, applications and configuration",
        ("fairmesh check accuracy", "fairmesh check --all", "fairmesh check - < study.yaml"),
    ),
    "machines": Command(
        SET_UP,
        "list machines, check them, trust host keys, and destroy rented ones",
        ("fairmesh machines check dgx", "fairmesh machines trust dgx", "fairmesh machines down aws"),
    ),
    "doctor": Command(
        SET_UP,
        "check installation, profile, cluster and disk, and suggest fixes",
        ("fairmesh doctor",),
    ),
    "upgrade": Command(
        SET_UP,
        "renew profiles and other files that init wrote, after an update of fairmesh",
        ("fairmesh upgrade --dry-run", "fairmesh upgrade"),
    ),
    "completion": Command(
        SET_UP,
        "print a completion script for bash, zsh or fish",
        (
            "fairmesh completion bash > ~/.local/share/bash-completion/completions/fairmesh",
            "fairmesh completion zsh > ~/.zfunc/_fairmesh",
            "fairmesh completion fish > ~/.config/fish/completions/fairmesh.fish",
        ),
    ),
    "plan": Command(
        PLAN,
        "list the experiments of a study, and whether and why each would run",
        (
            "fairmesh plan quick",
            "fairmesh plan quick --where 'epochs > 1' --table",
            "fairmesh plan quick --set epochs=1,5 --csv > plan.csv",
        ),
    ),
    "diff": Command(
        PLAN,
        "list the differences between the experiments of two studies",
        ("fairmesh diff quick convergence",),
    ),
    "estimate": Command(
        PLAN,
        "estimate run time, memory, storage, energy and cost of a study from earlier results",
        (
            "fairmesh estimate accuracy --profile profiles/slurm",
            "fairmesh estimate accuracy --machine dgx --machine slurm",
            "fairmesh estimate accuracy --from quick --write",
        ),
    ),
    "render": Command(
        PLAN,
        "write job folders and a start script for a machine without Snakemake",
        ("fairmesh render quick --out /scratch/quick --machine dgx",),
    ),
    "container": Command(
        PLAN,
        "write the recipe of an image with the locked software of an application",
        ("fairmesh container cloudmask --out image", "fairmesh container cloudmask --format apptainer > cloudmask.def"),
    ),
    "run": Command(
        RUN,
        "run a study with a profile, like snakemake --profile",
        (
            "fairmesh run quick",
            "fairmesh run accuracy --profile profiles/slurm --where 'epochs > 1'",
            "fairmesh run quick --dry-run",
        ),
    ),
    "retry": Command(
        RUN,
        "run experiments again that ended without a result",
        ("fairmesh retry", "fairmesh retry --state timeout --where \"gpu == 'v100'\"", "fairmesh retry --dry-run"),
    ),
    "reproduce": Command(
        RUN,
        "measure a recorded result again, and compare",
        ("fairmesh reproduce results/quick --to again", "fairmesh reproduce crate --experiment epochs=1"),
    ),
    "status": Command(
        WATCH,
        "show the status of a study, once or until its run ends",
        ("fairmesh status", "fairmesh status accuracy --watch", "fairmesh status results/accuracy --json"),
    ),
    "logs": Command(
        WATCH,
        "print the logs of experiments",
        ("fairmesh logs", "fairmesh logs epochs=60,gpu=v100,#1 --follow", "fairmesh logs --state failed --lines 50"),
    ),
    "cancel": Command(
        WATCH,
        "cancel experiments, or a whole run",
        ("fairmesh cancel epochs=60,gpu=v100", "fairmesh cancel --where 'epochs > 30'", "fairmesh cancel --all"),
    ),
    "monitor": Command(WATCH, "watch and steer studies in a browser", ("fairmesh monitor",), "monitor"),
    "serve": Command(WATCH, "start the REST service", ("fairmesh serve", "fairmesh serve --port 9000"), "service"),
    "results": Command(
        RESULTS,
        "show the leaderboard of a study, or all experiments",
        (
            "fairmesh results accuracy",
            "fairmesh results accuracy --where 'epochs > 1' --sort training_time",
            "fairmesh results accuracy --all --csv > accuracy.csv",
        ),
    ),
    "compare": Command(
        RESULTS,
        "compare experiments or studies, and tell differences from noise",
        (
            "fairmesh compare epochs=1,learning_rate=0.001 epochs=4,learning_rate=0.001 --study quick",
            "fairmesh compare quick:epochs=4,learning_rate=0.003 convergence",
            "fairmesh compare quick convergence",
        ),
    ),
    "merge": Command(
        RESULTS,
        "merge results of several machines or people into one folder",
        (
            "fairmesh merge laptop/results cluster/results --into results --dry-run",
            "fairmesh merge /scratch/results --into results",
        ),
    ),
    "site": Command(
        PUBLISH,
        "build the website of all results",
        ("fairmesh site", "fairmesh site --results merged --site site/merged"),
        "site",
    ),
    "crate": Command(
        PUBLISH,
        "write the metadata of a study, and its archive for a repository",
        ("fairmesh crate quick", "fairmesh crate quick --zip --out deposits"),
    ),
    "fair": Command(
        PUBLISH,
        "assess how findable, accessible, interoperable and reusable results are",
        ("fairmesh fair", "fairmesh fair results/quick --validators"),
    ),
    "publish": Command(
        PUBLISH,
        "build a public website with crates, without logs and names of users, hosts and folders",
        ("fairmesh publish", "fairmesh publish --to /srv/www/benchmarks"),
        "site",
    ),
    "submission": Command(
        PUBLISH,
        "write a submission to MLCommons Science, and check its logs",
        ("fairmesh submission accuracy --to submissions --org Example --status onprem",),
    ),
}
"""All commands by name, in the order of the help."""


def by_group() -> dict[str, list[str]]:
    """Return the names of the commands in each group."""
    groups: dict[str, list[str]] = {}
    for name, command in COMMANDS.items():
        groups.setdefault(command.group, []).append(name)
    return groups

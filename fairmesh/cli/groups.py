"""How the help of the command line is arranged, and its examples; each example is parsed by a test."""

from __future__ import annotations

GROUPS = {
    "Set up": "new import check machines doctor completion",
    "Plan": "plan diff estimate render",
    "Run": "run retry reproduce",
    "Watch and steer": "status logs cancel monitor serve",
    "Results": "results compare merge",
    "Publish": "site crate fair publish submission",
}
"""The verbs of each group; one that is not installed is passed over."""

FIRST_STEPS = {
    "fairmesh new accuracy --application cloudmask": "a study to edit",
    "fairmesh plan accuracy": "its experiments, before anything runs",
    "fairmesh run accuracy --profile profiles/slurm": "run them on a cluster",
    "fairmesh status accuracy --watch": "look on until the end",
    "fairmesh results accuracy": "what came out",
}
"""Examples at the end of ``fairmesh --help``, and what each is for."""

EXAMPLES = {
    "new": (
        "fairmesh new accuracy --application cloudmask",
        "fairmesh new longer --from accuracy",
        "fairmesh new pi --program python",
    ),
    "import": ("fairmesh import cloudmask.yaml cloudmask.in.slurm --out imported",),
    "check": ("fairmesh check accuracy", "fairmesh check --all", "fairmesh check - < study.yaml"),
    "machines": ("fairmesh machines", "fairmesh machines --json"),
    "doctor": ("fairmesh doctor",),
    "completion": (
        "fairmesh completion bash > ~/.local/share/bash-completion/completions/fairmesh",
        "fairmesh completion zsh > ~/.zfunc/_fairmesh",
        "fairmesh completion fish > ~/.config/fish/completions/fairmesh.fish",
    ),
    "plan": (
        "fairmesh plan quick",
        "fairmesh plan quick --where 'epochs > 1' --table",
        "fairmesh plan quick --set epochs=1,5 --csv > plan.csv",
    ),
    "diff": ("fairmesh diff quick convergence",),
    "estimate": ("fairmesh estimate accuracy --profile profiles/slurm", "fairmesh estimate accuracy --first 10 --json"),
    "render": ("fairmesh render quick --out /scratch/quick --machine dgx",),
    "run": (
        "fairmesh run quick",
        "fairmesh run accuracy --profile profiles/slurm --where 'epochs > 1'",
        "fairmesh run quick --dry-run",
    ),
    "retry": ("fairmesh retry", "fairmesh retry --state timeout --where \"gpu == 'v100'\"", "fairmesh retry --dry-run"),
    "reproduce": ("fairmesh reproduce results/quick --to again", "fairmesh reproduce crate --experiment epochs=1"),
    "status": ("fairmesh status", "fairmesh status accuracy --watch", "fairmesh status results/accuracy --json"),
    "logs": ("fairmesh logs", "fairmesh logs 3f9a --follow", "fairmesh logs --state failed --lines 50"),
    "cancel": ("fairmesh cancel 3f9a", "fairmesh cancel --where 'epochs > 30'", "fairmesh cancel --all"),
    "monitor": ("fairmesh monitor",),
    "serve": ("fairmesh serve", "fairmesh serve --port 9000"),
    "results": (
        "fairmesh results accuracy",
        "fairmesh results accuracy --where 'epochs > 1' --sort training_time",
        "fairmesh results accuracy --all --csv > accuracy.csv",
    ),
    "compare": (
        "fairmesh compare epochs=1+learning_rate=0.001 epochs=4+learning_rate=0.001 --study quick",
        "fairmesh compare quick:epochs=4+learning_rate=0.003 convergence",
        "fairmesh compare quick convergence",
    ),
    "merge": (
        "fairmesh merge laptop/results cluster/results --into results --dry-run",
        "fairmesh merge /scratch/results --into results",
    ),
    "site": ("fairmesh site", "fairmesh site --results merged --site site/merged"),
    "crate": ("fairmesh crate quick", "fairmesh crate quick --zip --out deposits"),
    "fair": ("fairmesh fair", "fairmesh fair results/quick --validators"),
    "publish": ("fairmesh publish --to /srv/www/benchmarks",),
    "submission": ("fairmesh submission accuracy --to submissions --org Example --status onprem",),
}
"""One to three calls of each verb."""

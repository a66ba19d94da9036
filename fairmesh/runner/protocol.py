"""The names of files, states and variables that the runner and all who read its results agree on."""

FORMAT = 1

COMMIT = "commit.json"
STATUS = "status.json"
EXPERIMENT = "experiment.json"
CONFIG = "config.yaml"
JOB = "job.sh"
CANCEL = "cancel.json"
METRICS = "metrics.json"
BASELINES = "baselines.json"
HISTORY = "history.csv"
TELEMETRY = "telemetry.csv"
LOG = "job.log"
MLLOG = "events.mllog"
ATTEMPTS = "attempts"
CLAIMS = "claims"
STAGES = "stages"
ENVIRONMENTS = "environments"
RECORDS = "records"
EXPERIMENTS = "experiments"
RUNNER = "runner.pyz"

WAITING = "waiting"
QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
TIMEOUT = "timeout"
LOST = "lost"
STATES = (WAITING, QUEUED, RUNNING, DONE, FAILED, CANCELLED, TIMEOUT, LOST)
ENDS = (DONE, FAILED, CANCELLED, TIMEOUT, LOST)

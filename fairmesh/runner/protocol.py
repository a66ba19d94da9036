"""Names of files, states and variables, shared by the runner and the readers of its results."""

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
HISTORY_FOLDER = "history"
EXPERIMENTS = "experiments"
RUNNER = "runner.pyz"
RUNS = "runs"
RUN_FILE = "run.json"
EVENTS = "events.jsonl"

RUN = "FAIRMESH_RUN"
RUN_FOLDER = "FAIRMESH_RUN_FOLDER"
RUN_ID = "FAIRMESH_RUN_ID"  # the id of a run, chosen by the process that starts it
EXECUTOR_RUN = "FAIRMESH_EXECUTOR_RUN"
ANNOUNCEMENT = "fairmesh_announcement"  # the attribute of a log record that the workflow has for the terminal
EXECUTOR_EVENTS = "fairmesh_events"  # the attribute of a log record with events of fairmesh's executor

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


def marker_name(stage: str, fingerprint: str) -> str:
    """Return the name of a shared stage's folder and marker.

    >>> marker_name("scenes", "0123456789abcdef")
    'scenes-0123456789ab'
    """
    return f"{stage}-{fingerprint[:12]}"

"""Stand-ins for LSF's programs, written after the manual of LSF 10.1: they run jobs in the background.

``cluster.py`` copies this file into the path under the name of each program. The state is in the folder that
``LSF_STAND_IN`` names; it takes the place of LSF's daemons, and each job is watched by a process of its own.
"""

import argparse
import contextlib
import fcntl
import getpass
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ.get("LSF_STAND_IN", ""))
GRACE = 15  # seconds from SIGUSR2 at the run limit to the kill; LSF has ten minutes
QUEUES = ("normal", "gpu")
ENDED = ("DONE", "EXIT")


def read(number):
    return json.loads((HOME / "jobs" / number / "job.json").read_text())


def change(number, **values):
    """Write what changes of a job, whole or not at all."""
    folder = HOME / "jobs" / number
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        half = folder / "job.half"
        old = read(number) if (folder / "job.json").exists() else {}
        half.write_text(json.dumps({**old, **values}))
        half.rename(folder / "job.json")


def numbers():
    """Return the numbers of all jobs, in their order."""
    names = (path.name for path in (HOME / "jobs").iterdir() if (path / "job.json").exists())
    return sorted(names, key=int)


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(255)


# bsub


def options():
    parser = argparse.ArgumentParser(prog="bsub", add_help=False, prefix_chars="-")
    for name in ("-J", "-Jd", "-o", "-q", "-P", "-W", "-n", "-gpu", "-w", "-U", "-sla", "-clusters"):
        parser.add_argument(name)
    parser.add_argument("-R", action="append")
    for name in ("-x", "-r", "-ti", "-H"):
        parser.add_argument(name, action="store_true")
    return parser


def bsub(arguments):
    script = sys.stdin.read()
    embedded = [word for line in re.findall(r"^#BSUB (.*)", script, re.MULTILINE) for word in shlex.split(line)]
    asked = options().parse_args(embedded + arguments)  # those of the command line count more
    queue = asked.q or QUEUES[0]
    if queue not in QUEUES:
        fail(f"{queue}: No such queue. Job not submitted.")
    waiting = sum(read(number)["stat"] not in ENDED for number in numbers())
    if (HOME / "limit").exists() and waiting >= int((HOME / "limit").read_text()):
        fail(f"User <{getpass.getuser()}>: Pending job threshold reached. Job not submitted.")
    number = new_number()
    (HOME / "jobs" / number / "script").write_text(script)
    (HOME / "jobs" / number / "script").chmod(0o700)
    change(
        number,
        stat="PSUSP" if asked.H else "PEND",
        name=asked.J or "",
        description=asked.Jd or "",
        queue=queue,
        slots=int(asked.n or 1),
        minutes=minutes(asked.W),
        condition=asked.w or "",
        is_ended_early=asked.ti,
        output=asked.o or "/dev/null",
        folder=str(Path.cwd()),
    )
    start_watcher(number)
    print(f"Job <{number}> is submitted to {'' if asked.q else 'default '}queue <{queue}>.")


def minutes(text):
    hours, _, rest = (text or "").rpartition(":")
    return 60 * int(hours or 0) + float(rest) if text else None


def new_number():
    number = max((int(path.name) for path in (HOME / "jobs").iterdir()), default=100) + 1
    while True:
        try:
            (HOME / "jobs" / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return str(number)


def start_watcher(number):
    null = subprocess.DEVNULL
    command = [sys.executable, __file__, "watch", number]
    subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)


# What LSF's daemons do


def watch(number):
    """Run a job to its end, again and again as long as it is put back into the queue."""
    while True:
        wait_for_turn(number)
        if read(number)["stat"] in ENDED or not run(number):
            return
        change(number, stat="PEND", restart="Y", reason="", host="")


def wait_for_turn(number):
    while True:
        job = read(number)
        if job.get("asked") == "kill":
            change(number, stat="EXIT", code=130, reason="TERM_OWNER: job killed by owner")
            return
        verdict = condition(job["condition"])
        if verdict is None and job["is_ended_early"]:
            change(number, stat="EXIT", code=1, reason="TERM_ORPHAN_SYSTEM: orphan job terminated automatically by LSF")
            return
        if job["stat"] == "PEND" and verdict and take_slots(number, job):
            return
        time.sleep(0.2)


def condition(text):
    """Return whether all jobs of ``done(1) && done(2)`` are done, None if one of them never will."""
    states = [read(number)["stat"] for number in re.findall(r"done\((\d+)\)", text)]
    return None if "EXIT" in states else all(state == "DONE" for state in states)


def take_slots(number, job):
    with (HOME / "slots.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        jobs = map(read, numbers())
        used = sum(other["slots"] for other in jobs if other["stat"] == "RUN")
        free = used + job["slots"] <= int((HOME / "slots").read_text()) and not (HOME / "closed").exists()
        if free:
            change(number, stat="RUN", host=socket.gethostname(), began=time.time())
        return free


def run(number):
    """Run a job once; return whether it is to run again."""
    job, folder = read(number), HOME / "jobs" / number
    environment = {
        **os.environ,
        "LSB_JOBID": number,
        "LSB_JOBINDEX": "0",
        "LSB_JOBNAME": job["name"],
        "LSB_QUEUE": job["queue"],
        "LSB_MCPU_HOSTS": f"{socket.gethostname()} {job['slots']}",
        "LSB_RESTART": job.get("restart", "N"),
    }
    output = Path(job["folder"], job["output"].replace("%J", number))
    with output.open("a") as log:
        program = subprocess.Popen(
            [folder / "script"], cwd=job["folder"], env=environment, stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    why = see_to_the_end(number, job, program)
    if why == "requeue":
        kill_all(number)
        return True
    status = program.returncode
    code = 128 - status if status < 0 else status
    change(number, stat="EXIT" if code or why else "DONE", code=code, reason=why)
    kill_all(number)
    return False


def see_to_the_end(number, job, program):
    """Wait for the end of a job; return why it was ended."""
    why, signals = "", []
    end = time.monotonic() + 60 * job["minutes"] if job["minutes"] else float("inf")
    while program.poll() is None:
        now, asked = time.monotonic(), read(number).get("asked")
        if not why and asked:
            change(number, asked="")
            why = "requeue" if asked == "requeue" else "TERM_OWNER: job killed by owner"
            names = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
            signals = [(now + 5 * index, name) for index, name in enumerate(names)]
            if asked == "requeue":
                signals = [(now, signal.SIGKILL)]
        elif not why and now > end:
            why = "TERM_RUNLIMIT: job killed after reaching LSF run time limit"
            signals = [(now, signal.SIGUSR2), (now + GRACE, signal.SIGKILL)]
        while signals and now >= signals[0][0]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signals.pop(0)[1])
        time.sleep(0.1)
    return why


def kill_all(number):
    """Kill what is left of a job, wherever it hides."""
    mark = f"\0LSB_JOBID={number}\0".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            content = b"\0" + path.read_bytes()
            if mark in content and f"\0LSF_STAND_IN={HOME}\0".encode() in content:
                os.kill(int(path.parent.name), signal.SIGKILL)


# What asks about jobs


def bjobs(arguments):
    parser = argparse.ArgumentParser(prog="bjobs", add_help=False)
    for name in ("-u", "-J", "-o"):
        parser.add_argument(name)
    for name in ("-a", "-json", "-noheader"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("ids", nargs="*")
    asked = parser.parse_args(arguments)
    known = numbers()
    jobs = {number: read(number) for number in asked.ids or known if number in known}
    if not asked.ids:
        jobs = {
            number: job
            for number, job in jobs.items()
            if (asked.a or job["stat"] not in ENDED) and asked.J in {None, job["name"]}
        }
    unknown = [number for number in asked.ids if number not in known]
    if not jobs and not unknown and not asked.json:
        fail("No job found" if asked.a else "No unfinished job found")
    rows = [{field.upper(): fields(number, job)[field] for field in asked.o.split()} for number, job in jobs.items()]
    if asked.json:
        errors = [{"JOBID": number, "ERROR": f"Job <{number}> is not found"} for number in unknown]
        print(json.dumps({"COMMAND": "bjobs", "JOBS": len(rows) + len(errors), "RECORDS": rows + errors}, indent=2))
    else:
        for row in rows:
            print(*(value or "-" for value in row.values()))
    sys.exit(255 if unknown else 0)


def fields(number, job):
    limit = f"{job['minutes']:.1f} min" if job["minutes"] else ""
    reason = "Job slot limit reached;" if job["stat"] == "PEND" else ""
    if job["condition"] and condition(job["condition"]) is None and job["stat"] == "PEND":
        reason = "Job's dependency condition is never satisfied;"
    return {
        "jobid": number,
        "stat": job["stat"],
        "job_name": job["name"],
        "job_description": job["description"],
        "exec_host": job.get("host", ""),
        "runtimelimit": limit,
        "exit_code": str(job["code"]) if job.get("code") else "",
        "exit_reason": job.get("reason", ""),
        "pend_reason": "The job was suspended by the user while pending;" if job["stat"] == "PSUSP" else reason,
    }


def bhist(arguments):
    for number in filter(str.isdigit, arguments):
        if number == "2" or number not in numbers():  # the value of -n
            continue
        job = read(number)
        name = f", Job Name <{job['name']}>" if job["name"] else ""
        print(f"\nJob <{number}>{name}, User <{getpass.getuser()}>, Project <default>, Command <script>")
        print(f"Mon Nov 30 09:00:00: Submitted from host <{socket.gethostname()}>, to Queue <{job['queue']}>;")
        if job["stat"] == "DONE":
            print("Mon Nov 30 09:01:00: Done successfully. The CPU time used is 1.0 seconds;")
        elif job["stat"] == "EXIT":
            reason = f"; {job['reason']}" if job.get("reason") else ""
            usage = f"The CPU time used is 1.0 second\n{' ' * 21}s;"  # it breaks lines wherever they are too long
            print(f"Mon Nov 30 09:01:00: Exited with exit code {job['code']}. {usage}")
            print(f"Mon Nov 30 09:01:00: Completed <exit>{reason};")
        print("-" * 78)


def ask_for(what):
    def program(arguments):
        status = 0
        for number in arguments:
            if number not in numbers():
                print(f"Job <{number}>: No matching job found", file=sys.stderr)
                status = 255
            elif read(number)["stat"] in ENDED:
                print(f"Job <{number}>: Job has already finished", file=sys.stderr)
                status = 255
            else:
                change(number, asked=what)
                print(f"Job <{number}> is being {'terminated' if what == 'kill' else 'requeued'}")
        sys.exit(status)

    return program


def bresume(arguments):
    for number in arguments:
        change(number, stat="PEND")


def lsid(arguments):
    print("IBM Spectrum LSF Standard 10.1.0.0, a stand-in for tests\n")
    print(f"My cluster name is {(HOME / 'name').read_text()}\nMy master name is {socket.gethostname()}")


def bqueues(arguments):
    print(*QUEUES, sep="\n")


def bhosts(arguments):
    print(socket.gethostname(), "ok")


PROGRAMS = {
    "bsub": bsub,
    "bjobs": bjobs,
    "bkill": ask_for("kill"),
    "brequeue": ask_for("requeue"),
    "bresume": bresume,
    "bhist": bhist,
    "lsid": lsid,
    "bqueues": bqueues,
    "bhosts": bhosts,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["watch"]:
        watch(sys.argv[2])
    else:
        if (HOME / "down").exists():
            fail("LSF is down. Please wait ...")
        PROGRAMS[Path(sys.argv[0]).name](sys.argv[1:])

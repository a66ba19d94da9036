"""The toy application: it writes what its arguments make of it, or misbehaves as they say."""

import glob
import json
import os
import random
import select
import signal
import sys
import time


def numbers(size):
    """Write the shared stage's file."""
    with open("numbers.json", "w") as file:
        json.dump(list(range(int(size))), file)


def measure(behaviour, seconds, value, seed):
    """Write a result, or do not."""
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print('# fairmesh status=running progress=50 msg="half way"', flush=True)
    if behaviour == "hungry":
        hold = b"x" * (1 << 30)
        wait(100 + len(hold) * 0)
    if behaviour == "saves":
        save_when_asked()
    if behaviour == "resumes":
        go_on(float(seconds))
    else:
        wait(1000 if behaviour in {"hang", "deaf", "saves"} else float(seconds))
    if behaviour == "flaky" and int(os.path.basename(os.getcwd())) < 3:
        raise SystemExit("toy: not yet")
    if behaviour == "exit":
        print("toy: something went wrong", flush=True)
        sys.exit(3)
    if behaviour == "no-metrics":
        return
    with open(os.path.join(os.environ["FAIRMESH_STAGE_NUMBERS"], "numbers.json")) as file:
        total = sum(json.load(file))
    noise = random.Random(int(seed)).random() / 100
    score = float("nan") if behaviour == "nan" else total * float(value) + noise
    with open("history.csv", "w") as file:
        file.write("epoch,loss,val_loss\n1,2,3\n2,1,2\n")
    with open("baselines.json", "w") as file:
        json.dump({"sum": {"score": total}}, file)
    with open("metrics.json", "w") as file:
        json.dump({"score": score}, file)


def wait(seconds):
    """Sleep in a way that faketime, which tests of false clocks use, lets pass."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        select.select([], [], [], min(1.0, max(0.0, seconds + begun - time.monotonic())))


def save_when_asked():
    """Write what there is when somebody asks for the end, as a training does with its checkpoint."""

    def save(_number, _frame):
        time.sleep(0.5)
        with open("saved", "w") as file:
            file.write("saved")
        sys.exit(0)

    signal.signal(signal.SIGTERM, save)


def go_on(seconds):
    """Work for some seconds in all, and write down how many are done: what an earlier attempt did counts."""
    begin = max(map(os.path.getsize, glob.glob("../*/done")), default=0)
    with open("done", "a") as file:
        file.write("." * begin)
        for _ in range(begin, round(10 * seconds)):
            wait(0.1)
            file.write(".")
            file.flush()


def count_start():
    """Add a line to the file in which tests count the starts, if they asked for one."""
    path = os.environ.get("TOY_STARTS")
    if path:
        line = "{} {}\n".format(os.path.basename(os.path.dirname(os.path.dirname(os.getcwd()))), os.getpid())
        with open(path, "a") as file:
            file.write(line)


if __name__ == "__main__":
    count_start()
    {"numbers": numbers, "measure": measure}[sys.argv[1]](*sys.argv[2:])

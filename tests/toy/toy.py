"""The toy application: it writes what its arguments make of it, or misbehaves as they say."""

import json
import os
import random
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
    time.sleep(1000 if behaviour in {"hang", "deaf"} else float(seconds))
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

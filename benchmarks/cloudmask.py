"""Compare CloudMask with a plain implementation of the benchmark: ``python -m benchmarks.cloudmask``.

Each pair runs alternately in one process, and ratios are of processor seconds, so that other load on the machine
matters little. The other side is `benchmarks.reference`: a Python generator per scene, 63 padded patches, float32.
Takes some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from benchmarks import reference
from benchmarks.measure import Report, measure
from benchmarks.parity import ours, write_scenes
from cloudmask.data import compatibility
from cloudmask.data import store as preparation
from cloudmask.data.hdf5 import read_scene, write_arrays
from cloudmask.data.patches import Patches
from cloudmask.data.scenes import FILE as CATALOGUE
from cloudmask.data.scenes import Catalogue, Entry
from cloudmask.data.store import open_patches
from cloudmask.data.synthesis import synthesize
from cloudmask.model.batches import BatchLoader
from cloudmask.model.distribution import single_device
from cloudmask.model.inference import Predictor
from cloudmask.model.precision import BFLOAT16, FLOAT32, Precision, choose, processor_flags
from cloudmask.model.train_step import build_training_model
from cloudmask.model.trainer import prepare
from cloudmask.settings import Settings, read_settings

ROOT = Path(__file__).parents[1]
SHAPE = (1200, 1500)
SCENES = 12
PATCH, BATCH = reference.PATCH, 32
STEP = 4  # patches in a timed training step
LEARNING = 30  # training steps of the network whose masks are compared
ROUNDS = 5
MEGABYTE = 1e6


@dataclass(frozen=True)
class Pair:
    """Processor seconds of the reference and of CloudMask for the same work."""

    reference: float
    ours: float

    @property
    def gain(self) -> float:
        """The factor by which CloudMask is faster."""
        return self.reference / self.ours


def in_turns(theirs: Callable[[], object], ours: Callable[[], object], rounds: int = ROUNDS) -> Pair:
    """Return the median times of two functions run alternately; the first round is a warm-up."""
    spent = [(_seconds(theirs), _seconds(ours)) for _ in range(rounds + 1)][1:]
    return Pair(*(statistics.median(seconds) for seconds in zip(*spent, strict=True)))


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cloudmask", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--predict", choices=("reference", FLOAT32, BFLOAT16), help=argparse.SUPPRESS)
    parser.add_argument("scene", nargs="?", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    prepare(1, deterministic=False)
    if options.predict:
        predict_once(options.predict, options.scene)
        return 0
    report = Report()
    precision = choose("auto")
    print(f"{processor()}, {len(os.sched_getaffinity(0))} cores; training in {precision.policy}: {precision.reason}")
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
        place = Path(name)
        real = write_scenes(place, SCENES, 1)
        small(report, place)
        training_step(report, store_of(real[:2], place / "store"), precision)
        inference(report, real, precision)
        memory(report, real[0], precision)
        # Last, since TensorFlow's generators slow down later allocations of the process (M_TRIM_THRESHOLD).
        loading(report, real, place)
    return int(report.missed > 0)


def processor() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = sorted(flag for flag in processor_flags() if "bf16" in flag)
    return f"{names[0] if names else 'unknown processor'} ({', '.join(flags) or 'without bfloat16'})"


def in_float32(paths: list[Path], folder: Path) -> list[Path]:
    """Copy scenes with all numbers as float32."""
    folder.mkdir()
    for path in paths:
        with h5py.File(path) as file:
            arrays = {name: dataset[:].astype(np.float32) for name, dataset in file.items()}
        write_arrays(folder / path.name, arrays)
    return [folder / path.name for path in paths]


def small(report: Report, place: Path) -> None:
    """Measure quick commands."""
    report.line(
        "python -m cloudmask --help", measure([sys.executable, "-m", "cloudmask", "--help"], place).cpu_s, 0.2, "s CPU"
    )
    for light in ("day", "night"):
        work = partial(synthesize, np.random.default_rng(1), SHAPE, light == "day")
        spent = min(_seconds(work) for _ in range(3))
        report.line(f"a scene of 1200 x 1500 pixels made, by {light}", spent, 4, "s CPU")


def loading(report: Report, real: list[Path], place: Path) -> None:
    """Measure the loading of patches for training: in a first pass over the files, and from the store."""
    for name, scenes, goal in (("float32", in_float32(real, place / "float32"), 8), ("float64", real, 12)):
        start = time.process_time()
        patches = store_of(scenes, place / f"store-{name}")
        spent = time.process_time() - start
        print(f"      store of {SCENES} scenes with reflectances in {name} made once: {spent:.1f} s CPU")
        theirs = reference.dataset(scenes, SHAPE, BATCH)
        pair = in_turns(partial(count, theirs), partial(read_all, patches), 3)
        number = SCENES * len(list(compatibility.windows(SHAPE, PATCH)))
        rates = number // BATCH * BATCH / pair.reference, len(patches.labels) / pair.ours
        print(f"      patches per CPU second: {rates[0]:.0f} of the reference, {rates[1]:.0f} of ours")
        report.line(f"loader on its first pass, reflectances in {name}", rates[1] / rates[0], goal, "times", least=True)
    cached = reference.dataset(real, SHAPE, BATCH, cached=True)
    count(cached)
    rate = number // BATCH * BATCH / _seconds(partial(count, cached))
    print(f"      the reference's later passes, from memory: {rate:.0f} patches per CPU second")
    before = memory_of_process("RssAnon")
    largest = max(memory_of_process("RssAnon") for _ in batches(patches)) - before
    whole = len(patches.labels) * PATCH * PATCH * reference.CHANNELS * 4
    print(f"      all patches in float32 would be {whole / MEGABYTE:.0f} MB")
    report.line("memory that a pass over them adds", largest / MEGABYTE, 4 * BATCH * 2.36, "MB")


def store_of(paths: list[Path], folder: Path) -> Patches:
    """Run the stage `store` and return the training patches; one scene is for validation."""
    folder.mkdir()
    entries = tuple(Entry(path.name, path.stat().st_size, "training") for path in paths)
    held = (replace(entries[0], part="inference"),)
    Catalogue(paths[0].parent, (*entries, *held)).write(folder / CATALOGUE)
    here = Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stdout(StringIO()):
            preparation.run(settings("validation: 0.01"), folder)
    finally:
        os.chdir(here)
    return open_patches(folder, "training")


def settings(text: str = "{}") -> Settings:
    """Return the parameters for the text of a config.yaml."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "config.yaml"
        path.write_text(text)
        return read_settings(path)


def count(dataset: tf.data.Dataset) -> int:
    """Read a data set and return its number of batches."""
    return sum(1 for _ in dataset)


def batches(patches: Patches) -> tf.data.Dataset:
    """Return batches of all patches, shuffled; a training step converts int16 to float32 itself."""
    loader = BatchLoader(patches, BATCH, single_device())
    return loader.shuffled(1).take(loader.steps)


def read_all(patches: Patches) -> int:
    """Read a store and return its number of batches."""
    return sum(1 for _ in batches(patches))


def memory_of_process(what: str) -> int:
    """Return a size in bytes from proc(5): RssAnon excludes mapped files, VmHWM is the peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def training_step(report: Report, patches: Patches, precision: Precision) -> None:
    """Measure a training step of the full network on a few patches."""
    chosen = np.arange(STEP)
    theirs = reference.compiled()
    images = patches.channels(chosen)
    masks = (patches.labels[chosen] & 1).astype(np.float32)[..., None]
    batches = tf.data.Dataset.from_tensors((patches.images[chosen], patches.labels[chosen])).repeat()
    gains = {}
    for policy in dict.fromkeys((FLOAT32, precision.policy)):
        model = build_training_model(settings(), tf.distribute.get_strategy(), policy)
        model.make_train_function()
        step = partial(model.train_function, iter(batches))
        pair = in_turns(partial(theirs.train_on_batch, images, masks), step)
        gains[policy] = pair.gain
        print(f"      step of {STEP} patches: {pair.reference:.2f} s CPU of the reference, {pair.ours:.2f} in {policy}")
    goal = 3.2 if has_amx() else 1.0
    report.line(f"training step in {precision.policy}", gains[precision.policy], goal, "times", least=True)


def has_amx() -> bool:
    """Return whether the processor has AMX instructions for bfloat16."""
    return "amx_bf16" in processor_flags()


def inference(report: Report, paths: list[Path], precision: Precision) -> None:
    """Measure inference on a scene with the same weights: 63 patches of the reference, one pass of CloudMask."""
    theirs = learned(paths[2:])
    images = [reference.load(path)[0].astype(np.float32) for path in paths[:2]]
    scenes = [
        compatibility.whole(read_scene(path)) for path in paths[:2]
    ]  # with fill, as in the training of that network
    expected = [reference.predict(theirs, image) > 0.5 for image in images]
    print(f"      share of cloud in the reference's masks: {np.mean(expected):.2f}")
    for policy in dict.fromkeys((FLOAT32, precision.policy)):
        predictor = Predictor(ours(theirs, temperatures_first=True, precision=policy))
        pair = in_turns(partial(reference.predict, theirs, images[0]), partial(predictor, scenes[0]), 3)
        print(f"      a scene: {pair.reference:.1f} s CPU of the reference, {pair.ours:.1f} in {policy}")
        goal = 7 if policy == BFLOAT16 and has_amx() else 1.9
        report.line(f"inference in {policy}", pair.gain, goal, "times", least=True)
        changed = [np.mean((predictor(scene) > 0.5) != mask) for scene, mask in zip(scenes, expected, strict=True)]
        report.line(f"pixels whose mask changes in {policy}", 1000 * float(np.mean(changed)), 1, "of 1000")


def learned(paths: list[Path]) -> keras.Model:
    """Train the reference for some steps, so that its masks have both classes."""
    model = reference.compiled()
    scenes = [tuple(array.astype(np.float32) for array in reference.load(path)) for path in paths]
    images, masks = (
        np.concatenate([reference.training_patches(array) for array in part]) for part in zip(*scenes, strict=True)
    )
    random = np.random.default_rng(1)
    for number in range(1, LEARNING + 1):
        chosen = random.choice(len(images), 8, replace=False)
        model.train_on_batch(images[chosen], masks[chosen])
        if number % 10 == 0:
            print(f"      reference trained for {number} of {LEARNING} steps", flush=True)
    return model


def memory(report: Report, scene: Path, precision: Precision) -> None:
    """Measure the peak memory of a process that predicts one scene, including TensorFlow."""
    peaks = {}
    for way in dict.fromkeys(("reference", FLOAT32, precision.policy)):
        command = [sys.executable, "-m", "benchmarks.cloudmask", "--predict", way, str(scene)]
        # The peak that wait4(2) returns for a child starts at that of this process.
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        peaks[way] = int(done.stdout)
        print(f"      memory for a scene: {peaks[way] / MEGABYTE:.0f} MB, {way}")
    for way in list(peaks)[1:]:
        report.line(f"memory for inference in {way}", peaks[way] / peaks["reference"], 0.55, "times")


def predict_once(way: str, path: Path) -> None:
    """Predict one scene with untrained weights and print the peak memory of the process in bytes."""
    theirs = reference.network()
    if way == "reference":
        reference.predict(theirs, reference.load(path)[0].astype(np.float32))
    else:
        Predictor(ours(theirs, temperatures_first=True, precision=way))(read_scene(path))
    print(memory_of_process("VmHWM"))


if __name__ == "__main__":
    sys.exit(main())

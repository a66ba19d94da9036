"""Builds a results folder as the workflow leaves it, with believable numbers, for the tests of results and site."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import math
import random
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fairmesh.files import canonical_json, text_sha256, write_json, write_text

APPLICATION: dict[str, Any] = {
    "name": "cloudmask",
    "version": "1.2.0",
    "title": "CloudMask",
    "licence": "Apache-2.0",
    "authors": ["A. Author", "B. Builder"],
    "citation": "A. Author and B. Builder: Cloud segmentation of satellite scenes, 2026.",
    "description": "A U-Net finds clouds in scenes of the SLSTR instrument.",
    "parameters": {
        "epochs": {"type": "integer", "default": 8, "unit": "1", "description": "Passes over the training data"},
        "width": {"type": "integer", "default": 8, "description": "Filters in the first layer"},
        "learning_rate": {"type": "number", "default": 0.001, "description": "Step of the optimiser"},
        "seed": {"type": "integer", "default": 1, "description": "Start of all random numbers"},
    },
    "metrics": {
        "accuracy": {
            "title": "Inference accuracy",
            "unit": "1",
            "better": "higher",
            "primary": True,
            "description": "Share of the pixels of held-out scenes that are classified like the mask",
        },
        "training_time": {"title": "Training time", "unit": "s", "better": "lower"},
    },
    "tables": {
        "scenes": {
            "title": "Accuracy by scene",
            "description": "Every held-out scene counts once",
            "plot": {"x": "scene", "y": "accuracy"},
        }
    },
}
ENVIRONMENT = {
    "format": 1,
    "system": {"name": "Linux", "release": "6.1.0", "distribution": "Debian GNU/Linux 12 (bookworm)"},
    "processor": {"name": "Intel(R) Xeon(R) Platinum 8480+", "architecture": "x86_64", "cores": 2},
    "memory_bytes": 8 << 30,
    "gpus": [],
    "gpu_driver": None,
    "python": {"version": "3.11.7", "implementation": "CPython", "packages": {"tensorflow": "2.21.0"}},
}


@dataclass
class Folder:
    """A results folder under construction: one study with its points."""

    results: Path
    study: str = "quick"
    title: str = "CloudMask accuracy by epochs and width"
    application: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(APPLICATION)))
    publisher: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.results / self.study

    def add(self, machine: str = "local", **axes: Any) -> dict[str, Any]:
        """Add a point to the plan."""
        point = self.point(machine, **axes)
        self.points.append(point)
        self.write_plan()
        return point

    def point(self, machine: str, **axes: Any) -> dict[str, Any]:
        """Make a point; the seed follows the repeat."""
        name = "+".join(f"{key}={value}" for key, value in axes.items()) or "defaults"
        defaults = {key: entry["default"] for key, entry in self.application["parameters"].items()}
        parameters = {**defaults, **{key: value for key, value in axes.items() if key != "repeat"}}
        if "seed" in defaults:
            parameters["seed"] = defaults["seed"] + axes.get("repeat", 1) - 1
        return {
            "machine": machine,
            "id": name,
            "key": text_sha256(f"{self.study}/{machine}/{name}")[:12],
            "parameters": parameters,
            "axes": axes,
            "resources": {},
            "stages": {},
            "fingerprint": text_sha256(canonical_json(parameters)),
            "selected": True,
        }

    def write_plan(self) -> None:
        plan = {
            "format": 1,
            "study": self.study,
            "title": self.title,
            "application": self.application,
            "measure": "exclusive",
            "publisher": self.publisher,
            "axes": list(dict.fromkeys(name for point in self.points for name in point["axes"])),
            "machines": sorted({point["machine"] for point in self.points}),
            "selection": {},
            "experiments": self.points,
        }
        write_json(self.folder / "plan.json", plan)

    def start(self, point: dict[str, Any], state: str, number: int = 1, **status: Any) -> Path:
        """Write an attempt in some state."""
        experiment = self.folder / "experiments" / point["machine"] / point["id"]
        attempt = experiment / "attempts" / str(number)
        for place in (experiment, attempt):
            write_text(place / "config.yaml", json.dumps(point["parameters"]))
            write_json(place / "experiment.json", {**point, "study": self.study})
        write_text(experiment / "job.sh", "#!/bin/bash\nexec python runner.pyz\n")
        write_json(
            attempt / "status.json", {"format": 1, "state": state, "host": "node-7", "attempt": number, **status}
        )
        return attempt

    def finish(self, point: dict[str, Any], metrics: dict[str, Any], machine: str = "", **more: Any) -> Path:
        """Write a finished attempt with its record."""
        point = {**point, "machine": machine or point["machine"]}
        attempt = self.start(point, "done")
        write_text(attempt / "job.log", "loading\nepoch 1\nepoch 2\nfinished\n")
        write_json(attempt / "metrics.json", metrics)
        environment = canonical_json(ENVIRONMENT)
        write_text(self.results / "environments" / f"{text_sha256(environment)}.json", environment)
        record = {
            "format": 1,
            "study": self.study,
            **{key: point[key] for key in ("machine", "id", "key", "fingerprint", "parameters", "axes")},
            "application": {key: self.application[key] for key in ("name", "version")},
            "attempt": 1,
            "run": "5f0c",
            "state": "done",
            "started": "2026-11-20T10:00:00Z",
            "ended": "2026-11-20T10:01:30Z",
            "seconds": 90.0,
            "metrics": metrics,
            "baselines": {},
            "usage": {"cpu_s": 151.2, "peak_bytes": 812 << 20, "read_bytes": 5 << 20, "write_bytes": 1 << 20},
            "environment": text_sha256(environment),
            "files": [],
            **more,
        }
        write_json(self.folder / "records" / point["machine"] / f"{point['id']}.json", record)
        return attempt


ON_MACHINES = ("i-0canary", "203.0.113.77", "bench-0123cafe")
"""What `note_machines` writes, which nobody else needs to know."""


def note_machines(folder: Path) -> None:
    """Write what a run on other machines notes for itself: states, addresses, rented instances, their home."""
    instance, address, home = ON_MACHINES
    (folder.parent / ".machine-home").write_text(f"{home}\n")
    state = {"machine": "aws", "host": address, "computers": [{"name": instance, "reason": address}]}
    write_json(folder / "machines/aws.json", state)
    write_json(folder / f"machines/aws/{instance}.json", {"instance": instance, "address": address})
    request = folder / f"runs/5f0c/requests/aws/experiments/{instance}"
    request.parent.mkdir(parents=True)
    request.write_text(address)
    for path in sorted(folder.glob("experiments/*/*")):
        write_json(path / "remote.json", {"machine": "aws", "computer": instance, "host": address})


def build(results: Path, study: str = "quick", epochs: tuple[int, ...] = (2, 4, 8)) -> Folder:
    """Build a study of two widths by the epochs given, each repeated twice: one point failed, one waits."""
    built = Folder(results, study)
    random.seed(7)
    for number, width, repeat in itertools.product(epochs, (4, 8), (1, 2)):
        point = built.add(epochs=number, width=width, repeat=repeat)
        if (number, width, repeat) == (epochs[-1], 8, 2):
            attempt = built.start(point, "failed", reason="the program ended with exit code 1", exit_code=1)
            lines = [f"step {step}" for step in range(60)] + ["Traceback (most recent call last):", "MemoryError"]
            write_text(attempt / "job.log", "\n".join(lines) + "\n")
        elif (number, width, repeat) != (epochs[0], 4, 2):
            _finish_well(built, point)
    return built


def _finish_well(built: Folder, point: dict[str, Any]) -> None:
    epochs, width = point["parameters"]["epochs"], point["parameters"]["width"]
    history = []
    for epoch in range(1, epochs + 1):
        loss = 0.55 * math.exp(-epoch * width / 25) + 0.12 + random.gauss(0, 0.01)
        noise = random.gauss(0, 0.006)
        history.append((epoch, loss, 1 - 0.45 * loss, loss * 1.1 + noise, 1 - 0.47 * loss - noise))
    scenes = [(f"S3A {day:02d}", min(0.995, history[-1][4] + random.gauss(0, 0.03))) for day in range(1, 13)]
    accuracy = sum(value for _, value in scenes) / len(scenes)
    seconds = 9 + epochs * width * 1.1 + random.gauss(0, 1)
    metrics = {
        "accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01},
        "training_time": {"value": seconds * 0.8, "low": None, "high": None},
    }
    energy = {"energy_j": seconds * 61, "energy_method": "estimated"}
    usage = {
        "cpu_s": seconds * 1.8,
        "peak_bytes": (700 + 20 * width) << 20,
        "read_bytes": 5 << 20,
        "write_bytes": 1 << 20,
    }
    attempt = built.finish(
        point,
        metrics,
        seconds=seconds,
        usage=usage | energy,
        baselines={"threshold": {"accuracy": 0.832}},
    )
    _write_csv(attempt / "history.csv", [("epoch", "loss", "accuracy", "val_loss", "val_accuracy"), *history])
    _write_csv(attempt / "tables" / "scenes.csv", [("scene", "accuracy"), *scenes])
    _write_csv(attempt / "telemetry.csv", [("time", "device", "metric", "value", "unit"), *_telemetry(int(seconds))])
    for name in ("training_curves", "prediction"):
        (attempt / "figures").mkdir(exist_ok=True)
        (attempt / "figures" / f"{name}.png").write_bytes(png(360, 200))


def _telemetry(seconds: int) -> list[tuple[str, str, str, float, str]]:
    rows = []
    for second in range(seconds):
        stamp = f"2026-11-20T10:{second // 60:02d}:{second % 60:02d}.000Z"
        rows.append((stamp, "program", "cpu", round(185 + random.gauss(0, 8), 1), "%"))
        rows.append((stamp, "program", "memory", (300 + min(second, 30) * 15) << 20, "byte"))
    return rows


def _write_csv(path: Path, rows: list[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@cache
def png(width: int, height: int) -> bytes:
    """Draw a grey cloud on blue."""
    y, x = np.mgrid[:height, :width]
    cloud = 0.5 + 0.5 * np.sin(x / 31 + np.cos(y / 17)) * np.cos(y / 23)
    pixels = np.array([60, 110, 160]) + np.array([180, 130, 90]) * cloud[..., None]
    found = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(found, "PNG")
    return found.getvalue()


def digest(path: Path) -> str:
    """Return the SHA-256 of all files below a folder."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return hashlib.sha256(
        b"".join(str(file.relative_to(path)).encode() + file.read_bytes() for file in files)
    ).hexdigest()

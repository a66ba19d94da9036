"""Measure speed and size of the website: ``python -m benchmarks.site``."""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from benchmarks.measure import Report, measure
from benchmarks.plan import MEGABYTE
from tests.browsing import open_browser, served
from tests.results.builder import APPLICATION, Folder

ROOT = Path(__file__).parents[1]
GOALS = {200: (15.0, 20.0), 10_000: (30.0, 25.0)}  # CPU seconds and megabytes by number of experiments
REPEATS = 5
FEW = 1000  # experiments up to which each has its own figures
USABLE = 3.0  # seconds until the page of the largest study is usable
HISTORY = "epoch,loss,val_loss,accuracy,val_accuracy\n" + "".join(
    f"{epoch},{2 / epoch:.4f},{3 / epoch:.4f},{1 - 0.5 / epoch:.4f},{1 - 0.6 / epoch:.4f}\n" for epoch in range(1, 31)
)


FIGURES = ("prediction", "training", "scenes")
FIGURE_SIZE = (1170, 572)  # pixels, as Matplotlib writes them


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    for count, (cpu_s, megabytes) in GOALS.items():
        with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
            place = Path(name)
            write_results(place / "results", count)
            (place / "Snakefile").touch()
            (place / "site").symlink_to(ROOT / "site")
            command = ["fairmesh", "site", "--results", str(place / "results"), "--site", str(place / "out" / "public")]
            made = measure(command, place, runs=1)
            report.line(f"{count:,} experiments: the whole website", made.cpu_s, cpu_s, "s CPU")
            again = measure(command, place, runs=1)
            report.line("the same once more, its thumbnails kept", again.cpu_s, cpu_s, "s CPU")
            report.line("its size, figures left out", size(place / "out" / "public") / MEGABYTE, megabytes, "MB")
            report.line("memory for that", made.peak_bytes / MEGABYTE, 2000, "MB")
            opening(report, place / "out" / "public", count)
    return int(report.missed > 0)


def size(site: Path) -> int:
    """Return the bytes of a website without the original figures."""
    return sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and path.parent.name != "figures")


def opening(report: Report, site: Path, count: int) -> None:
    """Measure the time to open a page and sort its table in Chromium."""
    with open_browser() as browser, served(site) as address:
        page = browser.new_page()
        for name in ("index.html", "experiments.html"):
            start = time.monotonic()
            page.goto(f"{address}/studies/large/{name}")
            page.locator(".fm-board tbody tr").nth(2).wait_for()
            page.locator(".fm-filters").wait_for()
            page.get_by_role("button", name="Inference accuracy").first.click()
            page.locator("th[aria-sort]").first.wait_for()
            report.line(f"{name} of {count:,} experiments, opened and sorted", time.monotonic() - start, USABLE, "s")


def write_results(results: Path, count: int) -> None:
    """Write a study of `count` experiments on two machines; one in a hundred failed."""
    folder = Folder(results, "large", application=application())
    random.seed(1)
    widths = range(1, count // (2 * REPEATS * 4) + 1)
    for machine, epochs, width, repeat in itertools.product(
        ("local", "dgx"), (1, 2, 4, 8), widths, range(1, REPEATS + 1)
    ):
        folder.points.append(folder.point(machine, epochs=epochs, width=width, repeat=repeat))
    folder.write_plan()
    drawn = {name: figure() for name in FIGURES}
    for number, point in enumerate(folder.points):
        if number % 100 == 99:
            folder.start(point, "failed", reason="the program ended with exit code 1")
        else:
            attempt = finish(folder, point)
            (attempt / "figures").mkdir()
            for name, data in drawn.items() if count < FEW else ():
                # Bytes after the end of a PNG are ignored but make the file unique.
                (attempt / "figures" / f"{name}.png").write_bytes(data + str(number).encode())


def application() -> dict[str, Any]:
    """Return an application with a realistic number of metrics."""
    metrics = {f"score_{number}": {"title": f"Score {number}", "unit": "1"} for number in range(10)}
    return {**APPLICATION, "metrics": {**APPLICATION["metrics"], **metrics}}


def figure() -> bytes:
    """Return a figure of about 100 kB with lines, text and noise."""
    made, data = Image.new("RGBA", FIGURE_SIZE, "white"), BytesIO()
    noise = Image.effect_noise((260, 260), 60)
    made.paste(Image.merge("RGB", (noise, noise, noise)), (850, 40))
    chance, draw = random.Random(1), ImageDraw.Draw(made)  # noqa: S311  (no secret)
    for line in range(12):
        points = [(x, 300 + 20 * line * chance.uniform(-1, 1)) for x in range(60, 800, 12)]
        draw.line(points, fill=(20 * line, 80, 160), width=2)
        draw.text((60, 20 + 14 * line), f"point {line}: accuracy 0.{chance.randrange(10000):04}", fill="black")
    made.save(data, "PNG")
    return data.getvalue()


def finish(folder: Folder, point: dict[str, Any]) -> Path:
    """Write the result of an experiment with its history and telemetry."""
    accuracy = 0.9 + random.gauss(0, 0.02)
    seconds = random.gauss(10 * point["axes"]["epochs"], 1)
    metrics = {
        "accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01},
        "training_time": seconds,
    }
    metrics |= {f"score_{number}": random.gauss(0, 1) for number in range(10)}
    attempt = folder.finish(point, metrics, seconds=seconds, baselines={"threshold": {"accuracy": 0.832}})
    (attempt / "history.csv").write_text(HISTORY)
    rows = [f"2026-11-20T10:00:{second:02d}.000Z,program,cpu,{random.gauss(99, 1)},%\n" for second in range(20)]
    (attempt / "telemetry.csv").write_text("time,device,metric,value,unit\n" + "".join(rows))
    return attempt


if __name__ == "__main__":
    sys.exit(main())

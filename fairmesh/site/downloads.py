"""What a reader takes away from a study: its table in three formats, its metadata, its archive, its figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairmesh.files import write_text
from fairmesh.results import write_csv
from fairmesh.results.load import PLAN
from fairmesh.site.artefacts import Download, publish
from fairmesh.site.citing import DATACITE
from fairmesh.site.fairness import FAIR
from fairmesh.site.latex import latex
from fairmesh.site.leaderboard import Leaderboard

_LARGEST = 1 << 20  # bytes of a document beside the page; the archive has it whatever its size
_METADATA = ("ro-crate-metadata.json", "datapackage.json", "croissant.json", DATACITE, "CITATION.cff", FAIR, PLAN)


def offer(board: Leaderboard, folder: Path, archives: Path | None) -> dict[str, list[Download]]:
    """Write the files beside the page of a study.

    Parameters
    ----------
    board : Leaderboard
        The study's results.
    folder : Path
        The folder of the page.
    archives : Path or None
        Where the zip files of crates are, if they are to be offered.

    Returns
    -------
    dict
        The downloads by what they are.
    """
    study = board.view.study
    zips = sorted(archives.glob(f"{study.name}-*.zip")) if archives else []
    return {
        "Results": list(_tables(board, folder)),
        "Metadata": list(publish(study.folder, (study.folder / name for name in _METADATA), folder, largest=_LARGEST)),
        "Everything": list(_archived(zips, folder)),
    }


def _tables(board: Leaderboard, folder: Path) -> Iterator[Download]:
    frame = board.view.frame
    write_csv(frame, folder / "results.csv")
    frame.to_parquet(folder / "results.parquet", index=False, compression="zstd")
    write_text(folder / "leaderboard.tex", latex(board))
    for name in ("results.csv", "results.parquet", "leaderboard.tex"):
        yield Download(name, name, (folder / name).stat().st_size)


def _archived(zips: Iterable[Path], folder: Path) -> Iterator[Download]:
    for path in zips:
        shutil.copyfile(path, folder / path.name)
        yield Download(path.name, path.name, path.stat().st_size)

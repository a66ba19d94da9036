"""Draw the charts of a page as pictures, which it offers beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fairmesh.files import write_text
from fairmesh.site.charts import Chart
from fairmesh.site.downloads import Download
from fairmesh.site.renderer import Renderer, RendererError


def draw_pictures(
    drawn: Mapping[str, Chart], folder: Path, renderer: Renderer
) -> tuple[list[Download | None], list[str]]:
    """Draw charts into files of a page's folder ``charts``.

    Parameters
    ----------
    drawn : mapping
        The charts by the names of their files, without the ending.
    folder : Path
        The folder of the page.
    renderer : Renderer
        Makes the pictures.

    Returns
    -------
    list of Download or None, list of str
        The picture of each chart, None for one that cannot be drawn, and the distinct reasons.
    """
    pictures: list[Download | None] = []
    reasons: dict[str, None] = {}
    for name, chart in drawn.items():
        path = folder / "charts" / f"{name}.svg"
        try:
            write_text(path, renderer.svg(chart.static))
        except RendererError as error:
            reasons[str(error)] = None
            pictures.append(None)
        else:
            pictures.append(Download(f"charts/{path.name}", chart.title, path.stat().st_size))
    return pictures, list(reasons)

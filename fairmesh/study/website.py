"""The keys of ``website`` in ``config/config.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from fairmesh import identifiers
from fairmesh.schema.model import Model, Text, meaning
from fairmesh.study.application import Address

OWN_MANUAL = "."
Color = Annotated[
    str,
    Field(
        pattern=r"^#(?:[0-9A-Fa-f]{3}){1,2}$",
        json_schema_extra={"patternErrorMessage": 'a color as red, green and blue in quotes, such as "#12455a"'},
    ),
]


def _web_address(text: str) -> str:
    if not text:
        raise ValueError("must be an address that begins with https:// or http://")
    return identifiers.normalize_url(text)


def _manual(text: str) -> str:
    return text if text in {"", OWN_MANUAL} else identifiers.normalize_url(text)


class Website(Model):
    """Title, look and links of the website."""

    title: Annotated[str, meaning("Title of the website; without one, the publisher's.", "Sorting algorithms")] = ""
    description: Annotated[
        str,
        meaning(
            "What the website is about, in a sentence or two: shown on the home page and by search engines.",
            "How fast five sorting algorithms are on lists of up to a million numbers.",
        ),
    ] = ""
    logo: Annotated[
        str,
        meaning("Picture in the header (SVG, PNG, JPEG, WebP, GIF): a path in the project.", "site/logo.svg"),
    ] = ""
    favicon: Annotated[
        str, meaning("Picture on the tab of a browser, in these formats or ICO; the logo by default.", "site/icon.png")
    ] = ""
    color: Annotated[
        Color,
        meaning(
            "Color of the header, and of links, which get it darker or lighter if needed to be readable.", "#12455a"
        ),
    ] = ""
    accent: Annotated[Color, meaning("Color of links and buttons under the pointer.", "#b34700")] = ""
    links: Annotated[
        dict[Text, Annotated[str, AfterValidator(_web_address)]],
        meaning("Addresses that the header links to, by title.", {"Paper": "https://doi.org/10.1000/182"}),
    ] = Field(default_factory=dict)
    repository: Annotated[
        Address,
        meaning(
            "Address to clone the project from; without one, the address that results were recorded with.",
            "https://github.com/ada/sorting",
        ),
    ] = ""
    install: Annotated[
        list[Text],
        meaning(
            "Commands that install what the project needs, for readers who reproduce results.",
            ["pip install -r requirements.txt"],
        ),
    ] = Field(default_factory=list)
    manual: Annotated[
        str,
        AfterValidator(_manual),
        meaning("Address of a manual of fairmesh, to link to for details; `.` if it is part of this website."),
    ] = ""

"""Text of a user's making gets into a page here and nowhere else: as text, whatever it says.

MkDocs reads Markdown, lets HTML through, and puts titles into its theme without escaping. So every value that a
template prints is written in characters that mean nothing in either language: letters and digits as they are, the rest
as numeric character references.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
from markupsafe import Markup

from fairmesh.site import numbers

# Left alone besides letters and digits: single spaces, characters without any meaning, a point or hyphen inside a word.
_SPECIAL = re.compile(r"(?!(?<=[^\W_])[.\-](?=[^\W_]))(?:[^\w ,/%()]|_)|(?<!\S) | \Z")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def escape(value: Any) -> Markup:
    """Give a value as text that is the same in Markdown, in HTML and in a quoted attribute.

    >>> escape("<b>*1.5*</b>")
    Markup('&#60;b&#62;&#42;1.5&#42;&#60;/b&#62;')
    """
    if isinstance(value, Markup):
        return value
    text = "" if value is None else _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return Markup(_SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text))  # noqa: S704  (this is the escaping)


def script_json(value: Any) -> Markup:
    """Give a value as JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


def environment() -> jinja2.Environment:
    """Give the environment of the page templates: all they print goes through ``escape``."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("fairmesh.site"),
        autoescape=True,
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "front_matter": lambda text: Markup(json.dumps(escape(text))),  # noqa: S704
        "script_json": script_json,
        "number": numbers.number,
        "spread": numbers.spread,
        "size": numbers.size,
        "value": numbers.value,
    }
    return made

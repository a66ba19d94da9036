"""The colors of a project as a style sheet in which every text can be read."""

from __future__ import annotations

from fairmesh.study.website import Website

_CONTRAST = 4.7  # WCAG 2 demands 4.5
_STEP = 0.05
_BLACK, _WHITE = "#000000", "#ffffff"
_LIGHT, _DARK = "#f4f7f8", "#1a262d"  # the raised backgrounds in stylesheets/fairmesh.css


def style_sheet(website: Website) -> str:
    """Return the style sheet of a website's colors; empty if it sets none."""
    light = "".join(_rules(website, _LIGHT, 0.0))
    dark = "".join(_rules(website, _DARK, 0.35))
    return (
        f':root,\n[data-md-color-scheme="default"] {{\n{light}}}\n\n'
        f'@media screen {{\n[data-md-color-scheme="slate"] {{\n{dark}}}\n}}\n'
        if light
        else ""
    )


def _rules(website: Website, background: str, shade: float) -> list[str]:
    """Return the rules of a scheme; ``shade`` is the part of black in the color of its header."""
    rules: dict[str, str] = {}
    if website.color:
        color = mix(website.color, _BLACK, shade)
        rules |= {
            "--md-primary-fg-color": color,
            "--md-primary-fg-color--light": mix(color, _WHITE, 0.2),
            "--md-primary-fg-color--dark": mix(color, _BLACK, 0.3),
            "--md-primary-bg-color": ink(color),
            "--md-primary-bg-color--light": ink(color),
            "--fm-search": f"{_BLACK if ink(color) == _WHITE else _WHITE}42",
            "--md-typeset-a-color": readable(website.color, background),
        }
    if website.accent:
        accent = readable(website.accent, background)
        rules |= {"--md-accent-fg-color": accent, "--md-accent-bg-color": ink(accent)}
    return [f"  {name}: {value};\n" for name, value in rules.items()]


def readable(color: str, background: str) -> str:
    """Return a color, made darker or lighter until it can be read on a background.

    >>> readable("#12455a", "#ffffff"), readable("#ffff00", "#ffffff")
    ('#12455a', '#737300')
    """
    end, share, shown = ink(background), 0.0, color
    while share < 1 and contrast(shown, background) < _CONTRAST:
        share += _STEP
        shown = mix(color, end, share)
    return shown


def ink(background: str) -> str:
    """Return black or white, whichever can be read better on a background.

    >>> ink("#ffff00"), ink("#12455a")
    ('#000000', '#ffffff')
    """
    return max((_WHITE, _BLACK), key=lambda color: contrast(color, background))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors by WCAG 2, from 1 to 21.

    >>> round(contrast("#000", "#fff"), 3)
    21.0
    """
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def mix(color: str, other: str, share: float) -> str:
    """Return a color with a share of another one in it.

    >>> mix("#fff", "#000", 0.5)
    '#808080'
    """
    share = min(share, 1.0)
    parts = zip(_rgb(color), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02x}" for a, b in parts)


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (c / 255 for c in _rgb(color))]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _rgb(color: str) -> tuple[int, ...]:
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    return tuple(bytes.fromhex(digits))

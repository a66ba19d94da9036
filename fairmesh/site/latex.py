r"""A leaderboard as a LaTeX table, ready for ``\input`` beside the package booktabs."""

from __future__ import annotations

import re
import unicodedata

from fairmesh.site.leaderboard import Leaderboard
from fairmesh.site.numbers import MISSING

ROWS = 30  # a longer table fits no page

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    MISSING: r"\textendash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def escape(text: str) -> str:
    r"""Return a text that means nothing to LaTeX, on one line.

    >>> print(escape("50 % of a_b \\input{x}"))
    50 \% of a\_b \textbackslash{}input\{x\}
    """
    plain = "".join(c if c == " " or unicodedata.category(c)[0] != "C" else " " for c in " ".join(text.split()))
    found = "".join(_SPECIAL.get(character, character) for character in plain)
    return re.sub("(?<=-)(?=-)", "{}", found)  # two hyphens would become a dash


def latex(board: Leaderboard) -> str:
    """Return the columns that the page shows at first, without the links to experiments."""
    columns = [
        (number, column)
        for number, column in enumerate(board.columns)
        if column.shown and column.kind not in {"rank", "remark"}
    ]
    heads = " & ".join(escape(column.title) for _, column in columns)
    kinds = "".join("l" if column.kind in {"parameter", "machine"} else "r" for _, column in columns)
    lines = [
        f"% {escape(board.view.title)}: mean and 95 % interval of n repeats; needs \\usepackage{{booktabs}}",
        f"\\begin{{tabular}}{{l{kinds}}}",
        "\\toprule",
        f" & {heads} \\\\",
        "\\midrule",
    ]
    for row, cells in board.rows[:ROWS]:
        name = f"baseline: {row.name}" if row.is_baseline else cells[0].text
        lines.append(" & ".join(map(escape, [name, *(cells[number].text for number, _ in columns)])) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])

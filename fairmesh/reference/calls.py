"""The functions of expressions: how to call them, what they return, and an example whose value is computed."""

from __future__ import annotations

import json

from fairmesh.expressions import parse_expression

CALLS: dict[str, tuple[str, str]] = {
    "abs(x)": ("The number without its sign.", "abs(-2)"),
    "min(a, b, ...)": ("The smallest of some numbers or texts, or of a list.", "min(4, 8)"),
    "max(a, b, ...)": ("The largest of them.", "max([4, 8, 6])"),
    "round(x, digits)": ("The number rounded, to a whole one if `digits` is left out.", "round(2.718, 1)"),
    "floor(x)": ("The whole number at or below.", "floor(2.7)"),
    "ceil(x)": ("The whole number at or above.", "ceil(2.1)"),
    "sqrt(x)": ("The square root.", "sqrt(16)"),
    "exp(x)": ("e to the power of x.", "exp(0)"),
    "log(x, base)": ("The logarithm, the natural one if `base` is left out.", "log(8, 2)"),
    "log2(x)": ("The logarithm to base 2.", "log2(8)"),
    "log10(x)": ("The logarithm to base 10.", "log10(1000)"),
    "int(x)": ("The number without its decimals, or the whole number that a text holds.", 'int("012")'),
    "float(x)": ("The number that a text holds.", 'float("1e-3")'),
    "str(x)": ("The text of a value.", "str(5)"),
    "len(x)": ("The number of characters, or of members.", 'len("a100")'),
    "sum(list)": ("The sum of a list of numbers.", "sum([1, 2, 3])"),
    "range(first, end, step)": ("Whole numbers from `first` up to, and without, `end`.", "range(1, 9, 2)"),
    "list(x)": ("The members of a list, or the characters of a text.", 'list("abc")'),
    "sorted(list)": ("The list in order.", "sorted([3, 1, 2])"),
    "first(list)": ("The first member or character.", 'first("a100")'),
    "last(list)": ("The last member or character.", "last([1, 2, 3])"),
    "join(list, separator)": ("The texts of the members, one after the other.", 'join([1, 2], "-")'),
    "lower(text)": ("In small letters.", 'lower("A100")'),
    "upper(text)": ("In capital letters.", 'upper("a100")'),
    "strip(text)": ("Without the spaces around it.", 'strip(" a100 ")'),
    "startswith(text, start)": ("Whether it begins so.", 'startswith("a100-dgx", "a100")'),
    "endswith(text, end)": ("Whether it ends so.", 'endswith("a100-dgx", "v100")'),
    "replace(text, old, new)": ("With `new` in place of every `old`.", 'replace("a100-dgx", "-dgx", "")'),
    "split(text, separator)": ("The parts between separators.", 'split("1:2:3", ":")'),
    "zfill(x, width)": ("The text of x with zeros before it.", "zfill(7, 3)"),
    "matches(text, pattern)": ("Whether a regular expression matches the whole text.", 'matches("a100", "a.*")'),
    "search(text, pattern)": ("Whether a regular expression matches somewhere in it.", 'search("a100-dgx", "dgx")'),
}
"""Meaning and example of each function of `fairmesh.expressions.functions`, by how it is called."""


def rows() -> list[tuple[str, str, str]]:
    """Return call, meaning, and the example with its value.

    >>> rows()[0]
    ('abs(x)', 'The number without its sign.', 'abs(-2) = 2')
    """
    return [
        (call, meaning, f"{example} = {json.dumps(parse_expression(example)({}))}")
        for call, (meaning, example) in CALLS.items()
    ]

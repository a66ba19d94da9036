"""How a comparison looks: tables of sides, metrics, what was used, parameters and environment."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import pandas as pd
import streamlit as st

from fairmesh.monitor.look import plain
from fairmesh.results.compare import Change, Comparison, MetricChange, Side
from fairmesh.site import numbers, sentences


def show(found: Comparison, *, everything: bool) -> None:
    """Show a comparison; what is the same only if everything is wanted."""
    letters = ascii_uppercase[: len(found.sides)]
    _table("What is compared", [_side(letter, each) for letter, each in zip(letters, found.sides, strict=True)])
    _metrics("Results", found.metrics, letters)
    _changes("Parameters", found.parameters, letters, everything)
    _metrics("What it took", found.usage, letters)
    _changes("Environment", found.environment, letters, everything)


def _side(letter: str, side: Side) -> dict[str, str]:
    results = f"{len(side.done)} of {len(side.outcomes)}" if len(side.outcomes) > 1 else side.outcomes[0].state
    return {"side": letter, "study": side.study.name, "machine": side.machine, "name": side.name, "results": results}


def _metrics(title: str, changes: Sequence[MetricChange], letters: str) -> None:
    if changes:
        _table(title, [_metric(each, letters) for each in changes])


def _metric(change: MetricChange, letters: str) -> dict[str, str]:
    row = {"measured": sentences.change_label(change)}
    row |= {letter: sentences.change_value(change, value) for letter, value in zip(letters, change.values, strict=True)}
    row |= {"better": change.better, "best": "" if change.best is None else letters[change.best]}
    pairs = zip(letters, change.differences, change.judgements, strict=True)
    return row | {
        f"{letter} - A": f"{sentences.change_difference(change, difference)} ({judged.words})"
        if difference and judged
        else _same(judged)
        for letter, difference, judged in list(pairs)[1:]
    }


def _same(judged: object) -> str:
    return "the same number" if judged else numbers.MISSING


def _changes(title: str, changes: Sequence[Change], letters: str, everything: bool) -> None:
    differing = [each for each in changes if each.differs]
    shown = changes if everything else differing
    if not shown:
        st.header(title)
        st.markdown(f"All {len(changes)} are the same." if changes else "Nothing is known.")
        return
    rows = [_change(each, letters, everything) for each in shown]
    _table(title, rows, f"{len(differing)} of {len(changes)} differ")


def _change(change: Change, letters: str, everything: bool) -> dict[str, str]:
    row = {"name": f"{change.name} ({change.unit})" if change.unit else change.name}
    row |= dict(zip(letters, change.texts, strict=True))
    return row | ({"differs": "differs" if change.differs else ""} if everything else {})


def _table(title: str, rows: Sequence[dict[str, str]], caption: str = "") -> None:
    st.header(plain(title))
    if caption:
        st.caption(caption)
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=title)

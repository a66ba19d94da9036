"""Documents in which something else stands than should."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([True, "./", "results.csv", "../x", "/etc/passwd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["@id", "@type", "name", "x"]), inner),
    max_leaves=6,
)


def spoil(value: Any, where: st.DataObject) -> Any:
    """Put anything in the place of some part of a document."""
    if isinstance(value, dict) and value and where.draw(st.integers(0, 5)):
        key = where.draw(st.sampled_from(sorted(value)))
        return value | {key: spoil(value[key], where)}
    if isinstance(value, list) and value and where.draw(st.integers(0, 5)):
        at = where.draw(st.integers(0, len(value) - 1))
        return [*value[:at], spoil(value[at], where), *value[at + 1 :]]
    return where.draw(ANYTHING)

"""The shared stages that something needs, directly and through other stages.

Plans, records and commits all name the stages that they need; `walk_needs` follows these names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)


def walk_needs(start: Iterable[ItemT], needs: Callable[[ItemT], Iterable[ItemT]]) -> list[ItemT]:
    """Return items and all that they need, each once and after what it needs itself; cycles are harmless.

    Parameters
    ----------
    start : iterable
        The first items.
    needs : callable
        Returns what an item needs directly; called once for each item.

    Examples
    --------
    >>> walk_needs(["train"], {"train": ["store"], "store": ["scenes"], "scenes": []}.__getitem__)
    ['scenes', 'store', 'train']
    """
    ordered: dict[ItemT, None] = {}
    opened: set[ItemT] = set()
    stack = [(item, False) for item in reversed(list(start))]
    while stack:
        item, is_complete = stack.pop()
        if is_complete:
            ordered[item] = None
        elif item not in opened:
            opened.add(item)
            stack.append((item, True))
            stack += [(need, False) for need in reversed(list(needs(item)))]
    return list(ordered)

"""Spans of time in lanes, so that no two in one lane overlap."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return each span the first lane that is free when it begins; there are as many lanes as spans that overlap.

    Parameters
    ----------
    spans : sequence of (float, float)
        Beginning and end, in any order of the spans; the end is not in the span, and after its beginning.

    Examples
    --------
    >>> lanes([(0, 3), (1, 2), (2, 4), (3, 5)])
    [0, 1, 1, 0]
    """
    found = [0] * len(spans)
    busy: list[tuple[float, int]] = []  # end, lane
    free: list[int] = []
    for at in sorted(range(len(spans)), key=lambda at: spans[at]):
        begin, end = spans[at]
        while busy and busy[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, lane))
        found[at] = lane
    return found

"""Numbers as netCDF packs them: ``scale_factor`` and ``add_offset``, and the values that stand for none.

As in the attribute conventions of the NetCDF User's Guide: the bounds and the fill are of the packed values.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating | np.integer]

_PACKING = ("scale_factor", "add_offset")
_FILL = ("_FillValue", "missing_value")
_BOUNDS = ("valid_range", "valid_min", "valid_max")


def unpacked(values: Values, attributes: Mapping[str, object]) -> Values:
    """Return what values stand for: as they are without such attributes, else float64 with NaN where there is none.

    Raises
    ------
    ValueError
        If an attribute is not a number, with its name.

    Examples
    --------
    >>> attributes = {"scale_factor": 0.01, "add_offset": 283.73, "_FillValue": -32768}
    >>> unpacked(np.array([-32768, 0, 1500], dtype=np.int16), attributes)
    array([   nan, 283.73, 298.73])
    """
    found = {name: _numbers(name, attributes[name]) for name in (*_PACKING, *_FILL, *_BOUNDS) if name in attributes}
    if not found:
        return values
    numbers = values * found.get("scale_factor", np.ones(1))[0] + found.get("add_offset", np.zeros(1))[0]
    return np.asarray(np.where(_is_missing(values, found), np.nan, numbers))


def _is_missing(values: Values, found: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.bool_]:
    missing = np.isin(values, np.concatenate([found.get(name, np.empty(0)) for name in _FILL]))
    low, high = found.get("valid_range", np.array([-np.inf, np.inf]))[[0, -1]]
    least, most = found.get("valid_min", np.array([low]))[0], found.get("valid_max", np.array([high]))[0]
    return np.asarray(missing | (values < least) | (values > most))


def _numbers(name: str, attribute: object) -> npt.NDArray[np.float64]:
    array = np.asarray(attribute)
    if array.dtype.kind not in "fiu" or not array.size:
        raise ValueError(f"its attribute {name} is {attribute!r}, not a number")
    return array.astype(np.float64).ravel()

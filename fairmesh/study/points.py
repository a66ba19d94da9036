"""The points of a parameter space: what is chosen for each axis."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.files import canonical_json
from fairmesh.names import axis_order, axis_text, join_axes
from fairmesh.study.application import Application
from fairmesh.study.values import Value


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a parameter or axis, with the texts that ids and fingerprints are made of.

    Parameters
    ----------
    value : Value
        Of the declared type.
    id_text, json_text : str
        ``name=value`` in an id, ``"name":value`` in canonical JSON.
    """

    value: Value
    id_text: str
    json_text: str

    @classmethod
    def of(cls, name: str, value: Value) -> Choice:
        """Choose a value for a name."""
        return cls(value, axis_text(name, value), f"{canonical_json(name)}:{canonical_json(value)}")


Point = dict[str, Choice]


def point_id(point: Point) -> str:
    """Return the id of a point.

    >>> point_id({name: Choice.of(name, 1) for name in ("repeat", "gpu")})
    'gpu=1+repeat=1'
    """
    return join_axes([point[axis].id_text for axis in sorted(point, key=axis_order)])


def default_choices(application: Application) -> dict[str, Choice]:
    """Return the default of each parameter that has one."""
    parameters = application.parameters.items()
    return {name: Choice.of(name, item.default) for name, item in parameters if item.has_default}

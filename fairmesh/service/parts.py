"""Which profile is meant, and on which machine it runs."""

from __future__ import annotations

from fairmesh.api import Place
from fairmesh.errors import InputError, Problem, nearest


def machine_of(place: Place, profile: str) -> str:
    """Give the machine of a profile, by the profile's name.

    Raises
    ------
    InputError
        If there is no such profile here.
    """
    known = place.profiles()
    if profile not in known:
        message = f"there is no profile {profile!r}"
        raise InputError([Problem(message, "profile", ", ".join(known), nearest(profile, known))])
    return known[profile]

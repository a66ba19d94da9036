"""What rented instances cost, and what is left of a budget."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fairmesh.machines.rentals import Rental
from fairmesh.study.machines import Machine

HOUR = 3600.0  # seconds


def cost(seconds: float, machine: Machine) -> float | None:
    """Return what a time on one computer of a machine costs; None if the machine has no price.

    Parameters
    ----------
    seconds : float
        The time; of experiments that share an instance, divide the sum by ``machine.slots``.
    machine : Machine
        The machine, whose ``price`` is that of an hour.

    Examples
    --------
    >>> cost(1800, Machine(kind="local", price=2.5))
    1.25
    """
    return None if machine.price is None else seconds / HOUR * machine.price


def used_hours(rentals: Iterable[Rental], now: float) -> float:
    """Return the hours of all instances together."""
    return sum(rental.seconds(now) for rental in rentals) / HOUR


def allowed_hours(machine: Machine) -> float:
    """Return the hours that a machine's budget allows; infinity without a budget.

    >>> allowed_hours(Machine.model_validate({"kind": "cloud", "price": 0.5, "budget": {"hours": 20.0, "money": 5.0}}))
    10.0
    """
    if machine.budget is None:
        return math.inf
    limits = [math.inf if machine.budget.hours is None else machine.budget.hours]
    if machine.budget.money is not None and machine.price:
        limits.append(machine.budget.money / machine.price)
    return min(limits)


def describe_budget(machine: Machine) -> str:
    """Return a machine's budget in words.

    >>> describe_budget(Machine.model_validate({"kind": "cloud", "price": 0.5, "budget": {"money": 5.0}}))
    'the budget of 5 USD (10 h)'
    """
    hours = allowed_hours(machine)
    money = machine.budget.money if machine.budget else None
    return f"the budget of {money:g} {machine.currency} ({hours:g} h)" if money else f"the budget of {hours:g} h"

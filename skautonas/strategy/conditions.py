"""When a hyperparameter of a conditional space is active."""

from typing import Any

from skautonas.strategy.dials import Dial


def conditions_of(dials: list[Dial]) -> list[tuple]:
    """Return what makes each column active: all of some conditions.

    Each is that one of some columns has some number. There are several columns where a
    name was declared in several scopes.
    """
    columns: dict[str, list[int]] = {}
    conditions = []
    for column, dial in enumerate(dials):
        conditions.append(
            tuple(
                tuple(
                    (parent, number)
                    for parent in columns.get(condition.name, ())
                    for number in _numbers(dials[parent], condition.values)
                )
                for condition in dial.parameter.conditions
            )
        )
        columns.setdefault(dial.parameter.name, []).append(column)
    return conditions


def _numbers(dial: Dial, values: Any) -> list[float]:
    offered = dial.choices or values
    return [dial.number(value) for value in values if value in offered]

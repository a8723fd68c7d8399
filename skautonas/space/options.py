"""Checks of what the user of a space may change."""

from collections.abc import Collection, Sequence
from typing import Any


def check_offered(name: str, chosen: Sequence[Any], offered: Collection[Any]) -> None:
    """Raise where an option of a space names what the space does not have.

    Parameters
    ----------
    name : str
        Name of the option.
    chosen : sequence
        What the user wants.
    offered : collection
        What there is.

    Raises
    ------
    ValueError
        Where ``chosen`` is empty or names something else.
    """
    unknown = [choice for choice in chosen if choice not in offered]
    if isinstance(chosen, str) or unknown or not len(chosen):
        raise ValueError(
            f"Expected {name} to be a sequence of {list(offered)}; received {chosen!r}."
        )

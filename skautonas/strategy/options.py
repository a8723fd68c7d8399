"""Types and ranges of what strategies are given."""

from typing import Any

import numpy as np


def check_least(least: int, **options: Any) -> None:
    """Raise where one of the options is not a whole number of at least the least."""
    for name, value in options.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise TypeError(f"Expected {name} to be an int; received {value!r}.")
        if not value >= least:
            raise ValueError(f"Expected {name} of at least {least}; received {value}.")


def check_share(**options: Any) -> None:
    """Raise where one of the options is not a number from 0 to 1."""
    for name, value in options.items():
        if not isinstance(value, int | float):
            raise TypeError(f"Expected {name} to be a float; received {value!r}.")
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Expected {name} from 0 to 1; received {value}.")

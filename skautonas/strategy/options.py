"""Ranges of what strategies are given."""


def check_least(least: int, **options: float) -> None:
    """Raise a `ValueError` where one of the options is below the least."""
    for name, value in options.items():
        if not value >= least:
            raise ValueError(f"Expected {name} of at least {least}; received {value}.")


def check_share(**options: float) -> None:
    """Raise a `ValueError` where one of the options is not from 0 to 1."""
    for name, value in options.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"Expected {name} from 0 to 1; received {value}.")

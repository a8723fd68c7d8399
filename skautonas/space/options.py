"""Checks of the options of spaces: wrong ones are refused with advice."""

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any


def check_names(option: str, names: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` as a tuple, all of them known, none twice."""
    names = _check_sequence(option, names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"Expected {option} among {tuple(known)}; received {unknown}. Remove or "
            "correct them."
        )
    return names


def check_activations(names: Any) -> tuple[str, ...]:
    """Return names of Keras activations as a tuple."""
    import keras

    names = _check_sequence("activations", names)
    known = set(dir(keras.activations)) - {"get", "serialize", "deserialize"}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ValueError(
                f"Expected activations by name, such as 'relu' or 'gelu'; received "
                f"{name!r}. See keras.activations for the names."
            )
    return names


def check_sizes(option: str, sizes: Any, least: int = 1) -> tuple[int, ...]:
    """Return integers from ``least`` on as an ascending tuple."""
    sizes = _check_sequence(option, sizes)
    if not all(_is_count(size, least) for size in sizes):
        raise ValueError(
            f"Expected {option} of integers, at least {least}; received {sizes}. Pass "
            f"e.g. {option}=(16, 32)."
        )
    return tuple(sorted(map(int, sizes)))


def check_range(option: str, ends: Any, least: int) -> tuple[int, int]:
    """Return (low, high) with ``least`` <= low <= high."""
    ends = _check_sequence(option, ends, distinct=False)
    good = len(ends) == 2 and all(_is_count(end, least) for end in ends)
    if not good or ends[0] > ends[1]:
        raise ValueError(
            f"Expected {option} as (least, most) with {least} <= least <= most; "
            f"received {ends}. Pass e.g. {option}=(1, 3)."
        )
    return int(ends[0]), int(ends[1])


def check_rates(option: str, rates: Any) -> tuple[float, ...]:
    """Return rates of dropout as an ascending tuple of floats in [0, 1)."""
    rates = _check_sequence(option, rates)
    if not all(isinstance(rate, Real) and 0 <= float(rate) < 1 for rate in rates):
        raise ValueError(
            f"Expected {option} of floats from 0 to below 1; received {rates}. Pass "
            f"e.g. {option}=(0.0, 0.2)."
        )
    return tuple(sorted(map(float, rates)))


def check_fractions(option: str, fractions: Any) -> tuple[float, ...]:
    """Return shares as an ascending tuple of floats in (0, 1]."""
    fractions = _check_sequence(option, fractions)
    if not all(
        isinstance(share, Real) and 0 < float(share) <= 1 for share in fractions
    ):
        raise ValueError(
            f"Expected {option} of floats above 0, up to 1; received {fractions}. Pass "
            f"e.g. {option}=(0.5, 1.0)."
        )
    return tuple(sorted(map(float, fractions)))


def check_windows(option: str, windows: Any) -> tuple[str, ...]:
    """Return widths of parallel convolutions, such as "2-3-4", as a tuple."""
    windows = _check_sequence(option, windows)
    for window in windows:
        parts = window.split("-") if isinstance(window, str) else [""]
        if not all(part.isdecimal() and int(part) for part in parts):
            raise ValueError(
                f"Expected {option} as numbers of words joined by hyphens; received "
                f"{window!r}. Pass e.g. {option}=('3', '2-3-4')."
            )
    return windows


def _check_sequence(option: str, values: Any, distinct: bool = True) -> tuple:
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise ValueError(
            f"Expected {option} as a non-empty tuple; received {values!r}. Wrap a "
            f"single value, e.g. {option}=(value,)."
        )
    if distinct and len(set(values)) < len(values):
        raise ValueError(
            f"Expected each of {option} once; received {tuple(values)}. Remove the "
            "repetitions."
        )
    return tuple(values)


def _is_count(value: Any, least: int) -> bool:
    integral = isinstance(value, Integral) and not isinstance(value, bool)
    return integral and int(value) >= least

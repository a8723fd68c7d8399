"""Rows in memory: arrays and dataframes."""

import math
from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np


def refuse_streams(X: Any) -> None:
    """Raise where X yields its rows one after another."""
    if hasattr(X, "element_spec") or isinstance(X, Iterator):
        raise TypeError(
            f"Expected rows in memory; received {type(X).__name__}. Collect them "
            "first, e.g. np.concatenate([x for x, _ in dataset]) or list(generator)."
        )


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return the rows of an array or a dataframe."""
    if isinstance(X, np.ndarray):
        return X[rows]
    return nw.from_native(X, eager_only=True)[rows].to_native()


def padded_rows(n_rows: int, size: int) -> list[np.ndarray]:
    """Return the row numbers 0 to ``n_rows`` - 1 in batches of one size.

    Examples
    --------
    >>> padded_rows(3, 2)
    [array([0, 1], dtype=int32), array([2, 0], dtype=int32)]
    """
    n_batches = math.ceil(n_rows / size)
    rows = np.zeros(n_batches * size, dtype="int32")
    rows[:n_rows] = np.arange(n_rows)
    return list(rows.reshape(n_batches, size))

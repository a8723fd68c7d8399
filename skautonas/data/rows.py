"""Rows in memory: arrays and dataframes, with their targets and weights."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

# Number of values in a chunk of rows.
CHUNK_VALUES = 2_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked rows of a user.

    Parameters
    ----------
    X : ndarray or dataframe of n rows
        Inputs.
    y : ndarray of shape (n,) or (n, targets)
        Labels or values, as the user gave them.
    weights : ndarray of shape (n,) or None
        Positive weights of the rows; None where all count the same.
    groups : ndarray of shape (n,) or None
        What a splitter must keep together.
    given : ndarray of shape (n,) or None
        Number of each row among the user's; None where all are there.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    given: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> "Rows":
        """Return some of the rows, by number."""
        return Rows(
            take_rows(self.X, rows),
            self.y[rows],
            None if self.weights is None else self.weights[rows],
            None if self.groups is None else self.groups[rows],
            rows if self.given is None else self.given[rows],
        )

    def numbered(self, given: Any, n_given: int) -> np.ndarray:
        """Return which of these rows the user's row numbers, or a mask, stand for.

        Those of rows that are not here are left out. ``n_given`` is the number of the
        user's rows.
        """
        place = np.full(n_given, -1)
        place[slice(None) if self.given is None else self.given] = np.arange(len(self))
        given = np.asarray(given)
        try:
            places = place[given if given.size else []]
        except IndexError as error:
            raise ValueError(
                f"Expected cv with numbers of the {n_given} rows, or masks as long; "
                f"received {given!r:.80}. {error}."
            ) from error
        return places[places >= 0]

    def without_absent(self) -> "Rows":
        """Return the rows whose weight is not zero."""
        if self.weights is None or self.weights.all():
            return self
        return self.take(np.flatnonzero(self.weights))

    def without_equal_weights(self) -> "Rows":
        """Return the rows without weights where all have the same one."""
        if self.weights is None or np.ptp(self.weights):
            return self
        return replace(self, weights=None)

    def weighted(self, factors: np.ndarray) -> "Rows":
        """Return the rows with weights multiplied by ``factors``, of shape (n,)."""
        weights = factors if self.weights is None else self.weights * factors
        return replace(self, weights=weights).without_absent()


def refuse_streams(X: Any) -> None:
    """Raise where X is lazy or a dict, or yields its rows one after another."""
    kind = type(X)  # an instance has attributes for its columns, of any name
    is_batch = hasattr(kind, "to_struct_array") and not hasattr(kind, "combine_chunks")
    # scipy has matrices that are dicts.
    is_dict = isinstance(X, dict) and not sparse.issparse(X)
    if is_dict or hasattr(kind, "collect") or is_batch:
        raise TypeError(
            f"Expected rows in memory; received {kind.__name__}. Pass "
            "pandas.DataFrame(columns) for a dict, frame.collect() for a lazy frame, "
            "or pyarrow.Table.from_batches([batch]) for a batch."
        )
    if hasattr(kind, "element_spec") or isinstance(X, Iterator):
        raise TypeError(
            f"Expected rows in memory; received {type(X).__name__}. Collect them "
            "first, e.g. np.concatenate([x for x, _ in dataset]) or list(generator)."
        )


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return the rows of an array or a dataframe of these numbers."""
    if isinstance(X, np.ndarray):
        return X[rows]
    return nw.from_native(X, eager_only=True)[rows].to_native()


def chunks_of_rows(X: Any) -> Iterator[Any]:
    """Yield an array, a list or a dataframe in chunks of consecutive rows."""
    values = X[0].size if isinstance(X, np.ndarray) and X.ndim > 1 else 1
    if hasattr(X, "columns"):
        values = len(X.columns)
    size = max(1, CHUNK_VALUES // values)
    for start in range(0, len(X), size):
        if hasattr(X, "columns"):
            frame = nw.from_native(X, eager_only=True)
            yield frame[start : start + size].to_native()
        else:
            yield X[start : start + size]


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

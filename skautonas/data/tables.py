"""Tables: columns of numbers and of categories."""

import inspect
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skautonas.data.encoder import Arrays
from skautonas.data.facts import TabularFacts, Task, TensorSpec
from skautonas.data.table_columns import read_table
from skautonas.data.table_columns import to_inputs as table_inputs

# Points of the quantile transform; TabM takes n // 30 between 10 and 1000, but here
# each costs a comparison per cell.
MAX_QUANTILES = 128
ROWS_PER_QUANTILE = 30
# Levels with fewer training rows count as unknown, which so gets trained as well.
MIN_LEVEL_ROWS = 3
MAX_LEVELS = 1000


@dataclass(frozen=True, slots=True)
class Scales:
    """What scales the numeric columns, one entry a column.

    ``center`` and ``factor`` scale robustly; ``quantiles`` of shape (n_quantiles, p)
    are the grid of the quantile transform; ``filler`` replaces missing numbers.
    """

    filler: np.ndarray
    center: np.ndarray
    factor: np.ndarray
    quantiles: np.ndarray


class TableEncoder:
    """Numbers scaled and categories as ids; fitted on training rows."""

    def fit(self, X: Any) -> Self:
        """Learn the columns' kinds, scales and levels from the training rows.

        Parameters
        ----------
        X : array-like or dataframe of shape (n, columns)
            Numbers, booleans, dates, durations and strings; missing values anywhere.

        Raises
        ------
        ValueError
            Where X is no table, holds infinite numbers, or times of day.
        """
        self.columns_, self.by_name_ = read_table(X)
        inputs = self.to_inputs(X)
        numeric = inputs.get("numeric", np.zeros((len(X), 0), "float32"))
        self.scales_ = _fit_scales(numeric.astype("float64"))
        self.missing_ = np.flatnonzero(np.isnan(numeric).any(axis=0)).tolist()
        categorical = inputs.get("categorical", np.zeros((len(X), 0), object))
        self.levels_ = [_frequent_levels(column) for column in categorical.T]
        return self

    def to_inputs(self, X: Any) -> Arrays:
        """Return ``numeric`` float32 (n, p) and ``categorical`` str (n, q)."""
        return table_inputs(X, [c.as_list() for c in self.columns_], self.by_name_)

    def facts(self, *, task: Task, n_outputs: int, n_rows: int) -> TabularFacts:
        """Return the number of columns by kind, and the levels of each category."""
        n_numeric, n_missing = len(self.scales_.center), len(self.missing_)
        inputs = {}
        if n_numeric:
            inputs["numeric"] = TensorSpec((n_numeric,), "float32")
            inputs["quantile"] = TensorSpec((n_numeric,), "float32")
        if n_missing:
            inputs["missing"] = TensorSpec((n_missing,), "float32")
        if self.levels_:
            inputs["categorical"] = TensorSpec((len(self.levels_),), "int32")
        return TabularFacts(
            task=task,
            n_outputs=n_outputs,
            n_rows=n_rows,
            inputs=inputs,
            n_numeric=n_numeric,
            n_missing=n_missing,
            cardinalities=tuple(len(levels) + 2 for levels in self.levels_),
        )

    def preprocessing(self) -> Any:
        """Return the Keras model from raw inputs to the arrays that facts name."""
        from skautonas.data.table_layers import encoded_table

        return encoded_table(self.scales_, self.missing_, self.levels_)

    def dense_preprocessing(self) -> Any:
        """Return the Keras model to one float matrix, for a user's own models."""
        from skautonas.data.table_layers import dense_table

        return dense_table(self.scales_, self.missing_, self.levels_)

    def snippet(self) -> str:
        """Return Python source that defines ``to_inputs(X)`` with numpy alone."""
        columns = [column.as_list() for column in self.columns_]
        source = inspect.getsource(table_inputs)
        source = source.replace("def to_inputs(", "def table_inputs(", 1)
        return (
            f"{source}\n\nCOLUMNS = {columns!r}\n\n\n"
            f"def to_inputs(X):\n"
            f"    return table_inputs(X, COLUMNS, {self.by_name_})\n"
        )


def _fit_scales(numeric: np.ndarray) -> Scales:
    """Learn scales; a column without any number becomes constant zero."""
    n_rows, n_columns = numeric.shape
    empty = np.isnan(numeric).all(axis=0)
    filled = np.where(empty, 0.0, numeric)
    filler = np.nanmedian(filled, axis=0) if n_columns else np.zeros(0)
    filled = np.where(np.isnan(filled), filler, filled)
    q25, center, q75 = (
        np.quantile(filled, [0.25, 0.5, 0.75], axis=0)
        if n_columns
        else np.zeros((3, 0))
    )
    spread = q75 - q25
    reach = (np.ptp(filled, axis=0) if n_columns else np.zeros(0)) / 2
    # RealMLP (Holzmüller et al. 2024): by the quartiles; where they are equal, by the
    # range; a constant column becomes zero.
    spread = np.where(spread > 0, spread, reach)
    factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    count = int(np.clip(n_rows // ROWS_PER_QUANTILE, 10, MAX_QUANTILES))
    grid = np.quantile(filled, np.linspace(0, 1, count), axis=0)
    return Scales(filler, center, factor, grid.reshape(count, n_columns))


def _frequent_levels(column: np.ndarray) -> list[str]:
    """Return the levels worth an id, the most frequent first."""
    counts = Counter(column.tolist())
    known = [
        (-count, level)
        for level, count in counts.items()
        if count >= MIN_LEVEL_ROWS and level
    ]
    return [level for _, level in sorted(known)[:MAX_LEVELS]]

"""What scales the numbers of a table, learnt column by column."""

from dataclasses import dataclass

import numpy as np

# Points of the quantile transform; TabM takes n // 30 between 10 and 1000, but here
# each costs a comparison per cell.
MAX_QUANTILES = 128
ROWS_PER_QUANTILE = 30
# A value of more rows than this share of all counts as of so many in the quantiles, or
# most of them would be equal where most numbers are zero (docs/design/0012).
LARGEST_MASS = 1 / 8
# Smaller differences count as none: their inverse would be no float32.
SMALLEST = float(np.finfo("float32").tiny)


@dataclass(frozen=True, slots=True)
class Scales:
    """What scales the numeric columns: the last axis of each array.

    ``center`` and ``factor`` scale robustly; ``quantiles`` of shape (n_quantiles, p)
    are the grid of the quantile transform; ``filler`` replaces missing numbers.
    """

    filler: np.ndarray
    center: np.ndarray
    factor: np.ndarray
    quantiles: np.ndarray


def fit_scale(values: np.ndarray) -> Scales:
    """Learn the scales of one column; without any number it becomes constant zero."""
    present = values[~np.isnan(values)]
    filler = np.median(present) if len(present) else np.float64(0)
    filled = np.where(np.isnan(values), filler, values)
    q25, center, q75 = np.quantile(filled, [0.25, 0.5, 0.75])
    # RealMLP (Holzmüller et al. 2024): by the quartiles; where they are equal, by the
    # range; a constant column becomes zero.
    spread = q75 - q25 or np.ptp(filled) / 2
    spread = 0 if spread < SMALLEST else spread
    count = int(np.clip(len(values) // ROWS_PER_QUANTILE, 10, MAX_QUANTILES))
    factor = np.float64(1 / spread if spread else 0)
    grid = _quantiles(filled, count)
    return Scales(*map(np.asarray, (filler, center, factor, grid)))


def _quantiles(values: np.ndarray, count: int) -> np.ndarray:
    """Return so many quantiles, from the least to the greatest value.

    A frequent value takes no more than its share, as in the binning of LightGBM (Ke et
    al. 2017).
    """
    distinct, rows = np.unique(values, return_counts=True)
    ends = np.cumsum(np.minimum(rows, max(1.0, LARGEST_MASS * len(values))))
    at = np.searchsorted(ends, np.linspace(0, ends[-1], count))
    return distinct[np.minimum(at, len(distinct) - 1)]


def side_by_side(columns: list[Scales]) -> Scales:
    """Return the scales of several columns as one; there may be none."""
    if not columns:
        empty = np.zeros(0)
        return Scales(empty, empty, empty, np.zeros((MAX_QUANTILES, 0)))
    parts = [(c.filler, c.center, c.factor, c.quantiles) for c in columns]
    return Scales(*(np.stack(part, axis=-1) for part in zip(*parts, strict=True)))

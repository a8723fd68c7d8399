"""Which rows train and which validate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split


@dataclass(frozen=True, slots=True)
class Split:
    """Raw rows and encoded targets for training and validation."""

    X_train: Any
    y_train: np.ndarray
    X_validation: Any
    y_validation: np.ndarray
    labels: np.ndarray


def holdout(
    y: np.ndarray, fraction: float, *, stratify: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows into training and validation, shuffled.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, targets)
        Labels or values.
    fraction : float
        Share of the rows that validate.
    stratify : bool
        Keep the shares of the classes where each has at least two rows; a class
        with a single row always trains.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    train, validation : ndarray of int
        Row numbers.

    Raises
    ------
    ValueError
        Where there are fewer than two rows.
    """
    n_rows = len(y)
    if n_rows < 2:
        raise ValueError(
            f"Expected at least 2 rows, one to train and one to validate; received "
            f"n_samples={n_rows}."
        )
    rows = np.arange(n_rows)
    if not stratify:
        return tuple(train_test_split(rows, test_size=fraction, random_state=seed))
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    single = counts[codes] < 2
    rest = rows[~single]
    n_validation = round(fraction * n_rows)
    n_classes = int((counts >= 2).sum())
    if not n_classes or min(n_validation, len(rest) - n_validation) < n_classes:
        return _split_few(rows, rest, n_validation, seed)
    train, validation = train_test_split(
        rest, test_size=n_validation, random_state=seed, stratify=codes[rest]
    )
    return np.concatenate([train, rows[single]]), validation


def _split_few(
    rows: np.ndarray, rest: np.ndarray, n_validation: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split where there are too few rows for one of each class on both sides."""
    candidates = rest if len(rest) else rows
    count = min(max(1, n_validation), len(rows) - 1, len(candidates))
    chosen = np.random.default_rng(seed).permutation(candidates)[:count]
    return np.setdiff1d(rows, chosen), chosen

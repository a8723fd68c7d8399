"""Which rows train and which validate."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    check_cv,
    train_test_split,
)

from skautonas.data.rows import Rows

Pair = tuple[np.ndarray, np.ndarray]


def cross_validation(
    cv: Any, rows: Rows, given: Rows, *, stratify: bool, seed: int
) -> list[Pair]:
    """Return the row numbers that train and those that validate, fold by fold.

    Parameters
    ----------
    cv : int, splitter or iterable
        As scikit-learn takes it, but that a number of folds is shuffled, so that
        sorted rows do no harm.
    rows : Rows
        Rows with targets, and groups where the splitter needs them.
    given : Rows
        All rows of the user, also those of weight zero: a splitter or an iterable
        numbers these.
    stratify : bool
        Keep the shares of the classes, where ``cv`` is a number.
    seed : int
        Seed of the shuffle, where ``cv`` is a number.

    Raises
    ------
    ValueError
        Where the rows cannot be split so.
    """
    if isinstance(cv, Integral):
        kind = StratifiedKFold if stratify else KFold
        pairs = _split(kind(int(cv), shuffle=True, random_state=seed), rows)
    else:
        pairs = [
            (rows.numbered(train, len(given)), rows.numbered(validation, len(given)))
            for train, validation in _split(cv, given)
        ]
    if not pairs:
        raise ValueError(
            f"Expected cv with at least one fold; received {cv!r}, which gives none. A "
            "generator serves one fit only: pass list(...) of it, or a splitter."
        )
    if any(len(train) == 0 or len(validation) == 0 for train, validation in pairs):
        raise ValueError(
            f"Expected folds with rows to train and to validate; received cv={cv!r}, "
            "which leaves one of them empty."
        )
    return pairs


def _split(cv: Any, rows: Rows) -> list[Pair]:
    # Splitters look at the number of rows only, never at what is in them.
    X = np.zeros((len(rows), 1))
    try:
        return list(check_cv(cv).split(X, rows.y, rows.groups))
    except ValueError as error:
        if rows.groups is None and "'groups'" in str(error):
            raise ValueError(
                f"Expected groups for cv={cv!r}; received none. Pass them, as in "
                "fit(X, y, groups=groups)."
            ) from error
        raise


def holdout(y: np.ndarray, fraction: float, *, stratify: bool, seed: int) -> Pair:
    """Split the rows into training and validation, shuffled.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, targets)
        Labels or values.
    fraction : float
        Share of the rows that validate; two at least where they are not stratified
        and there are three.
    stratify : bool
        Keep the shares of the classes: each class of two rows or more has one on
        either side where the validation rows are not fewer than such classes; a
        single row trains, unless all classes have a single row.
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
    # R2 of one row is not defined.
    least = 1 if stratify else 2
    n_validation = min(max(least, round(fraction * n_rows)), n_rows - 1)
    if not stratify:
        rows = np.arange(n_rows)
        return tuple(train_test_split(rows, test_size=n_validation, random_state=seed))
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    chosen = _rows_by_class(counts, n_validation, rng)
    order = rng.permutation(n_rows)
    sorted_rows = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(n_rows) - np.repeat(np.cumsum(counts) - counts, counts)
    validates = np.empty(n_rows, dtype=bool)
    validates[sorted_rows] = rank < np.repeat(chosen, counts)
    return order[~validates[order]], order[validates[order]]


def _rows_by_class(
    counts: np.ndarray, n_validation: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how many rows of each class validate: about its share of them.

    A class keeps a row to train, and where there is room has one to validate; only
    where each class has a single row do some of them validate untrained.
    """
    most = counts - 1 if counts.max() > 1 else counts
    n_validation = min(n_validation, most.sum())
    least = np.minimum(most, 1)
    if least.sum() > n_validation:
        least = np.zeros_like(counts)
    shares = n_validation * counts / counts.sum()
    chosen = np.clip(shares.astype(int), least, most)
    # Equal classes take turns at random.
    shares = shares + 1e-9 * rng.random(len(counts))
    while chosen.sum() < n_validation:
        lacking = np.where(chosen < most, shares - chosen, -np.inf)
        chosen[lacking.argmax()] += 1
    while chosen.sum() > n_validation:
        surplus = np.where(chosen > least, chosen - shares, -np.inf)
        chosen[surplus.argmax()] -= 1
    return chosen

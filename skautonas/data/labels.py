"""y as users bring it: checked, and told apart by what it holds."""

import datetime
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from skautonas.data.table_inputs import is_missing
from skautonas.data.targets import ClassTargets, LabelSetTargets

# What numpy would turn into floats all the same.
NO_VALUES = (
    np.datetime64,
    np.timedelta64,
    np.complexfloating,
    complex,
    datetime.date,
    datetime.timedelta,
)


def check_labels(y: Any) -> np.ndarray:
    """Return y as a 1-D array of labels in its own dtype, or as a 0/1 matrix.

    Raises
    ------
    ValueError
        Where y has gaps, mixes strings and numbers, or has several columns that are
        not all zeros and ones.
    """
    _refuse_none(y)
    if sparse.issparse(y):
        y = y.toarray()
    # numpy would turn a list such as [1, "a"] into strings.
    _refuse_sets(y)
    labels = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return _check_indicators(labels)
    labels = column_or_1d(labels, warn=True)
    if labels.dtype == object:
        _refuse_gaps(labels)
        labels = _in_one_dtype(labels)
    if labels.dtype.kind in "fM" and not np.isfinite(labels).all():
        raise ValueError("Input y contains NaN or infinity. Drop those rows.")
    return labels


def _refuse_sets(y: Any) -> None:
    """Raise where rows of a list are sets of labels of different sizes."""
    if not isinstance(y, list | tuple):
        return
    sizes = {len(row) for row in y if isinstance(row, list | tuple | set | frozenset)}
    if len(sizes) > 1 or any(isinstance(row, set | frozenset) for row in y):
        raise ValueError(
            "Expected one label a row, or a matrix of zeros and ones; received sets of "
            "labels. Pass sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
        )


def _check_indicators(y: np.ndarray) -> np.ndarray:
    """Return several columns of labels as zeros and ones, int8."""
    if y.dtype == object:
        _refuse_gaps(y)
    numeric = y.dtype.kind in "buif"
    if y.dtype == object:
        numeric = all(isinstance(value, Real | np.bool_) for value in y.flat)
    values = np.unique(y.astype(float if numeric else str))
    if not numeric or not np.isin(values, (0, 1)).all():
        mend = "For probabilities of classes pass y.argmax(axis=1)."
        if not numeric or (values % 1 == 0).all():
            mend = "Fit one classifier a column, e.g. with MultiOutputClassifier."
        raise ValueError(
            "Expected one label a row, or an indicator matrix of zeros and ones; "
            f"received y.shape={y.shape} with values such as {values[:3].tolist()}. "
            f"{mend}"
        )
    return y.astype("int8")


def fit_labels(y: np.ndarray) -> ClassTargets | LabelSetTargets:
    """Learn the classes of checked labels.

    Raises
    ------
    ValueError
        Where y holds continuous values, one-hot rows, or fewer than two classes.
    """
    if y.ndim == 1:
        return fit_classes(y)
    if (y.sum(axis=1) == 1).all():
        raise ValueError(
            "Expected one label a row; received one-hot rows, "
            f"y.shape={y.shape}. Pass y.argmax(axis=1)."
        )
    return LabelSetTargets(y.shape[1])


def fit_classes(y: np.ndarray) -> ClassTargets:
    """Learn the classes of one label a row."""
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}. Expected one class label a row (int, str or "
            "bool); for continuous targets use the regressor."
        )
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"Expected at least two classes; received 1 class: {classes.tolist()}."
        )
    return ClassTargets(classes)


def check_values(y: Any) -> np.ndarray:
    """Return y as a float64 array of shape (n,) or (n, targets).

    Raises
    ------
    ValueError
        Where y has another shape, or holds gaps or infinite values.
    """
    _refuse_none(y)
    values = np.asarray(y)
    if values.dtype == object:
        _refuse_gaps(values)
    kinds = (
        set(map(type, values.flat)) if values.dtype == object else {values.dtype.type}
    )
    if any(issubclass(kind, NO_VALUES) for kind in kinds):
        raise ValueError(_no_values(values))
    try:
        values = values.astype("float64")
    except (TypeError, ValueError) as error:
        raise ValueError(_no_values(values)) from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    if values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise ValueError(
            f"Expected y of shape (n,) or (n, targets); received y.shape={values.shape}"
            ". Pass one column a target."
        )
    if not np.isfinite(values).all():
        raise ValueError("Input y contains NaN or infinity. Drop those rows.")
    return values


def _no_values(y: np.ndarray) -> str:
    return (
        f"Expected y of numbers; received {y.dtype} such as {y.flat[0]!r}. For labels "
        "use the classifier; of dates and durations pass the days or seconds."
    )


def _refuse_none(y: Any) -> None:
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None."
        )


def _refuse_gaps(y: np.ndarray) -> None:
    if any(is_missing(value) for value in y.flat):
        raise ValueError("Input y contains NaN. Drop the rows without a target.")


def _in_one_dtype(labels: np.ndarray) -> np.ndarray:
    """Return labels of dtype object in the dtype that they share."""
    kinds = {(isinstance(v, str), isinstance(v, bool | np.bool_)) for v in labels}
    shared = np.array(labels.tolist()) if len(kinds) == 1 else labels
    if shared.dtype == object or shared.ndim > 1:
        names = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            "Expected labels of one type, all str, all int or all bool; received "
            f"{', '.join(names)}. Convert them, e.g. [str(label) for label in y]."
        )
    return shared

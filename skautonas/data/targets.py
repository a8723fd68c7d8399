"""y to what is trained on, and predictions back to the user's labels and unit."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from skautonas.data.facts import Task
from skautonas.data.table_columns import is_missing


@dataclass(frozen=True, slots=True)
class ClassTargets:
    """Labels as codes 0 to n_classes - 1.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted, in the dtype of the user.
    logits : bool, default=True
        Whether models put out logits; a user's own model puts out probabilities.
    """

    classes: np.ndarray
    logits: bool = True
    task: ClassVar[Task] = "classification"

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def encode(self, y: Any) -> np.ndarray:
        """Return int32 codes; refuse labels that were not in training."""
        y = np.asarray(y)
        codes = np.searchsorted(self.classes, y)
        codes = np.clip(codes, 0, len(self.classes) - 1)
        unknown = self.classes[codes] != y
        if unknown.any():
            raise ValueError(
                f"Expected labels of the training rows; received "
                f"{np.unique(y[unknown])[:5].tolist()} in y_val. Put a row of each "
                "class into the training data."
            )
        return codes.astype("int32")

    def predictions(self, raw: np.ndarray) -> np.ndarray:
        """Return probabilities (n, classes) in float64 from a model's outputs."""
        raw = np.asarray(raw, dtype="float64")
        if not self.logits:
            return self.probabilities(raw)
        raw = raw - raw.max(axis=-1, keepdims=True)
        exponents = np.exp(raw)
        probabilities = exponents / exponents.sum(axis=-1, keepdims=True)
        if probabilities.ndim == 3:
            probabilities = probabilities.mean(axis=1)
        return probabilities

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return float64 rows that sum to one; one sigmoid column becomes two."""
        outputs = np.asarray(outputs, dtype="float64").reshape(len(outputs), -1)
        if outputs.shape[1] == 1 and self.n_outputs == 2:
            return np.concatenate([1 - outputs, outputs], axis=1)
        if outputs.shape[1] != self.n_outputs:
            raise ValueError(
                f"Expected a model with {self.n_outputs} outputs, one a class; "
                f"received predictions of shape {outputs.shape}."
            )
        return outputs / outputs.sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class ValueTargets:
    """Regression targets, standardised for training.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_targets,)
        Of the training rows, in the unit of the target.
    flat : bool
        Whether y had one axis, so that predictions have one too.
    """

    mean: np.ndarray
    scale: np.ndarray
    flat: bool
    task: ClassVar[Task] = "regression"

    @classmethod
    def in_unit(cls, n_outputs: int, flat: bool) -> "ValueTargets":
        """Return targets that models predict as they are."""
        return cls(np.zeros(n_outputs), np.ones(n_outputs), flat)

    @property
    def n_outputs(self) -> int:
        """Number of target columns."""
        return len(self.mean)

    def encode(self, y: Any) -> np.ndarray:
        """Return standardised float32 targets of shape (n, targets)."""
        y = np.asarray(y, dtype="float64").reshape(len(y), -1)
        return ((y - self.mean) / self.scale).astype("float32")

    def predictions(self, raw: np.ndarray) -> np.ndarray:
        """Return values in the target's unit, (n,) or (n, targets)."""
        raw = np.asarray(raw, dtype="float64")
        if raw.ndim == 3:
            raw = raw.mean(axis=1)
        return self.values(raw * self.scale + self.mean)

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs in the target's unit as float64, in the shape of y."""
        outputs = np.asarray(outputs, dtype="float64").reshape(len(outputs), -1)
        return outputs[:, 0] if self.flat else outputs


Targets = ClassTargets | ValueTargets


def check_labels(y: Any) -> np.ndarray:
    """Return y as a 1-D array of labels, in its own dtype.

    Raises
    ------
    ValueError
        Where y is not one column, has gaps, or mixes strings and numbers.
    """
    _refuse_none(y)
    # numpy would turn a list such as [1, "a"] into strings.
    labels = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise ValueError(
            f"Expected one label a row; received y.shape={labels.shape}. "
            "For one-hot rows pass y.argmax(axis=1)."
        )
    labels = column_or_1d(labels, warn=True)
    if labels.dtype == object:
        _refuse_gaps(labels)
        labels = _in_one_dtype(labels)
    if labels.dtype.kind in "fM" and not np.isfinite(labels).all():
        raise ValueError("Input y contains NaN or infinity. Drop those rows.")
    return labels


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
    values = values.astype("float64")
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    if values.ndim not in (1, 2):
        raise ValueError(f"Expected y of shape (n,); received y.shape={values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("Input y contains NaN or infinity. Drop those rows.")
    return values


def fit_classes(y: np.ndarray) -> ClassTargets:
    """Learn the classes of checked labels.

    Raises
    ------
    ValueError
        Where y holds continuous values, or fewer than two classes.
    """
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}. Expected one class label a row (int, str or "
            "bool); for continuous targets use the regressor, for one-hot rows pass "
            "y.argmax(axis=1)."
        )
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"Expected at least two classes; received 1 class: {classes.tolist()}."
        )
    return ClassTargets(classes)


def fit_values(y: np.ndarray, rows: np.ndarray) -> ValueTargets:
    """Learn mean and scale of checked values from the training ``rows``."""
    chosen = y.reshape(len(y), -1)[rows]
    scale = chosen.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return ValueTargets(chosen.mean(axis=0), scale, flat=y.ndim == 1)


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

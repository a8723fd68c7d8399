"""y to what is trained on, and predictions back to the user's labels and unit."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from skautonas.data.facts import Task

# A label applies where its probability is larger.
DECISION = 0.5
# Of float32 and narrower floats.
ROUNDING = 1e-2


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
            refuse_other_than_probabilities(outputs)
            return np.concatenate([1 - outputs, outputs], axis=1)
        if outputs.shape[1] != self.n_outputs:
            raise ValueError(
                f"Expected a model with {self.n_outputs} outputs, one a class; "
                f"received predictions of shape {outputs.shape}."
            )
        refuse_other_than_probabilities(outputs)
        return outputs / outputs.sum(axis=1, keepdims=True)

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable labels."""
        return self.classes[probabilities.argmax(axis=1)]


@dataclass(frozen=True, slots=True)
class ValueTargets:
    """Regression targets, standardised for training.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_targets,)
        Of the training rows, in the unit of the target.
    flat : bool
        Whether y had one axis, so that predictions have one too.
    low, high : float or ndarray of shape (n_targets,)
        Bounds of what is predicted.
    """

    mean: np.ndarray
    scale: np.ndarray
    flat: bool
    low: Any = -np.inf
    high: Any = np.inf
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
        values = self.values(raw * self.scale + self.mean)
        return np.clip(values, *self.values(np.array([self.low, self.high])))

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs in the target's unit as float64, in the shape of y."""
        outputs = np.asarray(outputs, dtype="float64").reshape(len(outputs), -1)
        return outputs[:, 0] if self.flat else outputs


@dataclass(frozen=True, slots=True)
class LabelSetTargets:
    """Indicator rows: each of several labels applies or does not.

    Parameters
    ----------
    n_outputs : int
        Number of labels.
    logits : bool, default=True
        Whether models put out logits; a user's own model puts out probabilities.
    """

    n_outputs: int
    logits: bool = True
    task: ClassVar[Task] = "multilabel"

    @property
    def classes(self) -> np.ndarray:
        """Numbers of the labels, the columns of y."""
        return np.arange(self.n_outputs)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return float32 zeros and ones of shape (n, labels)."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"Expected y_val with the {self.n_outputs} columns of y; received "
                f"y_val.shape={y.shape}."
            )
        return y.astype("float32")

    def predictions(self, raw: np.ndarray) -> np.ndarray:
        """Return probabilities (n, labels) in float64 from a model's outputs."""
        raw = np.asarray(raw, dtype="float64")
        if not self.logits:
            return self.probabilities(raw)
        probabilities = expit(raw)
        return probabilities.mean(axis=1) if raw.ndim == 3 else probabilities

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return float64 probabilities of shape (n, labels)."""
        outputs = np.asarray(outputs, dtype="float64")
        if outputs.shape[1:] != (self.n_outputs,):
            raise ValueError(
                f"Expected a model with {self.n_outputs} outputs, one a label; "
                f"received predictions of shape {outputs.shape}."
            )
        refuse_other_than_probabilities(outputs)
        return outputs

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """Return zeros and ones of shape (n, labels)."""
        return (probabilities > DECISION).astype(int)


Targets = ClassTargets | LabelSetTargets | ValueTargets


def refuse_other_than_probabilities(outputs: np.ndarray) -> None:
    """Raise where a user's model puts out logits instead of probabilities."""
    low, high = outputs.min(), outputs.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            "Expected a model whose outputs are probabilities; received values from "
            f"{low:.3g} to {high:.3g}. End it with softmax (or sigmoid, for one output "
            "or a set of labels) and train it without from_logits."
        )


def fit_values(y: np.ndarray, weights: np.ndarray | None = None) -> ValueTargets:
    """Learn mean and scale of the checked values of the training rows."""
    columns = y.reshape(len(y), -1)
    mean = np.average(columns, axis=0, weights=weights)
    scale = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weights))
    # A constant column has no scale; its mean may be off by rounding.
    scale = np.where(np.ptp(columns, axis=0) > 0, scale, 1.0)
    low, high = columns.min(axis=0), columns.max(axis=0)
    return ValueTargets(mean, scale, y.ndim == 1, low, high)

"""The losses of our spaces' raw outputs.

They are `keras.losses.Loss` subclasses because Keras wraps function losses in a
squeeze that turns outputs of shape (n, k, 1) into a silent broadcast. They appear
in training only: an exported model is saved uncompiled.
"""

from typing import Any

import keras
from keras import ops


class CrossEntropy(keras.losses.Loss):
    """Cross-entropy of integer labels with logits, averaged over packed members.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    label_smoothing : float, default=0.0
        Probability mass moved from the true class to all classes.
    """

    def __init__(self, n_classes: int, label_smoothing: float = 0.0) -> None:
        super().__init__(name="cross_entropy")
        self.n_classes = n_classes
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row: labels (n,), logits (n, c) or (n, k, c)."""
        labels = ops.one_hot(ops.cast(y_true, "int32"), self.n_classes)
        labels = labels * (1 - self.label_smoothing)
        labels = labels + self.label_smoothing / self.n_classes
        if len(y_pred.shape) == 3:
            labels = labels[:, None, :]
        losses = -ops.sum(labels * ops.log_softmax(y_pred, axis=-1), axis=-1)
        return losses if len(losses.shape) == 1 else ops.mean(losses, axis=1)


class BinaryCrossEntropy(keras.losses.Loss):
    """Cross-entropy of zeros and ones with logits, averaged over packed members.

    The sum over the labels, so that learning rates serve any number of them.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Probability mass moved from a label to both sides.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(name="binary_cross_entropy")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row: labels (n, l), logits (n, l) or (n, k, l)."""
        labels = y_true * (1 - self.label_smoothing) + self.label_smoothing / 2
        if len(y_pred.shape) == 3:
            labels = labels[:, None, :]
        losses = ops.sum(ops.softplus(y_pred) - labels * y_pred, axis=-1)
        return losses if len(losses.shape) == 1 else ops.mean(losses, axis=1)


class SquaredError(keras.losses.Loss):
    """Mean squared error of standardised targets, averaged over packed members."""

    def __init__(self) -> None:
        super().__init__(name="squared_error")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row: targets (n, t), outputs (n, t) or (n, k, t)."""
        if len(y_pred.shape) == 3:
            y_true = y_true[:, None, :]
        losses = ops.square(y_true - y_pred)
        return ops.mean(losses, axis=tuple(range(1, len(losses.shape))))

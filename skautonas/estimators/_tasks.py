"""What y means: labels in classification, values in regression."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from skautonas.data.targets import (
    ClassTargets,
    ValueTargets,
    check_labels,
    check_values,
    fit_classes,
    fit_values,
)


class SearchClassifierMixin(ClassifierMixin):
    """What y means in classification."""

    _default_scoring = "accuracy"
    space: Any

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,)
            Labels, in the dtype of the training labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes, in the order of the columns of probabilities."""
        return self._targets.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        outputs = self._outputs(X)
        return self._targets.probabilities(outputs)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_labels(y)

    def _fit_targets(self, y: np.ndarray, train: np.ndarray) -> ClassTargets:
        targets = fit_classes(y)
        own = is_own_space(self.space)
        return targets if own else ClassTargets(targets.classes, logits=False)


class SearchRegressorMixin(RegressorMixin):
    """What y means in regression."""

    _default_scoring = "r2"
    space: Any

    def predict(self, X: Any) -> np.ndarray:
        """Predict values.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
            Values in the unit of the training targets.
        """
        outputs = self._outputs(X)
        return self._targets.values(outputs)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_values(y)

    def _fit_targets(self, y: np.ndarray, train: np.ndarray) -> ValueTargets:
        targets = fit_values(y, train)
        if is_own_space(self.space):
            return targets
        return ValueTargets.in_unit(targets.n_outputs, targets.flat)


def is_own_space(space: Any) -> bool:
    """Tell whether a space is one of ours, whose models put out raw outputs."""
    if isinstance(space, str):
        return True
    from skautonas.space.base import SearchSpace

    return isinstance(space, SearchSpace)

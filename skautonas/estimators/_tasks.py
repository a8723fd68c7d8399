"""What y means: labels in classification, values in regression."""

import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight

from skautonas._compat import StrOptions
from skautonas.data.labels import check_labels, check_values, fit_labels
from skautonas.data.rows import Rows
from skautonas.data.targets import (
    ClassTargets,
    LabelSetTargets,
    ValueTargets,
    fit_values,
)
from skautonas.estimation.scoring import allowed_low
from skautonas.estimators._base import BaseSearch
from skautonas.estimators._study import is_own_space


class SearchClassifierMixin(ClassifierMixin, BaseSearch):
    """What y means in classification."""

    _default_scoring = "accuracy"
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearch._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        *,
        space: Any = "auto",
        strategy: Any = "auto",
        max_trials: int | None = None,
        time_budget: float | None = 60.0,
        max_epochs: int | None = None,
        scoring: str | Callable | None = None,
        cv: Any = None,
        validation_fraction: float = 0.2,
        class_weight: dict | str | None = None,
        ensemble_size: int = 1,
        refit: bool = True,
        pruner: str | None = None,
        trial_timeout: float | None = None,
        directory: str | os.PathLike | None = None,
        overwrite: bool = False,
        executor: Executor | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            space=space,
            strategy=strategy,
            max_trials=max_trials,
            time_budget=time_budget,
            max_epochs=max_epochs,
            scoring=scoring,
            cv=cv,
            validation_fraction=validation_fraction,
            ensemble_size=ensemble_size,
            refit=refit,
            pruner=pruner,
            trial_timeout=trial_timeout,
            directory=directory,
            overwrite=overwrite,
            executor=executor,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,) or (n, labels)
            Labels, in the dtype of the training labels; zeros and ones where y was an
            indicator matrix.
        """
        probabilities = self.predict_proba(X)
        return self._targets.labels(probabilities)

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes, in the order of the columns of probabilities.

        Column numbers where y was an indicator matrix.
        """
        targets = getattr(self, "_targets", None)
        if targets is None:
            raise AttributeError(f"{type(self).__name__} has no classes_ before fit.")
        return targets.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Columns in the order of ``classes_``. Rows sum to one, unless y was an
            indicator matrix: then each column is the probability that its label
            applies.
        """
        outputs = self._outputs(X)
        return self._targets.probabilities(outputs)

    # The objective, before what scikit-learn's mixin brings.
    score = BaseSearch.score

    def _check_y(self, y: Any) -> np.ndarray:
        return check_labels(y)

    def _weigh(self, rows: Rows, validation: Rows | None) -> tuple[Rows, Rows | None]:
        """Multiply the weights by those of the classes."""
        if self.class_weight is None:
            return rows, validation
        targets = fit_labels(rows.y)
        if isinstance(targets, LabelSetTargets):
            raise ValueError(
                f"Expected class_weight=None with an indicator matrix; received "
                f"{self.class_weight!r}. Weigh rows with sample_weight."
            )
        classes = targets.classes
        factors = compute_class_weight(
            self.class_weight, classes=classes, y=rows.y, sample_weight=rows.weights
        )
        refuse_bad_class_weights(classes, factors)

        def weighted(rows: Rows) -> Rows:
            return rows.weighted(factors[targets.encode(rows.y)])

        return weighted(rows), None if validation is None else weighted(validation)

    def _fit_targets(
        self, y: np.ndarray, train: Rows
    ) -> ClassTargets | LabelSetTargets:
        return replace(fit_labels(y), logits=is_own_space(self.space))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class SearchRegressorMixin(RegressorMixin, BaseSearch):
    """What y means in regression."""

    _default_scoring = "r2"

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

    # The objective, before what scikit-learn's mixin brings.
    score = BaseSearch.score

    def _check_y(self, y: Any) -> np.ndarray:
        return check_values(y)

    def _fit_targets(self, y: np.ndarray, train: Rows) -> ValueTargets:
        targets = fit_values(train.y, train.weights)
        if is_own_space(self.space):
            low = allowed_low(self.scorer_, targets, train.y)
            return replace(targets, low=low)
        return ValueTargets.in_unit(targets.n_outputs, targets.flat)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def refuse_bad_class_weights(classes: np.ndarray, factors: np.ndarray) -> None:
    """Raise where a class has a negative weight, or none has a positive one."""
    if not np.isfinite(factors).all() or (factors < 0).any() or not factors.any():
        received = dict(zip(classes.tolist(), factors.tolist(), strict=True))
        raise ValueError(
            "Expected class_weight with numbers from 0 on, one of them positive; "
            f"received {received}. A class that is left out has weight 1."
        )

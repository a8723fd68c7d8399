"""Search over models for tables."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from skautonas.data.encoder import Encoder
from skautonas.data.tables import TableEncoder
from skautonas.estimators._base import BaseSearch
from skautonas.estimators._docs import document
from skautonas.estimators._tasks import SearchClassifierMixin, SearchRegressorMixin


class _TabularSearch(BaseSearch):
    """Dataframes and 2-D arrays: numbers, booleans, dates, strings, gaps."""

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if isinstance(X, list | tuple):
            # numpy would turn the numbers of mixed rows into strings.
            X = np.asarray(X, dtype=object)
        if not hasattr(X, "columns"):
            X = check_array(
                X,
                dtype=None,
                ensure_all_finite="allow-nan",
                estimator=self,
                input_name="X",
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _make_encoder(self) -> Encoder:
        return TableEncoder()

    def _default_space(self) -> Any:
        from skautonas.space.tabular import TabularSpace

        return TabularSpace()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


@document
class TabularSearchClassifier(SearchClassifierMixin, _TabularSearch):
    """Search a neural classifier for a table.

    X is a dataframe or an array of shape (n, columns): numbers, booleans, dates,
    durations and strings, with gaps; y holds one label a row.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The labels.

    Examples
    --------
    >>> from skautonas import TabularSearchClassifier
    >>> TabularSearchClassifier(time_budget=30)
    TabularSearchClassifier(time_budget=30)
    """


@document
class TabularSearchRegressor(SearchRegressorMixin, _TabularSearch):
    """Search a neural regressor for a table.

    X is a dataframe or an array of shape (n, columns): numbers, booleans, dates,
    durations and strings, with gaps; y holds numbers, one or more a row.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> from skautonas import TabularSearchRegressor
    >>> TabularSearchRegressor(max_trials=8, time_budget=None)
    TabularSearchRegressor(max_trials=8, time_budget=None)
    """

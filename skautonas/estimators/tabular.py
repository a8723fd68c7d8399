"""Search over models for tables."""

from collections import Counter
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from skautonas.data.encoder import Encoder
from skautonas.data.table_columns import read_schema
from skautonas.data.tables import TableEncoder
from skautonas.estimators._base import BaseSearch
from skautonas.estimators._docs import document
from skautonas.estimators._tasks import SearchClassifierMixin, SearchRegressorMixin

# Largest table that a sparse matrix is turned into: 400 MB of float32.
MAX_DENSE_CELLS = 100_000_000


class _TabularSearch(BaseSearch):
    """Dataframes and 2-D arrays of numbers, dates, categories and texts, with gaps."""

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if sparse.issparse(X):
            X = densified(X)
        if isinstance(X, list | tuple):
            # numpy would turn the numbers of mixed rows into strings.
            X = np.asarray(X, dtype=object)
        if hasattr(X, "columns"):
            is_arrow = nw.dependencies.is_pyarrow_table(X)  # its columns are arrays
            refuse_equal_names(X.column_names if is_arrow else X.columns)
            if not reset:
                X = in_fitted_order(X, getattr(self, "feature_names_in_", None))
        else:
            X = check_array(
                X,
                dtype=None,
                ensure_all_finite="allow-nan",
                estimator=self,
                input_name="X",
            )
        if len(X) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 "
                "is required."
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _make_encoder(self, X: Any) -> Encoder:
        # All folds agree on the kinds of the columns, or a configuration would not fit.
        return TableEncoder(read_schema(X))

    def _default_space(self) -> Any:
        from skautonas.space.tabular import TabularSpace

        return TabularSpace()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags


def densified(X: Any) -> np.ndarray:
    """Return a sparse matrix as a dense float32 array.

    Raises
    ------
    ValueError
        Where it would have more than ``MAX_DENSE_CELLS`` cells.
    """
    if X.shape[0] * X.shape[1] > MAX_DENSE_CELLS:
        raise ValueError(
            f"Expected a sparse matrix of at most {MAX_DENSE_CELLS:,} cells, as it is "
            f"made dense; received X.shape={X.shape}. Reduce its columns first, e.g. "
            "with sklearn.decomposition.TruncatedSVD(100), or pass raw texts to a text "
            "estimator."
        )
    if X.dtype.kind not in "fiub":
        return X.toarray()
    return X.astype("float32").toarray()


def refuse_equal_names(names: Any) -> None:
    """Raise where two columns have one name."""
    counts = Counter(names)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"Expected columns of distinct names; received {twice[:5]} more than once. "
            "Rename or drop them."
        )


def in_fitted_order(X: Any, names: np.ndarray | None) -> Any:
    """Return a dataframe with its columns in the order of the fit, where it has them.

    scikit-learn's own check then names those that are missing or new.
    """
    frame = nw.from_native(X, eager_only=True)
    if names is None or set(names) != set(frame.columns):
        return X
    return frame.select(*names).to_native()


@document
class TabularSearchClassifier(SearchClassifierMixin, _TabularSearch):
    """Search a neural classifier for a table.

    X is a dataframe or an array of shape (n, columns): numbers, booleans, dates,
    durations, categories and free text, with gaps; y holds one label a row, or zeros
    and ones of a set of labels.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only where all are strings.
    classes_ : ndarray of shape (n_classes,)
        The labels.

    Examples
    --------
    >>> from skautonas import TabularSearchClassifier
    >>> TabularSearchClassifier(time_budget=30)
    TabularSearchClassifier(time_budget=30)
    """

    # Trials of tables are short; counts of hits scatter more than errors of values.
    _few_rows = 1000


@document
class TabularSearchRegressor(SearchRegressorMixin, _TabularSearch):
    """Search a neural regressor for a table.

    X is a dataframe or an array of shape (n, columns): numbers, booleans, dates,
    durations, categories and free text, with gaps; y holds numbers, one or more a
    row.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only where all are strings.

    Examples
    --------
    >>> from skautonas import TabularSearchRegressor
    >>> TabularSearchRegressor(max_trials=8, time_budget=None)
    TabularSearchRegressor(max_trials=8, time_budget=None)
    """

    # Of concrete's 824 rows, more trials on one split were better (docs/design/0005).
    _few_rows = 500

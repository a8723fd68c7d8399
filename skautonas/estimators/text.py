"""Search over models for texts."""

from typing import Any

import numpy as np

from skautonas.data.bags import are_short, least_documents
from skautonas.data.encoder import Encoder
from skautonas.data.texts import TextEncoder, to_inputs
from skautonas.estimators._base import BaseSearch
from skautonas.estimators._docs import document
from skautonas.estimators._tasks import SearchClassifierMixin, SearchRegressorMixin


class _TextSearch(BaseSearch):
    """Lists, arrays and Series of str."""

    def _check_X(self, X: Any, *, reset: bool) -> np.ndarray:
        return to_inputs(X)["text"]

    def _make_encoder(self, X: Any) -> Encoder:
        # Once for all folds, which must agree.
        return TextEncoder(are_short(X), least_documents(len(X)))

    def _default_space(self) -> Any:
        from skautonas.space.text import TextSpace

        return TextSpace()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags


@document
class TextSearchClassifier(SearchClassifierMixin, _TextSearch):
    """Search a neural classifier for texts.

    X is a list, array or Series of str; y holds one label a text, or zeros
    and ones of a set of labels.

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
    >>> from skautonas import TextSearchClassifier
    >>> TextSearchClassifier(scoring="f1_macro")
    TextSearchClassifier(scoring='f1_macro')
    """


@document
class TextSearchRegressor(SearchRegressorMixin, _TextSearch):
    """Search a neural regressor for texts.

    X is a list, array or Series of str; y holds numbers, one or more a text.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> from skautonas import TextSearchRegressor
    >>> TextSearchRegressor(random_state=0)
    TextSearchRegressor(random_state=0)
    """

"""Encoders of n-grams: a linear model and a perceptron on tf-idf."""

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import layers, ops

from skautonas.space import text_layers as functions
from skautonas.space.chooser import Chooser
from skautonas.space.text_blocks import dense_head, offered_sizes

if TYPE_CHECKING:
    from skautonas.space.text import TextSpace

# tf-idf rows have unit length, so that a linear model needs coefficients of ten and
# more, out of reach at the learning rates of the other encoders. Scaling the input
# is the same as scaling the learning rate of this one table, by the same factor.
LINEAR_SCALE = 10.0
MLP_SCALE = 3.0
LOG_RATIOS = "log_ratios"


def ngrams(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Sum the embeddings of a text's n-grams, weighted by tf-idf [1]_.

    The linear head is multinomial logistic regression, or ridge, on tf-idf; it is
    one table of coefficients, of which a step looks up the rows it needs. The other
    is the n-gram MLP of Google's guide to text classification. With log ratios, the
    tf-idf of an n-gram counts by what it tells of the class, as in [2]_.

    References
    ----------
    .. [1] Joulin, Grave, Bojanowski and Mikolov (2017), Bag of tricks for efficient
       text classification.
    .. [2] Wang and Manning (2012), Baselines and bigrams: simple, good sentiment and
       topic classification.
    """
    sizes = offered_sizes(space.ngram_vocabulary_sizes, space.facts.n_ngrams)
    size = choose.value("ngrams/vocabulary", sizes, sizes[-1])
    ids = choose.call(itemgetter("ngrams"), inputs)
    size = min(size, space.facts.n_ngrams)
    ids = choose.call(partial(functions.truncate, size=size), ids)
    weights = choose.call(itemgetter("weights"), inputs)
    weights = choose.call(functions.drop_unknown, weights, ids)
    if space.facts.task == "classification":
        kinds = {"tf_idf": _as_is, LOG_RATIOS: _by_log_ratios}
        weigh = choose.one("ngrams/weighting", kinds, "tf_idf")
        weights = weigh(choose, ids, weights, size=size)
    rate = choose.value("ngrams/dropout", space.dropout_rates, 0.2)
    weights = choose.layer(layers.Dropout, weights, rate=rate)
    head = choose.one("ngrams/head", {"linear": _linear, "mlp": _mlp}, "linear")
    return head(choose, ids, weights, space=space, size=size)


def _as_is(choose: Chooser, ids: Any, weights: Any, size: int) -> Any:
    return weights


def _by_log_ratios(choose: Chooser, ids: Any, weights: Any, size: int) -> Any:
    spread = choose.layer(
        layers.Embedding,
        ids,
        input_dim=size,
        output_dim=1,
        embeddings_initializer="ones",
        trainable=False,
        name=LOG_RATIOS,
    )
    return choose.call(functions.reweight, weights, spread)


def spread_of_log_ratios(ids: Any, weights: Any, labels: Any, size: int) -> np.ndarray:
    """Return how unevenly each n-gram occurs in the classes.

    Parameters
    ----------
    ids : ndarray of int, shape (n, K)
        Ids of the n-grams of each text.
    weights : ndarray of float, shape (n, K)
        Positive where an id counts.
    labels : ndarray of int, shape (n,)
        Class of each text.
    size : int
        Ids from here on are unknown.

    Returns
    -------
    ndarray of float32, shape (size, 1)
        Standard deviation, over the classes, of the log of the n-gram's share in the
        texts of a class.
    """
    counted = (weights > 0) & (ids < size)
    counts = []
    for label in np.unique(labels):
        rows = labels == label
        counts.append(1 + np.bincount(ids[rows][counted[rows]], minlength=size))
    logs = [np.log(count / count.sum()) for count in counts]
    return np.std(logs, axis=0, dtype=np.float32)[:, None]


def _linear(
    choose: Chooser, ids: Any, weights: Any, space: "TextSpace", size: int
) -> Any:
    x = choose.layer(
        layers.Embedding,
        ids,
        input_dim=size,
        output_dim=space.facts.n_outputs,
        embeddings_initializer="zeros",
        name="coefficients",
    )
    x = choose.call(partial(functions.weighted_sum, scale=LINEAR_SCALE), x, weights)
    # Keras has no layer that only adds a bias: a table of one row does it.
    one = choose.call(functions.zero_ids, ids)
    bias = choose.layer(
        layers.Embedding,
        one,
        input_dim=1,
        output_dim=space.facts.n_outputs,
        embeddings_initializer="zeros",
        name="bias",
    )
    return choose.call(ops.add, x, bias)


def _mlp(choose: Chooser, ids: Any, weights: Any, space: "TextSpace", size: int) -> Any:
    width = choose.value("ngrams/width", space.embedding_widths, 64)
    x = choose.layer(layers.Embedding, ids, input_dim=size, output_dim=width)
    x = choose.call(partial(functions.weighted_sum, scale=MLP_SCALE), x, weights)
    return dense_head(choose, x, space, "ngrams", default_layers=1)

"""Encoders of n-grams: a linear model and a perceptron on tf-idf."""

import math
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class BagInput:
    """A bag as a model reads it: ids from ``size`` on are unknown."""

    name: str
    ids: Any
    weights: Any
    size: int


def ngrams(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Sum the embeddings of a text's n-grams, weighted by tf-idf [1]_.

    The linear head is multinomial logistic regression, or ridge, on tf-idf; it is
    one table of coefficients a bag, of which a step looks up the rows it needs. The
    other is the n-gram MLP of Google's guide to text classification. With log ratios,
    the tf-idf of an n-gram counts by what it tells of the class, as in [2]_.

    References
    ----------
    .. [1] Joulin, Grave, Bojanowski and Mikolov (2017), Bag of tricks for efficient
       text classification.
    .. [2] Wang and Manning (2012), Baselines and bigrams: simple, good sentiment and
       topic classification.
    """
    bags = read_bags(choose, inputs, space, "ngrams")
    if space.facts.task == "classification":
        kinds = {"tf_idf": _as_they_are, LOG_RATIOS: _by_log_ratios}
        weigh = choose.one("ngrams/weighting", kinds, "tf_idf")
        bags = weigh(choose, bags) or bags  # nothing, where a space is declared
    bags = drop_ngrams(choose, bags, space, "ngrams")
    head = choose.one("ngrams/head", {"linear": _linear, "mlp": _mlp}, "linear")
    return head(choose, bags, space=space)


def read_bags(
    choose: Chooser, inputs: Any, space: "TextSpace", prefix: str
) -> list[BagInput]:
    """Return the bag of words, and that of characters where there is one."""
    known = space.facts.bags
    sizes = offered_sizes(space.ngram_vocabulary_sizes, known["ngrams"])
    read = {"ngrams": choose.value(f"{prefix}/vocabulary", sizes, sizes[-1])}
    has_characters = "characters" in known
    if has_characters and choose.value(f"{prefix}/characters", (True, False), True):
        read["characters"] = known["characters"]
    bags = []
    for name, most in read.items():
        size = min(most, known[name])
        ids = choose.call(itemgetter(name), inputs)
        ids = choose.call(partial(functions.truncate, size=size), ids)
        weights = choose.call(itemgetter(f"{name}_weights"), inputs)
        weights = choose.call(functions.drop_unknown, weights, ids)
        bags.append(BagInput(name, ids, weights, size))
    return bags


def drop_ngrams(
    choose: Chooser, bags: list[BagInput], space: "TextSpace", prefix: str
) -> list[BagInput]:
    """Leave out n-grams at random in training."""
    rate = choose.value(f"{prefix}/dropout", space.dropout_rates, 0.2)
    return [
        replace(bag, weights=choose.layer(layers.Dropout, bag.weights, rate=rate))
        for bag in bags
    ]


def _as_they_are(choose: Chooser, bags: list[BagInput]) -> list[BagInput]:
    return bags


def _by_log_ratios(choose: Chooser, bags: list[BagInput]) -> list[BagInput]:
    weighed = []
    for bag in bags:
        spread = choose.layer(
            layers.Embedding,
            bag.ids,
            input_dim=bag.size,
            output_dim=1,
            embeddings_initializer="ones",
            trainable=False,
            name=f"{LOG_RATIOS}_{bag.name}",
        )
        weights = choose.call(functions.reweight, bag.weights, spread)
        weighed.append(replace(bag, weights=weights))
    return weighed


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


def _linear(choose: Chooser, bags: list[BagInput], space: "TextSpace") -> Any:
    n_outputs = space.facts.n_outputs
    x = sum_bags(choose, bags, n_outputs, LINEAR_SCALE, embeddings_initializer="zeros")
    return add_bias(choose, x, bags[0].ids, n_outputs)


def add_bias(choose: Chooser, x: Any, ids: Any, n_outputs: int) -> Any:
    """Add a bias that starts at zero, to rows that have any ``ids``.

    Keras has no layer that does only this: a table of one row does it.
    """
    one = choose.call(functions.zero_ids, ids)
    bias = choose.layer(
        layers.Embedding,
        one,
        input_dim=1,
        output_dim=n_outputs,
        embeddings_initializer="zeros",
        name="bias",
    )
    return choose.call(ops.add, x, bias)


def _mlp(choose: Chooser, bags: list[BagInput], space: "TextSpace") -> Any:
    width = choose.value("ngrams/width", space.embedding_widths, 64)
    x = sum_bags(choose, bags, width, MLP_SCALE)
    return dense_head(choose, x, space, "ngrams", default_layers=1)


def sum_bags(
    choose: Chooser, bags: list[BagInput], width: int, scale: float, **options: Any
) -> Any:
    """Return the sum of the vectors of all n-grams of a text, times their weights.

    They are scaled so that bags of unit length have unit length together.
    """
    scale /= math.sqrt(len(bags))
    sums = []
    for bag in bags:
        vectors = choose.layer(
            layers.Embedding,
            bag.ids,
            input_dim=bag.size,
            output_dim=width,
            name=f"{bag.name}_vectors",
            **options,
        )
        weigh = partial(functions.weighted_sum, scale=scale)
        sums.append(choose.call(weigh, vectors, bag.weights))
    return sums[0] if len(sums) == 1 else choose.layer(layers.Add, sums)

"""Encoders of n-grams: a linear model and a perceptron on tf-idf."""

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

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


def ngrams(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Sum the embeddings of a text's n-grams, weighted by tf-idf [1]_.

    The linear head is multinomial logistic regression, or ridge, on tf-idf; it is
    one table of coefficients, of which a step looks up the rows it needs. The other
    is the n-gram MLP of Google's guide to text classification.

    References
    ----------
    .. [1] Joulin, Grave, Bojanowski and Mikolov (2017), Bag of tricks for efficient
       text classification.
    """
    sizes = offered_sizes(space.ngram_vocabulary_sizes, space.facts.n_ngrams)
    size = choose.value("ngrams/vocabulary", sizes, sizes[-1])
    ids = choose.call(itemgetter("ngrams"), inputs)
    ids = choose.call(partial(functions.truncate, size=size), ids)
    weights = choose.call(itemgetter("weights"), inputs)
    weights = choose.call(functions.drop_unknown, weights, ids)
    rate = choose.value("ngrams/dropout", space.dropout_rates, 0.2)
    weights = choose.layer(layers.Dropout, weights, rate=rate)
    head = choose.one("ngrams/head", {"linear": _linear, "mlp": _mlp}, "linear")
    return head(choose, ids, weights, space=space, size=min(size, space.facts.n_ngrams))


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

"""Encoders of words: convolutions, recurrent layers, attention."""

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from keras import layers, ops

from skautonas.space import text_layers as functions
from skautonas.space.chooser import Chooser

if TYPE_CHECKING:
    from skautonas.space.text import TextSpace

ACTIVATIONS = ("relu", "gelu", "silu")


def convolution(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Convolve over words, pool over the text."""
    x, mask = embed_words(choose, inputs, space, "convolution")
    kinds = {"parallel": _parallel, "stack": _stack}
    x = choose.one("convolution/kind", kinds, "parallel")(choose, x, mask, space=space)
    return dense_head(choose, x, space, "convolution", default_layers=0)


def _parallel(choose: Chooser, x: Any, mask: Any, space: "TextSpace") -> Any:
    return parallel(choose, x, mask, space, "convolution/parallel")


def parallel(
    choose: Chooser, x: Any, mask: Any, space: "TextSpace", prefix: str
) -> Any:
    """Kim (2014), Convolutional neural networks for sentence classification."""
    windows = choose.value(f"{prefix}/windows", space.windows, "2-3-4")
    filters = choose.value(f"{prefix}/filters", space.filters, 128)
    pool = choose_pooling(choose, prefix)
    pooled = []
    for window in windows.split("-"):
        y = _convolve(choose, layers.Conv1D, x, filters, int(window))
        pooled.append(choose.call(pool, y, mask))
    return choose.call(functions.concatenate, *pooled)


def _stack(choose: Chooser, x: Any, mask: Any, space: "TextSpace") -> Any:
    """Stack convolutions, as the sepCNN of Google's guide to text classification."""
    kinds = {"separable": layers.SeparableConv1D, "full": layers.Conv1D}
    kind = kinds[choose.value("convolution/stack/kind", list(kinds), "separable")]
    filters = choose.value("convolution/stack/filters", space.filters, 128)
    kernel = choose.value("convolution/stack/kernel", space.kernel_sizes, 3)
    pool = choose_pooling(choose, "convolution/stack")
    for _ in choose.repeat("convolution/stack/layer", 1, 3, 2):
        x = _convolve(choose, kind, x, filters, kernel)
        x = choose.call(functions.hide_padding, x, mask)
    return choose.call(pool, x, mask)


def _convolve(
    choose: Chooser, kind: type, x: Any, filters: int, kernel_size: int
) -> Any:
    return choose.layer(
        kind,
        x,
        filters=filters,
        kernel_size=kernel_size,
        padding="same",
        activation="relu",
    )


def recurrent(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Read the words in both directions, pool by attention.

    Padding enters as zero vectors instead of a mask: cuDNN's kernels refuse masks of
    texts without a word, and the loop without a mask is faster everywhere.
    """
    x, mask = embed_words(choose, inputs, space, "recurrent")
    cells = {"gru": layers.GRU, "lstm": layers.LSTM}
    cell = cells[choose.value("recurrent/cell", list(cells), "gru")]
    units = choose.value("recurrent/units", space.recurrent_units, 32)
    pool = choose.one(
        "recurrent/pooling",
        {"bahdanau": _bahdanau, "luong": _luong, "max": _max, "average": _average},
        "bahdanau",
    )
    for _ in choose.repeat("recurrent/layer", 1, 2, 1):
        x = choose.layer(bidirectional, x, cell=cell, units=units)
        x = choose.call(functions.hide_padding, x, mask)
    x = pool(choose, x, mask, units=2 * units)
    return dense_head(choose, x, space, "recurrent", default_layers=0)


def bidirectional(cell: type, units: int) -> layers.Layer:
    """Return a layer that reads a sequence forwards and backwards."""
    return layers.Bidirectional(cell(units, return_sequences=True))


def _bahdanau(choose: Chooser, x: Any, mask: Any, units: int) -> Any:
    """Additive scores v tanh(W h + b); Bahdanau, Cho and Bengio (2015)."""
    scores = choose.layer(layers.Dense, x, units=units, activation="tanh")
    scores = choose.layer(layers.Dense, scores, units=1, use_bias=False)
    return choose.call(functions.attention_pool, x, scores, mask)


def _luong(choose: Chooser, x: Any, mask: Any, units: int) -> Any:
    """Multiplicative scores q h, with a learned query q; Luong et al. (2015)."""
    scores = choose.layer(layers.Dense, x, units=1, use_bias=False)
    return choose.call(functions.attention_pool, x, scores, mask)


def _max(choose: Chooser, x: Any, mask: Any, units: int) -> Any:
    return choose.call(functions.max_pool, x, mask)


def _average(choose: Chooser, x: Any, mask: Any, units: int) -> Any:
    return choose.call(functions.average_pool, x, mask)


def transformer(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Attend among the words with pre-norm blocks; Xiong et al. (2020)."""
    x, mask = embed_words(choose, inputs, space, "transformer", positions=True)
    heads = choose.value("transformer/heads", space.heads, 2)
    units = choose.value("transformer/units", space.units, 128)
    rate = choose.value("transformer/block_dropout", space.dropout_rates, 0.2)
    for _ in choose.repeat("transformer/block", 1, 2, 1):
        y = choose.layer(layers.LayerNormalization, x, epsilon=1e-6)
        attend = partial(functions.attend, heads=heads, dropout=rate)
        y = choose.call(attend, y, mask)
        x = choose.call(ops.add, x, y)
        y = choose.layer(layers.LayerNormalization, x, epsilon=1e-6)
        y = choose.call(partial(functions.feed_forward, units=units, dropout=rate), y)
        x = choose.call(ops.add, x, y)
    x = choose.layer(layers.LayerNormalization, x, epsilon=1e-6)
    x = choose.call(functions.average_pool, x, mask)
    return dense_head(choose, x, space, "transformer", default_layers=0)


def embed_words(
    choose: Chooser,
    inputs: Any,
    space: "TextSpace",
    prefix: str,
    positions: bool = False,
) -> tuple[Any, Any]:
    """Return word vectors, zero at padding, and the mask of words."""
    sizes = offered_sizes(space.vocabulary_sizes, space.facts.n_words)
    size = choose.value(f"{prefix}/vocabulary", sizes, sizes[-1])
    lengths = space.lengths()
    length = choose.value(f"{prefix}/length", lengths, lengths[-1])
    width = choose.value(f"{prefix}/width", space.embedding_widths, 64)
    kinds = {"words": (None, length, 1), "channels": (None, 1, width)}
    kind = choose.value(f"{prefix}/word_dropout_kind", list(kinds), "channels")
    rate = choose.value(f"{prefix}/word_dropout", space.dropout_rates, 0.2)
    words = choose.call(itemgetter("words"), inputs)
    words = choose.call(partial(functions.truncate, size=size, length=length), words)
    mask = choose.call(functions.is_word, words)
    size = min(size, space.facts.n_words)
    x = choose.layer(layers.Embedding, words, input_dim=size, output_dim=width)
    if positions:
        places = choose.call(functions.positions, words)
        places = choose.layer(
            layers.Embedding, places, input_dim=length, output_dim=width
        )
        x = choose.call(ops.add, x, places)
    x = choose.layer(layers.Dropout, x, rate=rate, noise_shape=kinds[kind])
    return choose.call(functions.hide_padding, x, mask), mask


def dense_head(
    choose: Chooser, x: Any, space: "TextSpace", prefix: str, default_layers: int
) -> Any:
    """Dropout, dense layers, and the raw outputs."""
    rate = choose.value(f"{prefix}/head/dropout", space.dropout_rates, 0.2)
    x = choose.layer(layers.Dropout, x, rate=rate)
    for layer in choose.repeat(f"{prefix}/head/layer", 0, 2, default_layers):
        units = choose.value(f"{layer}/units", space.units, 64)
        activation = choose.value(f"{layer}/activation", ACTIVATIONS, "relu")
        rate = choose.value(f"{layer}/dropout", space.dropout_rates, 0.2)
        x = choose.layer(layers.Dense, x, units=units, activation=activation)
        x = choose.layer(layers.Dropout, x, rate=rate)
    return choose.layer(layers.Dense, x, units=space.facts.n_outputs, name="outputs")


def choose_pooling(choose: Chooser, prefix: str) -> Callable:
    """Choose how the vectors of a text become one."""
    kinds = {"max": functions.max_pool, "average": functions.average_pool}
    return kinds[choose.value(f"{prefix}/pooling", list(kinds), "max")]


def offered_sizes(sizes: tuple[int, ...], known: int) -> list[int]:
    """Return the sizes that make a difference: those below ``known``, and one more.

    Examples
    --------
    >>> offered_sizes((1_000, 2_000, 5_000), 1_500)
    [1000, 2000]
    """
    ordered = sorted(set(sizes))
    below = [size for size in ordered if size < known]
    return ordered[: len(below) + 1]

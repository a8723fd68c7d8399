"""Functions of Keras tensors for padded texts."""

from typing import Any

from keras import layers, ops

from skautonas.data.texts import PADDING, UNKNOWN

# Large enough to vanish in a softmax, small enough to add to any score in float32.
MINUS_INFINITY = -1e9


def truncate(ids: Any, size: int, length: int | None = None) -> Any:
    """Return the first ``length`` ids; those from ``size`` on become unknown."""
    return ops.where(ids[:, :length] < size, ids[:, :length], UNKNOWN)


def is_word(words: Any) -> Any:
    """Return a bool mask of shape (n, length, 1): False at padding."""
    return ops.expand_dims(ops.not_equal(words, PADDING), -1)


def hide_padding(x: Any, mask: Any) -> Any:
    """Return ``x`` with zeros at padding."""
    return ops.where(mask, x, 0.0)


def drop_unknown(weights: Any, ids: Any) -> Any:
    """Return the weights with zeros at padding and unknown ids."""
    return ops.where(ids > UNKNOWN, weights, 0.0)


def reweight(weights: Any, factors: Any) -> Any:
    """Return weights times factors of shape (n, K, 1), of unit length in each row."""
    return ops.normalize(weights * ops.squeeze(factors, -1), axis=1)


def weighted_sum(vectors: Any, weights: Any, scale: float) -> Any:
    """Return the weighted sum over axis 1, of shape (n, width), times ``scale``."""
    # The gradient of an einsum that says the same takes four times as long.
    total = ops.matmul(ops.expand_dims(weights, 1), vectors)
    return ops.squeeze(total, 1) * scale


def zero_ids(ids: Any) -> Any:
    """Return one id 0 per row."""
    return ops.zeros_like(ids[:, 0])


def positions(words: Any) -> Any:
    """Return 0, 1, 2, ... for the words of each row."""
    return ops.cumsum(ops.ones_like(words), axis=1) - 1


def max_pool(x: Any, mask: Any) -> Any:
    """Return the maximum over the words of a text; 0 for a text without words."""
    highest = ops.max(ops.where(mask, x, MINUS_INFINITY), axis=1)
    return ops.where(ops.any(mask, axis=1), highest, 0.0)


def average_pool(x: Any, mask: Any) -> Any:
    """Return the average over the words of a text; 0 for a text without words."""
    count = ops.sum(ops.cast(mask, x.dtype), axis=1)
    return ops.sum(hide_padding(x, mask), axis=1) / ops.maximum(count, 1.0)


def attention_pool(x: Any, scores: Any, mask: Any) -> Any:
    """Return the average over the words, weighted by the softmax of their scores.

    Without words the softmax is uniform, over vectors that are hidden: 0.
    """
    shares = ops.softmax(ops.where(mask, scores, MINUS_INFINITY), axis=1)
    return ops.sum(hide_padding(x, mask) * shares, axis=1)


def concatenate(*features: Any) -> Any:
    """Return the features of several encoders of a text side by side."""
    return features[0] if len(features) == 1 else ops.concatenate(features, axis=-1)


def attend(x: Any, mask: Any, heads: int, dropout: float) -> Any:
    """Return what the words of a text find in its other words.

    Padding is not attended to; the output at padding is meaningless but finite.
    """
    width = x.shape[-1]
    attention = layers.MultiHeadAttention(
        heads, max(width // heads, 1), dropout=dropout
    )
    keys = ops.squeeze(ops.expand_dims(mask, 1), -1)  # (n, 1, length)
    return layers.Dropout(dropout)(attention(x, x, attention_mask=keys))


def feed_forward(x: Any, units: int, dropout: float) -> Any:
    """Return two dense layers, applied at each word."""
    width = x.shape[-1]
    x = layers.Dense(units, activation="gelu")(x)
    return layers.Dropout(dropout)(layers.Dense(width)(x))

"""The preprocessing of tables as Keras models of standard layers."""

from typing import TYPE_CHECKING, Any

import numpy as np

from skautonas.data.table_scales import SMALLEST
from skautonas.data.text_layers import fill_bag

if TYPE_CHECKING:
    from skautonas.data.tables import TableEncoder

# Ids before the known levels: missing and unknown.
N_SPECIAL_IDS = 2
# Names that no level of a column has: Keras' own "[UNK]" could be one, and a vocabulary
# must not be empty.
UNKNOWN_LEVEL, UNUSED_LEVEL = "\x1aunknown", "\x1aunused"
# A category with at most this many levels becomes one-hot columns in the dense
# matrix; a larger one becomes its relative rank by frequency.
MAX_ONE_HOT = 32
# N-grams of a column of texts in the dense matrix.
MAX_DENSE_NGRAMS = 128
# Of the distance of a quantile from the median; the normal scores end at 3.1.
LARGEST_SHARE = 0.998
# Far beyond where the smooth clipping saturates; the square of more could overflow.
LARGEST_SCALED = 1e6


def encoded_table(encoder: "TableEncoder") -> Any:
    """Return the model from raw inputs to scaled numbers, ids and bags of n-grams."""
    import keras

    scales, levels, texts = encoder.scales_, encoder.levels_, encoder.texts_
    inputs: dict[str, Any] = {}
    encoded: dict[str, Any] = {}
    if len(scales.center):
        inputs["numeric"] = keras.Input((len(scales.center),), name="numeric")
        encoded |= _encode_numbers(inputs["numeric"], scales, encoder.missing_)
    if levels:
        inputs["categorical"] = keras.Input(
            (len(levels),), dtype="string", name="categorical"
        )
        encoded["categorical"] = _encode_categories(inputs["categorical"], levels)
    if texts:
        inputs["text"] = keras.Input((len(texts),), dtype="string", name="text")
        encoded |= _encode_texts(inputs["text"], texts)
    return keras.Model(inputs, encoded, name="preprocessing")


def dense_table(encoder: "TableEncoder") -> Any:
    """Return the model from raw inputs to one float matrix.

    A table of numbers without gaps keeps its columns, in order; then come one flag
    for each column with gaps, the categories, and the most frequent n-grams.
    """
    import keras
    from keras import layers, ops

    model = encoded_table(encoder)
    encoded = model.output
    parts = [encoded[name] for name in ("numeric", "missing") if name in encoded]
    for index, n_levels in enumerate(encoder.n_levels_):
        ids = encoded["categorical"][:, index]
        size = n_levels + N_SPECIAL_IDS
        if size <= MAX_ONE_HOT:
            parts.append(ops.one_hot(ids, size))
        else:
            rank = ops.cast(encoded["categorical"][:, index : index + 1], "float32")
            parts.append(rank / size)
    for index, bag in enumerate(encoder.texts_):
        ids, weights = fill_bag(model.input["text"][:, index], bag)
        # Special ids, and those beyond the width, become rows of zeros.
        width = min(bag.size - N_SPECIAL_IDS, MAX_DENSE_NGRAMS)
        chosen = ops.one_hot(ids - N_SPECIAL_IDS, width)
        parts.append(ops.einsum("nk,nkv->nv", weights, chosen))
    dense = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    return keras.Model(model.input, {"features": dense}, name="preprocessing")


def _encode_numbers(x: Any, scales: Any, missing: list[int]) -> dict[str, Any]:
    """Fill gaps, then scale robustly and to normal scores; flag the gaps."""
    from keras import ops

    gaps = ops.isnan(x)
    filled = ops.where(gaps, scales.filler.astype("float32"), x)
    scaled = (filled - scales.center.astype("float32")) * scales.factor.astype(
        "float32"
    )
    scaled = ops.clip(scaled, -LARGEST_SCALED, LARGEST_SCALED)
    # Smooth clipping of outliers to (-3, 3), as in RealMLP.
    clipped = scaled / ops.sqrt(1 + ops.square(scaled / 3))
    encoded = {"numeric": clipped, "quantile": _normal_scores(filled, scales)}
    if missing:
        flags = ops.take(ops.cast(gaps, "float32"), np.array(missing), axis=1)
        encoded["missing"] = flags
    return encoded


def _normal_scores(x: Any, scales: Any) -> Any:
    """Map each column to normal scores, linearly between its training quantiles."""
    from keras import ops

    low, high = scales.quantiles[:-1], scales.quantiles[1:]
    width = high - low
    steep = np.where(width > SMALLEST, width, np.inf)
    # Equal neighbours are a jump: half of it belongs to each side of the value.
    jump = (width <= SMALLEST).astype("float32")
    slope = (1 / steep).astype("float32")
    low = low.astype("float32")
    x = ops.expand_dims(x, 1)
    ramp = ops.clip((x - low) * slope, 0.0, 1.0)
    side = 0.5 * (ops.sign(x - low) + 1.0) * jump
    share = ops.mean(ramp * (1 - jump) + side, axis=1)
    share = ops.clip(2 * share - 1, -LARGEST_SHARE, LARGEST_SHARE)
    # Nothing was learnt of a column that had one value; another one tells nothing.
    varies = (scales.quantiles[-1] - scales.quantiles[0] > SMALLEST).astype("float32")
    return ops.erfinv(share) * (float(np.sqrt(2)) * varies)


def _encode_categories(x: Any, levels: list[list[str]]) -> Any:
    """Return ids: 0 missing, 1 unknown, then the levels."""
    from keras import layers, ops

    ids = []
    for index, known in enumerate(levels):
        lookup = layers.StringLookup(
            vocabulary=known or [UNUSED_LEVEL],
            mask_token="",
            oov_token=UNKNOWN_LEVEL,
            num_oov_indices=1,
        )
        ids.append(lookup(x[:, index : index + 1]))
    ids = layers.Concatenate()(ids) if len(ids) > 1 else ids[0]
    return ops.cast(ids, "int32")


def _encode_texts(x: Any, bags: list[Any]) -> dict[str, Any]:
    """Return one bag of n-grams a row; ids of later columns follow the earlier ones."""
    from keras import layers

    ids, weights, offset = [], [], 0
    for index, bag in enumerate(bags):
        of_column, weights_of_column = fill_bag(x[:, index], bag)
        ids.append(of_column + offset)
        weights.append(weights_of_column)
        offset += bag.size
    if len(bags) == 1:
        return {"ngrams": ids[0], "ngrams_weights": weights[0]}
    return {
        "ngrams": layers.Concatenate()(ids),
        "ngrams_weights": layers.Concatenate()(weights),
    }

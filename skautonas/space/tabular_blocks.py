"""What models for tables are made of."""

from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import initializers, layers, ops

from skautonas.space.chooser import Chooser
from skautonas.space.text_layers import weighted_sum
from skautonas.space.text_ngrams import MLP_SCALE, add_bias

if TYPE_CHECKING:
    from skautonas.space.tabular import TabularSpace

ACTIVATIONS = ("relu", "selu", "mish")
NORMALISATIONS = ("none", "batch", "layer")
DROPOUTS = (0.0, 0.1, 0.2, 0.4)
# Keras' 0.99 needs more steps than a short training has.
BATCH_MOMENTUM = 0.9
# Of a category's embedding: Keras' own 0.03 would enter a hundred times weaker than
# the numbers beside it, which have unit variance.
CATEGORY_SPREAD = 0.3
# Frequencies of a periodic embedding, and the width that it is reduced to:
# RealMLP's PBLD (Holzmüller et al. 2024).
N_FREQUENCIES = 16
PERIODIC_WIDTH = 3
LINEAR_WIDTHS = (4, 8)
FREQUENCY_SCALES = (0.05, 0.1, 0.3, 1.0)
# Pieces of a piecewise linear embedding, each with as many training rows, and the width
# of what they add up to (docs/design/0012).
N_PIECES = 16
PIECEWISE_WIDTHS = (2, 4, 8)
# Where normal scores end; numbers that are scaled robustly end before.
SCORES_END = 3.1


def no_embedding(choose: Chooser, x: Any, n_columns: int) -> Any:
    """Take the numbers as they are."""
    return x


def linear_embedding(choose: Chooser, x: Any, n_columns: int) -> Any:
    """Map each number to a vector of its own: linear, then ReLU."""
    width = choose.value("numeric/linear/width", LINEAR_WIDTHS, 8)
    x = choose.layer(
        layers.EinsumDense,
        x,
        equation="bp,pd->bpd",
        output_shape=(n_columns, width),
        bias_axes="pd",
        activation="relu",
        kernel_initializer=initializers.RandomNormal(stddev=1.0),
        bias_initializer=initializers.RandomNormal(stddev=1.0),
    )
    return choose.layer(layers.Flatten, x)


def periodic_embedding(choose: Chooser, x: Any, n_columns: int) -> Any:
    """Map each number to cosines of learned frequencies, and keep the number."""
    scale = choose.value("numeric/periodic/scale", FREQUENCY_SCALES, 0.1)
    waves = choose.layer(
        layers.EinsumDense,
        x,
        equation="bp,pk->bpk",
        output_shape=(n_columns, N_FREQUENCIES),
        bias_axes="pk",
        kernel_initializer=initializers.RandomNormal(stddev=2 * np.pi * scale),
        bias_initializer=initializers.RandomUniform(-np.pi, np.pi),
    )
    waves = choose.call(ops.cos, waves)
    waves = choose.layer(
        layers.EinsumDense,
        waves,
        equation="bpk,pkd->bpd",
        output_shape=(n_columns, PERIODIC_WIDTH),
        bias_axes="pd",
        kernel_initializer=initializers.RandomUniform(
            -(N_FREQUENCIES**-0.5), N_FREQUENCIES**-0.5
        ),
    )
    waves = choose.layer(layers.Flatten, waves)
    return choose.layer(layers.Concatenate, [x, waves])


def piecewise_embedding(choose: Chooser, x: Any, n_columns: int) -> Any:
    """Map each number to a vector that is linear between quantiles; keep the number.

    A linear map of the piecewise linear encoding (Gorishniy et al. 2022), with the
    quantiles of normal scores, that starts at zero.
    """
    width = choose.value("numeric/piecewise/width", PIECEWISE_WIDTHS, 4)
    bent = choose.layer(
        layers.EinsumDense,
        choose.call(piecewise_encoding, x),
        equation="bpk,pkd->bpd",
        output_shape=(n_columns, width),
        kernel_initializer="zeros",
    )
    bent = choose.layer(layers.Flatten, bent)
    return choose.layer(layers.Concatenate, [bent, x])


def piecewise_encoding(x: Any) -> Any:
    """Return how far each number is through each piece, of shape (n, columns, pieces).

    0 before the piece and 1 behind it.
    """
    edges = [-SCORES_END, *NormalDist().quantiles(N_PIECES), SCORES_END]
    low, high = (np.array(ends, "float32") for ends in (edges[:-1], edges[1:]))
    share = ops.multiply(ops.subtract(ops.expand_dims(x, -1), low), 1 / (high - low))
    return ops.clip(share, 0.0, 1.0)


def embed_categories(
    choose: Chooser, ids: Any, cardinalities: tuple[int, ...], width: int
) -> Any:
    """Look up a vector for each category, all columns in one table."""
    spread = initializers.RandomNormal(stddev=CATEGORY_SPREAD)
    x = _look_up(choose, ids, cardinalities, width, spread)
    return choose.layer(layers.Flatten, x)


def _look_up(
    choose: Chooser,
    ids: Any,
    cardinalities: tuple[int, ...],
    width: int,
    initializer: Any,
) -> Any:
    """Return the vectors of categories, (n, columns, width), from one table."""
    offsets = np.cumsum([0, *cardinalities[:-1]]).astype("int32")
    ids = choose.call(lambda ids: ops.add(ids, offsets), ids)
    return choose.layer(
        layers.Embedding,
        ids,
        input_dim=int(sum(cardinalities)),
        output_dim=width,
        embeddings_initializer=initializer,
    )


def embed_texts(
    choose: Chooser, ids: Any, weights: Any, n_ngrams: int, width: int
) -> Any:
    """Sum the vectors of all n-grams of a row, weighted by tf-idf.

    They start at zero: a random one would be a name by which to memorise the row.
    """
    x = choose.layer(
        layers.Embedding,
        ids,
        input_dim=n_ngrams,
        output_dim=width,
        embeddings_initializer="zeros",
    )
    return choose.call(partial(weighted_sum, scale=MLP_SCALE), x, weights)


def linear_model(choose: Chooser, inputs: dict[str, Any], space: "TabularSpace") -> Any:
    """Build a linear model; coefficients of numbers, categories, n-grams start at 0."""
    facts = space.facts
    parts = [
        choose.layer(
            layers.Dense,
            inputs.get(name),
            units=facts.n_outputs,
            kernel_initializer="zeros",
            use_bias=name == "numeric",
        )
        for name in ("numeric", "quantile", "missing")
        if name in facts.inputs
    ]
    if facts.cardinalities:
        ids = inputs.get("categorical")
        vectors = _look_up(choose, ids, facts.cardinalities, facts.n_outputs, "zeros")
        parts.append(choose.call(partial(ops.einsum, "ncw->nw"), vectors))
    if facts.n_ngrams:
        ids, weights = inputs.get("ngrams"), inputs.get("ngrams_weights")
        parts.append(embed_texts(choose, ids, weights, facts.n_ngrams, facts.n_outputs))
    x = parts[0] if len(parts) == 1 else choose.layer(layers.Add, parts)
    if not facts.n_numeric:
        ids = inputs.get("categorical", inputs.get("ngrams"))
        x = add_bias(choose, x, ids, facts.n_outputs)
    return x


def mlp(choose: Chooser, x: Any, space: "TabularSpace") -> Any:
    """Build dense layers and one head."""
    x = _hidden_layers(choose, x, space, "mlp")
    return choose.layer(layers.Dense, x, units=space.facts.n_outputs, name="head")


def residual_mlp(choose: Chooser, x: Any, space: "TabularSpace") -> Any:
    """Build pre-normalised residual blocks (ResNet of Gorishniy et al. 2021)."""
    width = choose.value("residual/units", space.units, 128)
    activation = choose.value("residual/activation", ACTIVATIONS, "relu")
    normalisation = choose.value("residual/normalisation", NORMALISATIONS, "batch")
    dropout = choose.value("residual/dropout", DROPOUTS, 0.1)
    x = choose.layer(layers.Dense, x, units=width)
    for _ in choose.repeat("residual/block", *space.layers, 2):
        y = normalise(choose, x, normalisation)
        y = choose.layer(layers.Dense, y, units=2 * width, activation=activation)
        y = choose.layer(layers.Dropout, y, rate=dropout)
        y = choose.layer(layers.Dense, y, units=width)
        x = choose.layer(layers.Add, [x, y])
    x = normalise(choose, x, normalisation)
    x = choose.layer(layers.Activation, x, activation=activation)
    return choose.layer(layers.Dense, x, units=space.facts.n_outputs, name="head")


def packed_ensemble(choose: Chooser, x: Any, space: "TabularSpace") -> Any:
    """Build TabM-mini: each member scales the features its own way.

    All members share the hidden layers; each has a head of its own. The loss is the
    mean over members, never the loss of their mean.
    """
    members = choose.value("packed/members", space.members, 8)
    n_outputs = space.facts.n_outputs
    n_features = None if x is None else x.shape[-1]
    x = choose.layer(
        layers.EinsumDense,
        x,
        equation="bi,ki->bki",
        output_shape=(members, n_features),
        kernel_initializer=initializers.RandomNormal(stddev=1.0),
    )
    x = _hidden_layers(choose, x, space, "packed")
    return choose.layer(
        layers.EinsumDense,
        x,
        equation="bki,kio->bko",
        output_shape=(members, n_outputs),
        bias_axes="ko",
        name="head",
    )


def _hidden_layers(choose: Chooser, x: Any, space: "TabularSpace", name: str) -> Any:
    activation = choose.value(f"{name}/activation", ACTIVATIONS, "relu")
    normalisation = choose.value(f"{name}/normalisation", NORMALISATIONS, "none")
    dropout = choose.value(f"{name}/dropout", DROPOUTS, 0.1)
    for layer in choose.repeat(f"{name}/layer", *space.layers, 2):
        units = choose.value(f"{layer}/units", space.units, 128)
        x = choose.layer(layers.Dense, x, units=units)
        x = normalise(choose, x, normalisation)
        x = choose.layer(layers.Activation, x, activation=activation)
        x = choose.layer(layers.Dropout, x, rate=dropout)
    return x


def normalise(choose: Chooser, x: Any, kind: str) -> Any:
    """Apply batch or layer normalisation, or none."""
    if kind == "batch":
        return choose.layer(layers.BatchNormalization, x, momentum=BATCH_MOMENTUM)
    if kind == "layer":
        return choose.layer(layers.LayerNormalization, x)
    return x

"""Layers of Keras computed by fewer passes over memory, for as long as they are traced.

Keras 3.15 composes normalisation, dropout and GELU of general operations, each of which
reads and writes a whole map, and which took more of a training step than convolutions
(docs/design/0007). The model stays Keras' own; what is traced here
gives the same up to rounding, and dropout other random numbers.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf

# A dropout rate is rounded to this many levels: half of a random number of 32 bits.
LEVELS = 2**16
# TensorFlow's number of the generator that it has on every device.
PHILOX = 1


@contextmanager
def fused_layers(model: keras.Model) -> Iterator[None]:
    """Have the model's layers called by the faster functions within the block.

    A layer of a subclass, of another precision, or with options that are not covered
    here, is called as ever; so are those inside of other layers, such as the cells of
    a `keras.layers.RNN`.

    Parameters
    ----------
    model : keras.Model
        Its layers, and those of models in it, are as before after the block.
    """
    layers = {id(layer): layer for layer in _all_layers(model) if _is_float32(layer)}
    with ExitStack() as undo:
        for layer in layers.values():
            if type(layer) in CALLS and "call" not in vars(layer):
                layer.call = partial(CALLS[type(layer)], layer)
                undo.callback(delattr, layer, "call")  # back to that of the class
            elif (
                type(layer) in ACTIVATED and layer.activation is keras.activations.gelu
            ):
                layer.activation = gelu
                undo.callback(setattr, layer, "activation", keras.activations.gelu)
        yield


def _all_layers(model: keras.Model) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
        else:
            yield layer


def _is_float32(layer: Any) -> bool:
    return layer.compute_dtype == layer.variable_dtype == "float32"


def normalise_batch(
    layer: Any, inputs: Any, training: bool | None = None, mask: Any = None
) -> Any:
    """Call a `keras.layers.BatchNormalization` of maps by TensorFlow's one operation.

    For vectors it takes longer to start than it saves.
    """
    rank = inputs.shape.rank
    usual = layer.axis in (-1, rank - 1) and not (layer.synchronized or layer.renorm)
    usual = usual and rank > 2 and mask is None and inputs.dtype == tf.float32
    if not (training and layer.trainable and usual):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    channels = inputs.shape[-1]
    x = inputs if rank == 4 else tf.reshape(inputs, [-1, 1, 1, channels])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=layer.gamma.value if layer.scale else tf.ones([channels]),
        offset=layer.beta.value if layer.center else tf.zeros([channels]),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The operation's is that of the population; Keras keeps that of the batch.
    n = tf.cast(tf.size(x) // channels, tf.float32)
    variance = tf.math.multiply_no_nan(variance, (n - 1) / n)
    kept = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * kept + mean * (1 - kept))
    layer.moving_variance.assign(layer.moving_variance * kept + variance * (1 - kept))
    return outputs if rank == 4 else tf.reshape(outputs, _shape(inputs))


def normalise_layer(layer: Any, inputs: Any) -> Any:
    """Call a `keras.layers.LayerNormalization` over the last axis."""
    axes = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    usual = axes in ([-1], [inputs.shape.rank - 1]) and inputs.dtype == tf.float32
    if not (usual and layer.scale and layer.center) or layer.rms_scaling:
        return type(layer).call(layer, inputs)
    channels = inputs.shape[-1]
    x = tf.reshape(inputs, [-1, channels])
    gamma = tf.convert_to_tensor(layer.gamma)
    beta = tf.convert_to_tensor(layer.beta)
    outputs = _normalise_rows(x, gamma, beta, layer.epsilon)
    return tf.reshape(outputs, _shape(inputs))


def _shape(x: Any) -> Any:
    return x.shape if x.shape.is_fully_defined() else tf.shape(x)


def _normalise_rows(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    @tf.custom_gradient
    def apply(x: Any, gamma: Any, beta: Any) -> Any:
        centred = x - tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
        inverse = tf.math.rsqrt(variance + epsilon)

        def gradient(upstream: Any) -> Any:
            normal = centred * inverse
            product = upstream * normal
            # Means over a row, weighted with gamma.
            weights = gamma[:, None] / gamma.shape[0]
            mean, slope = tf.matmul(upstream, weights), tf.matmul(product, weights)
            return (
                inverse * (upstream * gamma - (mean + normal * slope)),
                tf.reduce_sum(product, 0),
                tf.raw_ops.BiasAddGrad(out_backprop=upstream),
            )

        return tf.nn.bias_add(centred * (inverse * gamma), beta), gradient

    return apply(x, gamma, beta)


def drop(layer: Any, inputs: Any, training: bool | None = None) -> Any:
    """Call a `keras.layers.Dropout` with 16 random bits for each value."""
    threshold = round(layer.rate * LEVELS)
    usual = layer.noise_shape is None and inputs.dtype == tf.float32
    usual = usual and inputs.shape.is_fully_defined()
    if not (training and 0 < threshold < LEVELS and usual):
        return type(layer).call(layer, inputs, training=training)
    size = inputs.shape.num_elements()
    seed = tf.cast(layer.seed_generator.next(), tf.int32)
    generator = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    pairs = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[(size + 1) // 2],
        key=generator.key,
        counter=generator.counter,
        alg=PHILOX,
        dtype=tf.int32,
    )
    bits = tf.bitcast(pairs, tf.uint16)
    if size % 2:
        bits = tf.reshape(bits, [-1])[:size]
    kept = tf.cast(bits >= tf.constant(threshold, tf.uint16), tf.float32)
    # Zero, as Keras', where what is dropped is infinite.
    return tf.math.multiply_no_nan(
        inputs, tf.reshape(kept * (LEVELS / (LEVELS - threshold)), inputs.shape)
    )


@tf.custom_gradient
def gelu(x: Any) -> Any:
    """Return the GELU [1]_, not approximated, and its gradient.

    References
    ----------
    .. [1] Hendrycks and Gimpel (2016), Gaussian Error Linear Units.
    """
    share = 0.5 + 0.5 * tf.math.erf(x * math.sqrt(0.5))

    def gradient(upstream: Any) -> Any:
        density = tf.exp(tf.square(x) * -0.5 - 0.5 * math.log(2 * math.pi))
        return upstream * (share + x * density)

    return x * share, gradient


ACTIVATED = {
    keras.layers.Activation,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Dense,
    keras.layers.DepthwiseConv2D,
    keras.layers.EinsumDense,
    keras.layers.SeparableConv2D,
}
CALLS = {
    keras.layers.BatchNormalization: normalise_batch,
    keras.layers.LayerNormalization: normalise_layer,
    keras.layers.Dropout: drop,
}

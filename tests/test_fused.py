"""Layers that training computes by other operations than Keras does."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skautonas._compat import forget_gradients
from skautonas.estimation.fused import fused_layers

RNG = np.random.default_rng(0)
LAYERS = {
    "batch": lambda: layers.BatchNormalization(momentum=0.9),
    "batch without scale": lambda: layers.BatchNormalization(scale=False),
    "batch without offset": lambda: layers.BatchNormalization(center=False),
    "layer": lambda: layers.LayerNormalization(epsilon=1e-6),
    "gelu": lambda: layers.Activation("gelu"),
    "dense gelu": lambda: layers.Dense(3, activation="gelu"),
}
OTHERS = {
    "frozen": lambda: layers.BatchNormalization(trainable=False),
    "batch of the first axis": lambda: layers.BatchNormalization(axis=1),
    "renormalised": lambda: layers.BatchNormalization(renorm=True),
    "layer of two axes": lambda: layers.LayerNormalization(axis=(1, 2)),
    "layer without scale": lambda: layers.LayerNormalization(scale=False),
    "layer by root mean square": lambda: layers.LayerNormalization(rms_scaling=True),
    "half precision": lambda: layers.LayerNormalization(dtype="mixed_bfloat16"),
    "approximate gelu": lambda: layers.Activation(
        partial(keras.activations.gelu, approximate=True)
    ),
    "gelu of a recurrent layer": lambda: keras.Sequential(
        [layers.Reshape((16, 5)), layers.SimpleRNN(3, activation="gelu")]
    ),
    "layer in another precision than its inputs": lambda: keras.Sequential(
        [
            layers.Dense(4, dtype="mixed_bfloat16"),
            layers.LayerNormalization(dtype="float32"),
        ]
    ),
    "a subclass": lambda: OtherDropout(0.0),
    "dropout of whole maps": lambda: layers.Dropout(0.5, noise_shape=(None, 1, 1, 5)),
    "dropout of nothing": lambda: layers.Dropout(0.0),
    "dropout of all": lambda: layers.Dropout(1.0),
}


class OtherDropout(layers.Dropout):
    """One that adds in training."""

    def call(self, inputs, training=False):
        return inputs + 1.0 if training else inputs


def make_model(make, shape):
    """Return a model of one layer, with weights that are not its first ones."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), make()])
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def trace(model, x):
    """Return outputs, gradients and state after a traced call in training."""
    upstream = np.random.default_rng(2).normal(size=model(x).shape).astype("float32")

    @tf.function
    def call(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = model(x, training=True)
            target = tf.reduce_sum(tf.cast(outputs, tf.float32) * upstream)
        variables = [x, *model.trainable_variables]
        return outputs, tape.gradient(target, variables, unconnected_gradients="zero")

    outputs, gradients = call(tf.constant(x))
    graph = call.get_concrete_function(tf.constant(x)).graph
    kinds = [operation.type for operation in graph.get_operations()]
    return outputs, gradients, [np.array(v) for v in model.variables], kinds


def both(make, shape, rows=6):
    """Return what Keras' call and the fused one give, on the same rows."""
    x = (RNG.normal(size=(rows, *shape)) * 3 + 1).astype("float32")
    usual = trace(make_model(make, shape), x)
    model = make_model(make, shape)
    with fused_layers(model):
        fused = trace(model, x)
    return usual, fused


def assert_alike(usual, fused):
    for one, other in zip(
        tf.nest.flatten(usual[:3]), tf.nest.flatten(fused[:3]), strict=True
    ):
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("shape", [(5,), (4, 5), (4, 4, 5)])
@pytest.mark.parametrize("name", LAYERS)
def test_a_fused_layer_is_as_that_of_keras(name, shape):
    usual, fused = both(LAYERS[name], shape)
    assert_alike(usual, fused)
    by_other_operations = usual[3] != fused[3]
    assert by_other_operations == (shape != (5,) or not name.startswith("batch"))


@pytest.mark.filterwarnings("ignore:You passed .rms_scaling=True.:UserWarning")
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_covered_is_called_as_ever(name):
    usual, fused = both(OTHERS[name], (4, 4, 5))
    assert_alike(usual, fused)
    assert usual[3] == fused[3]


def test_a_batch_of_one_row_has_no_variance():
    usual, fused = both(LAYERS["batch"], (1, 5), rows=1)
    assert_alike(usual, fused)
    assert np.isfinite(fused[0]).all()


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("rows", [200, 201])
def test_dropout_drops_its_rate_and_keeps_the_mean(rate, rows):
    shape = (501,)
    model = make_model(lambda: layers.Dropout(rate), shape)
    with fused_layers(model):
        outputs, (gradient,), *_ = trace(model, np.ones((rows, *shape), "float32"))
    outputs = np.array(outputs)
    n = outputs.size
    assert (outputs == 0).mean() == pytest.approx(rate, abs=5 / np.sqrt(n))
    np.testing.assert_allclose(outputs[outputs > 0], 1 / (1 - rate), rtol=1e-4)
    np.testing.assert_array_equal(np.array(gradient) == 0, outputs == 0)
    # No row and no column is dropped as its neighbour is.
    assert np.corrcoef(outputs[:-1].ravel(), outputs[1:].ravel())[0, 1] < 0.02
    assert np.corrcoef(outputs[:, :-1].ravel(), outputs[:, 1:].ravel())[0, 1] < 0.02


def test_dropout_draws_anew_at_each_call_and_by_its_seed():
    def draw():
        model = make_model(lambda: layers.Dropout(0.5, seed=3), (50,))
        call = tf.function(lambda x: model(x, training=True))
        with fused_layers(model):
            return [np.array(call(np.ones((4, 50), "float32"))) for _ in range(2)]

    (first, second), (again, _) = draw(), draw()
    assert (first != second).any()
    np.testing.assert_array_equal(first, again)


def test_what_is_dropped_is_zero_even_where_it_is_infinite():
    model = make_model(lambda: layers.Dropout(0.5), (1000,))
    with fused_layers(model):
        outputs, *_ = trace(model, np.full((2, 1000), -np.inf, "float32"))
    assert set(np.unique(outputs)) == {-np.inf, 0.0}


def test_a_layer_in_two_places_is_fused_once():
    normal = layers.BatchNormalization()
    first = keras.Input((4, 5))
    inner = keras.Model(first, normal(first))
    second = keras.Input((4, 5))
    model = keras.Model(second, normal(inner(second)))
    with fused_layers(model):
        assert "call" in vars(normal)
    assert "call" not in vars(normal)


def test_a_call_of_a_user_stays():
    layer = layers.Dropout(0.5)
    layer.call = lambda inputs, training=None: inputs
    mine = layer.call
    model = keras.Sequential([keras.Input((5,)), layer])
    with fused_layers(model):
        assert layer.call is mine
    assert layer.call is mine


def test_no_gradient_is_kept_but_those_of_others():
    from tensorflow.python.framework import ops

    def names():
        return set(ops.gradient_registry.list())

    model = make_model(lambda: layers.LayerNormalization(), (5,))
    before = names()
    with fused_layers(model), forget_gradients():
        trace(model, np.ones((2, 5), "float32"))
        assert [n for n in names() - before if n.startswith("CustomGradient-")]
        tf.RegisterGradient("SomebodysOwn")(lambda op, gradient: gradient)
    assert names() - before == {"SomebodysOwn"}


def test_nothing_is_left_on_the_layers():
    inner = keras.Sequential([keras.Input((5,)), layers.Dropout(0.5)])
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(5, activation="gelu"), inner]
    )
    before = model.to_json()
    with fused_layers(model):
        assert "call" in vars(inner.layers[0])
    assert "call" not in vars(inner.layers[0])
    assert model.layers[0].activation is keras.activations.gelu
    assert model.to_json() == before

"""The fused optimizers take the steps of Keras' own."""

import keras
import numpy as np
import pytest

from skautonas.space.optimizers import FusedAdam, FusedSGD

PAIRS = {
    "adam": (FusedAdam, keras.optimizers.Adam, {"beta_2": 0.99}, {}),
    "sgd": (FusedSGD, keras.optimizers.SGD, {"momentum": 0.9}, {"nesterov": True}),
}
WORDS = np.random.default_rng(0).integers(0, 9, size=(64, 5))
VALUES = WORDS.sum(axis=1, keepdims=True) / 10.0


def trained(optimizer):
    """Return the weights of a model with an embedding, whose gradients are slices."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((5,)),
        keras.layers.Embedding(9, 3),
        keras.layers.Flatten(),
        keras.layers.Dense(4, "tanh"),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    model.fit(WORDS, VALUES, batch_size=16, epochs=5, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("global_clipnorm", [0.5, 100.0])
def test_the_steps_are_those_of_keras(name, weight_decay, global_clipnorm):
    # Without clipping Keras' Adam leaves out the embeddings that a batch does not use.
    fused, plain, options, nesterov = PAIRS[name]
    options = options | {
        "learning_rate": 0.01,
        "weight_decay": weight_decay,
        "global_clipnorm": global_clipnorm,
    }
    reference = plain(**options, **nesterov)
    reference.exclude_from_weight_decay(var_names=["bias"])
    ours, theirs = trained(fused(**options)), trained(reference)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fused", [FusedAdam, FusedSGD])
def test_means_of_the_variables(fused):
    options = {"beta_2": 0.99} if fused is FusedAdam else {"momentum": 0.9}
    options |= {"weight_decay": 0.0, "global_clipnorm": 1.0}
    variable, unused = keras.Variable([1.0, 2.0]), keras.Variable([3.0])
    optimizer = fused(0.1, averaging=0.5, **options)
    optimizer.build([variable, unused])
    mean = np.zeros(2)
    for step in range(9):
        optimizer.apply([keras.ops.ones(2), None], [variable, unused])
        kept = min(0.5, step / (9 + step))
        mean = kept * mean + (1 - kept) * np.array(variable)
    np.testing.assert_allclose(optimizer.averages[0], mean, rtol=1e-5)
    np.testing.assert_allclose(optimizer.averages[1], [3.0], rtol=1e-6)
    assert not fused(0.1, **options).averages


def test_a_variable_without_a_gradient_stays():
    used, unused = keras.Variable([1.0]), keras.Variable([2.0])
    optimizer = FusedAdam(0.1, beta_2=0.99, weight_decay=0.1, global_clipnorm=1.0)
    optimizer.build([unused, used])
    optimizer.apply([None, keras.ops.ones(1)], [unused, used])
    assert float(unused[0]) == 2.0
    assert float(used[0]) == pytest.approx(1.0 - 0.1 * 0.1 - 0.1, abs=1e-5)

"""Compiled calls: many training steps in one, and predictions of all rows."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skautonas._compat import forget_gradients
from skautonas.data.encode import as_model_input, batch_rows, tensor_spec
from skautonas.data.rows import padded_rows

# Most rows, and numbers in them, of one call in validation. Many narrow rows hide what
# a call costs; the maps of few wide ones stay near a core: with 64 images of 28 x 28
# instead of 256 a prediction takes half of the time.
VALIDATE_ROWS, VALIDATE_VALUES = 1024, 50_000
# The size of a call is rounded up to it, so that folds of which one has some rows more
# are mostly predicted in as many calls.
ROUNDING = 16


def row_batches(
    n_rows: int, batch: int, seed: int, first: int = 0
) -> Iterator[np.ndarray]:
    """Yield batches of row numbers for ever: each epoch shuffled, its rest dropped.

    Parameters
    ----------
    n_rows, batch : int
        Number of rows, and how many of them a batch has.
    seed : int
        With the number of an epoch it gives the order, so that a training that goes on
        needs to know no earlier epoch.
    first : int
        Batches to leave out, as an earlier training had them.
    """
    per_epoch = n_rows // batch
    for epoch in itertools.count(first // per_epoch):
        order = np.random.default_rng([seed, epoch]).permutation(n_rows)
        for index in range(max(0, first - epoch * per_epoch), per_epoch):
            yield order[index * batch : (index + 1) * batch]


def compile_steps(model: Any, data: Any, batch: int) -> Callable:
    """Return a function that trains on batches of rows, a step a batch.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    data : tuple
        Inputs and targets, and the rows' weights where they have some: arrays, or
        for the inputs a dict of arrays.
    batch : int
        Rows of a batch.

    Returns
    -------
    callable
        ``run(batches, rates)`` takes rows of ``data`` with leading axes (steps,
        batch), and the learning rate of each step; returns Keras' mean loss so far.
    """
    import tensorflow as tf

    from skautonas.estimation.fused import fused_layers

    build_on(model, data[0])
    model.optimizer.build(model.trainable_variables)
    # A user's own schedule goes by the optimizer's count of steps.
    assignable = hasattr(model.optimizer.learning_rate, "assign")

    @tf.function
    def run(batches: Any, rates: Any) -> Any:
        loss = tf.constant(math.nan)
        for step in tf.range(tf.shape(rates)[0]):
            if assignable:
                model.optimizer.learning_rate.assign(rates[step])
            chosen = tf.nest.map_structure(
                lambda tensor: as_model_input(tensor[step]),  # noqa: B023
                batches,
            )
            logs = model.train_step(chosen)
            loss = tf.cast(logs["loss"], tf.float32)
        return loss

    # A concrete function: TensorFlow warns of retracing where many functions share
    # their source line, as those of one trial after another do.
    specs = tf.nest.map_structure(lambda array: tensor_spec(array, None, batch), data)
    with fused_layers(model), forget_gradients():
        return run.get_concrete_function(specs, tf.TensorSpec([None], tf.float32))


def build_on(model: Any, x: Any) -> None:
    """Make the weights of a model that has none before its first call.

    The call is symbolic: a `keras.Sequential` would keep an array's number of rows as
    part of its input's shape.
    """
    import keras
    import tensorflow as tf

    if model.built:
        return
    specs = tf.nest.map_structure(lambda array: tensor_spec(array, None), x)
    model(
        tf.nest.map_structure(
            lambda spec: keras.Input(spec.shape[1:], dtype=_model_dtype(spec)), specs
        )
    )


def _model_dtype(spec: Any) -> str:
    return "float32" if spec.dtype.name == "uint8" else spec.dtype.name


def compile_predict(model: Any, x: Any) -> Callable[[Any], np.ndarray]:
    """Return a function that predicts all rows of arrays like ``x``, in batches.

    They are padded to one size, so that a row's prediction does not depend on its
    neighbours. Made for each architecture: it is traced in a third of the time of
    `run_batches`, whose loop is for models that are called again and again.
    """
    import tensorflow as tf

    from skautonas.estimation.fused import fused_layers

    arrays = tf.nest.flatten(x)
    n_calls = math.ceil(
        len(arrays[0]) / batch_rows(arrays, VALIDATE_ROWS, VALIDATE_VALUES)
    )
    size = math.ceil(len(arrays[0]) / n_calls / ROUNDING) * ROUNDING

    @tf.function
    def forward(batch: Any) -> Any:
        return model(tf.nest.map_structure(as_model_input, batch), training=False)

    specs = tf.nest.map_structure(lambda array: tensor_spec(array, size), x)
    with fused_layers(model), forget_gradients():
        call = forward.get_concrete_function(specs)

    def predict(x: Any) -> np.ndarray:
        n_rows, outputs = len(tf.nest.flatten(x)[0]), []
        for rows in padded_rows(n_rows, size):
            batch = tf.nest.map_structure(
                lambda array, rows=rows: tf.constant(array[rows]), x
            )
            outputs.append(call(batch).numpy())
        return np.concatenate(outputs)[:n_rows]

    return predict

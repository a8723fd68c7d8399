"""Compiled calls: many training steps in one, and predictions of all rows."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skautonas.data.rows import padded_rows

# Rows of one call in validation; the last batch is padded, so that a row's
# prediction does not depend on its neighbours.
VALIDATE_ROWS = 256


def row_batches(
    n_rows: int, batch: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield batches of row numbers for ever: each epoch shuffled, its rest dropped."""
    while True:
        order = rng.permutation(n_rows).astype("int32")
        for start in range(0, n_rows - batch + 1, batch):
            yield order[start : start + batch]


def compile_steps(model: Any, data: tuple, batch: int) -> Callable:
    """Return a function that trains on the given rows, a step a row of them.

    ``data`` are inputs and targets, and the rows' weights where they have some.
    """
    import tensorflow as tf

    build_on(model, data[0])
    model.optimizer.build(model.trainable_variables)
    # A user's own schedule goes by the optimizer's count of steps.
    assignable = hasattr(model.optimizer.learning_rate, "assign")

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, batch], tf.int32),
            tf.TensorSpec([None], tf.float32),
        ]
    )
    def run(rows: Any, rates: Any) -> Any:
        loss = tf.constant(math.nan)
        for step in tf.range(tf.shape(rates)[0]):
            if assignable:
                model.optimizer.learning_rate.assign(rates[step])
            chosen = rows[step]
            logs = model.train_step(_gather(data, chosen))
            loss = tf.cast(logs["loss"], tf.float32)
        return loss

    # A concrete function: TensorFlow warns of retracing where many functions share
    # their source line, as those of one trial after another do.
    return run.get_concrete_function()


def build_on(model: Any, x: Any) -> None:
    """Make the weights of a model that has none before its first call.

    The call is symbolic: a `keras.Sequential` would keep an array's number of rows as
    part of its input's shape.
    """
    import keras
    import tensorflow as tf

    if model.built:
        return
    row = _gather(x, [0])
    model(tf.nest.map_structure(lambda a: keras.Input(a.shape[1:], dtype=a.dtype), row))


def compile_predict(model: Any, x: Any) -> Callable[[], np.ndarray]:
    """Return a function that predicts all rows of ``x``, in padded batches."""
    import tensorflow as tf

    n_rows = int(tf.nest.flatten(x)[0].shape[0])
    rows = padded_rows(n_rows, VALIDATE_ROWS)

    @tf.function(input_signature=[tf.TensorSpec([VALIDATE_ROWS], tf.int32)])
    def forward(chosen: Any) -> Any:
        return model(_gather(x, chosen), training=False)

    call = forward.get_concrete_function()

    def predict() -> np.ndarray:
        outputs = [call(tf.constant(chosen)).numpy() for chosen in rows]
        return np.concatenate(outputs)[:n_rows]

    return predict


def _gather(arrays: Any, rows: Any) -> Any:
    """Return rows of each array; images, which may be kept as bytes, as floats."""
    import tensorflow as tf

    def take(array: Any) -> Any:
        taken = tf.gather(array, rows)
        return tf.cast(taken, tf.float32) if array.dtype == tf.uint8 else taken

    return tf.nest.map_structure(take, arrays)

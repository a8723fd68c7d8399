"""Run an encoder's preprocessing over arrays, in batches of one size."""

import weakref
from functools import partial
from typing import Any

import numpy as np

from skautonas.data.encoder import Arrays, Encoder
from skautonas.data.rows import padded_rows

# Rows of a batch: few enough for wide intermediates.
ENCODE_ROWS = 64
# Rows of one call, which copies them and pads its last batch.
CALL_ROWS = 4096

_functions: weakref.WeakKeyDictionary[Any, dict[tuple, Any]] = (
    weakref.WeakKeyDictionary()
)


def preprocessing_model(encoder: Encoder, plain: bool) -> Any:
    """Return the model from raw to encoded arrays.

    Parameters
    ----------
    encoder : Encoder
        Fitted encoder.
    plain : bool
        For a user's own model, which takes a table as one dense matrix, and images
        and texts as they are.
    """
    import keras

    if not plain:
        return encoder.preprocessing()
    if hasattr(encoder, "dense_preprocessing"):
        return encoder.dense_preprocessing()
    raw = encoder.preprocessing().input
    return keras.Model(raw, raw, name="preprocessing")


def encode(model: Any, inputs: Arrays) -> Arrays:
    """Return the encoded arrays of raw inputs, by the model from the one to the other.

    A model that is called twice is traced once.
    """
    if _is_identity(model):
        return inputs
    return run_batches(model, inputs, ENCODE_ROWS)


def run_batches(model: Any, inputs: Arrays, size: int) -> Any:
    """Call a model on padded batches of ``size`` rows.

    Rows are computed in batches of one shape whatever their number, so that a row's
    result does not depend on the rows beside it. A loop inside of TensorFlow makes
    small batches cheap, and with them the padding of a single row.

    Parameters
    ----------
    model : keras.Model
        Takes a dict of tensors; returns a tensor or a dict of tensors.
    inputs : dict of str to ndarray
        Raw inputs.
    size : int
        Rows of a batch.

    Returns
    -------
    ndarray or dict of str to ndarray
        The outputs for all rows.
    """
    import tensorflow as tf

    n_rows = len(next(iter(inputs.values())))
    outputs = []
    for start in range(0, n_rows, CALL_ROWS):
        tensors = {
            name: tf.constant(array[start : start + CALL_ROWS])
            for name, array in inputs.items()
        }
        n_called = min(CALL_ROWS, n_rows - start)
        rows = tf.constant(np.stack(padded_rows(n_called, size)))
        batches = _compiled(model, tensors, size)(tensors, rows)
        outputs.append(
            tf.nest.map_structure(partial(_first_rows, n_rows=n_called), batches)
        )
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *outputs)


def _first_rows(batches: Any, n_rows: int) -> np.ndarray:
    """Return the rows of stacked batches without the padding."""
    array = batches.numpy()
    return array.reshape(-1, *array.shape[2:])[:n_rows]


def _compiled(model: Any, tensors: dict[str, Any], size: int) -> Any:
    """Return the model as a function over batches, made once for such inputs."""
    signature = (size, *((n, t.dtype.name, *t.shape[1:]) for n, t in tensors.items()))
    functions = _functions.setdefault(model, {})
    if signature not in functions:
        # The weak reference keeps the function from keeping its own key alive.
        functions[signature] = _compile(weakref.ref(model), tensors, size)
    return functions[signature]


def _compile(reference: Any, tensors: dict[str, Any], size: int) -> Any:
    import tensorflow as tf

    def specs(n_rows: int | None) -> dict[str, Any]:
        return {
            name: tf.TensorSpec([n_rows, *tensor.shape[1:]], tensor.dtype)
            for name, tensor in tensors.items()
        }

    @tf.function
    def call(batch: Any) -> Any:
        return reference()(batch, training=False)

    of_batch = call.get_concrete_function(specs(size))
    dtypes = tf.nest.map_structure(lambda t: t.dtype, of_batch.structured_outputs)

    @tf.function
    def run(everything: Any, rows: Any) -> Any:
        def of_rows(chosen: Any) -> Any:
            return of_batch({n: tf.gather(t, chosen) for n, t in everything.items()})

        return tf.map_fn(of_rows, rows, fn_output_signature=dtypes)

    return run.get_concrete_function(specs(None), tf.TensorSpec([None, size], tf.int32))


def _is_identity(model: Any) -> bool:
    return len(model.operations) == len(model.inputs)

"""Run an encoder's preprocessing over arrays, in batches of one size."""

import weakref
from typing import Any

import numpy as np

from skautonas.data.encoder import Arrays, Encoder
from skautonas.data.rows import padded_rows

# Large enough to hide the cost of a call, small enough for wide intermediates.
ENCODE_ROWS = 256

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


def encode(encoder: Encoder, X: Any, plain: bool = False) -> Arrays:
    """Return the encoded arrays of X."""
    inputs = encoder.to_inputs(X)
    model = preprocessing_model(encoder, plain)
    if _is_identity(model):
        return inputs
    return run_batches(model, inputs, ENCODE_ROWS)


def run_batches(model: Any, inputs: Arrays, size: int) -> Any:
    """Call a model on padded batches of ``size`` rows.

    Rows are computed in batches of one shape whatever their number, so that a row's
    result does not depend on the rows beside it.

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
    batches = padded_rows(n_rows, size)
    call = _compiled(model, _batch(inputs, batches[0]))
    outputs = [
        tf.nest.map_structure(_to_numpy, call(_batch(inputs, rows))) for rows in batches
    ]
    return tf.nest.map_structure(
        lambda *parts: np.concatenate(parts)[:n_rows], *outputs
    )


def _compiled(model: Any, batch: dict[str, Any]) -> Any:
    """Return the model as a function compiled for such batches, made once."""
    import tensorflow as tf

    signature = tuple((n, t.dtype.name, tuple(t.shape)) for n, t in batch.items())
    functions = _functions.setdefault(model, {})
    if signature not in functions:
        # The weak reference keeps the function from keeping its own key alive.
        reference = weakref.ref(model)
        function = tf.function(lambda batch: _call(reference(), batch))
        functions[signature] = function.get_concrete_function(batch)
    return functions[signature]


def _call(model: Any, batch: dict[str, Any]) -> Any:
    return model(batch, training=False)


def _to_numpy(tensor: Any) -> np.ndarray:
    return tensor.numpy()


def _batch(inputs: Arrays, rows: np.ndarray) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(array[rows]) for name, array in inputs.items()}


def _is_identity(model: Any) -> bool:
    return len(model.operations) == len(model.inputs)

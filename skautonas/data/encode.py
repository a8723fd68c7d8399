"""Run a preprocessing, or a whole model, over rows in batches of one size."""

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skautonas.data.encoder import Encoder
from skautonas.data.rows import padded_rows
from skautonas.data.store import open_arrays, write_arrays

# Number of values in a batch: wide inputs get fewer rows. With 256 rows one text took
# 18 ms, with 64 it takes 6 to 8, and 10 000 rows of any kind still take less time than
# by the bare model (benchmarks/predict.py).
BATCH_VALUES = 2_000_000
LEAST_BATCH_ROWS, BATCH_ROWS = 16, 64
# Texts whose length is measured, to tell how many bytes a row takes.
SAMPLED_TEXTS = 1000
# One call copies so many bytes, of so many rows at most.
CALL_BYTES = 64_000_000
CALL_ROWS = 4096
# So many rows are encoded sooner than a preprocessing is compiled: titanic's 891 took
# 0.04 in place of 0.65 s; a table of 300 000 would take 24 in place of 5.
FEW_ROWS = 2048
# Of so many values: all that is in between is kept, of a number some kilobytes.
FEW_VALUES = 100_000

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


def encode_folder(encoder: Encoder, plain: bool, raw: Path, encoded: Path) -> None:
    """Encode the raw arrays of one folder into another, and remove the raw ones.

    Parameters
    ----------
    encoder : Encoder
        Fitted encoder.
    plain : bool
        As for `preprocessing_model`.
    raw, encoded : Path
        Folders of arrays; the latter does not exist yet.
    """
    model = preprocessing_model(encoder, plain)
    if len(model.operations) == len(model.inputs):  # the identity
        raw.rename(encoded)
        return
    inputs = open_arrays(raw)
    n_rows = len(next(iter(inputs.values())))
    _, call_rows = _sizes(list(inputs.values()))
    n_values = sum(array.size for array in inputs.values())
    few = n_rows <= min(FEW_ROWS, call_rows) and n_values <= FEW_VALUES
    outputs = [_at_once(model, inputs)] if few else batches(model, inputs)
    write_arrays(encoded, outputs, n_rows)
    for path in raw.iterdir():
        path.unlink()


def _at_once(model: Any, inputs: Any) -> Any:
    """Return what a model makes of all rows in one call that is not compiled."""
    import tensorflow as tf

    tensors = tf.nest.map_structure(lambda a: as_model_input(tf.constant(a)), inputs)
    outputs = model(tensors, training=False)
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), outputs)


def run_batches(model: Any, inputs: Any) -> Any:
    """Return what a model makes of all rows, as an array or a dict of arrays.

    Parameters
    ----------
    model : keras.Model
        Takes a tensor or a dict of tensors; returns either.
    inputs : ndarray or dict of str to ndarray
        As the model takes them.
    """
    import tensorflow as tf

    outputs = list(batches(model, inputs))
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *outputs)


def batches(model: Any, inputs: Any) -> Iterator[Any]:
    """Call a model on padded batches of one size; yield the outputs call by call.

    Rows are computed in batches of one shape whatever their number, so that a row's
    result does not depend on the rows beside it. A loop inside of TensorFlow makes
    small batches cheap, and with them the padding of a single row.
    """
    import tensorflow as tf

    arrays = tf.nest.flatten(inputs)
    size, call_rows = _sizes(arrays)
    call = _compiled(model, inputs, size)
    for start in range(0, len(arrays[0]), call_rows):
        tensors = tf.nest.map_structure(
            lambda array, start=start: tf.constant(array[start : start + call_rows]),
            inputs,
        )
        n_called = min(call_rows, len(arrays[0]) - start)
        outputs = call(tensors, tf.constant(np.stack(padded_rows(n_called, size))))
        yield tf.nest.map_structure(
            lambda stacked, n=n_called: _first_rows(stacked, n), outputs
        )


def _compiled(model: Any, inputs: Any, size: int) -> Any:
    """Return the model as a function over batches of such inputs, made once.

    It takes tensors of any number of rows, and row numbers of shape (batches, size).
    """
    import tensorflow as tf

    arrays = tf.nest.flatten(inputs)
    signature = (size, *((str(array.dtype), *array.shape[1:]) for array in arrays))
    functions = _functions.setdefault(model, {})
    if signature not in functions:
        # The weak reference keeps the function from keeping its own key alive.
        functions[signature] = _compile(weakref.ref(model), inputs, size)
    return functions[signature]


def as_model_input(tensor: Any) -> Any:
    """Return a tensor as models take it: images, which may be bytes, as floats."""
    import tensorflow as tf

    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.uint8 else tensor


def tensor_spec(array: np.ndarray, *rows: int | None) -> Any:
    """Return the TensorSpec of an array with other leading axes than its rows."""
    import tensorflow as tf

    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    return tf.TensorSpec([*rows, *array.shape[1:]], dtype)


def batch_rows(arrays: list[np.ndarray], most: int, values: int) -> int:
    """Return the rows of a batch: at most so many, and fewer where a row is wide.

    Parameters
    ----------
    arrays : list of ndarray
        Inputs.
    most : int
        Most rows.
    values : int
        Numbers that a batch of more than the least rows may have.
    """
    width = max(1, sum(int(np.prod(array.shape[1:])) for array in arrays))
    return int(np.clip(values // width, LEAST_BATCH_ROWS, most))


def row_bytes(arrays: list[np.ndarray]) -> int:
    """Return about how many bytes a row of all arrays takes."""
    total = 1
    for array in arrays:
        total += array[:1].nbytes
        if array.dtype == object:
            some = array.flat[:SAMPLED_TEXTS]
            total += sum(map(len, some)) * array[:1].size // max(1, len(some))
    return total


def _sizes(arrays: list[np.ndarray]) -> tuple[int, int]:
    """Return the rows of a batch, and those of a call, which holds whole batches."""
    size = batch_rows(arrays, BATCH_ROWS, BATCH_VALUES)
    rows = int(np.clip(CALL_BYTES // row_bytes(arrays), size, CALL_ROWS))
    return size, rows // size * size


def _first_rows(batches: Any, n_rows: int) -> np.ndarray:
    """Return the rows of stacked batches without the padding."""
    array = batches.numpy()
    return array.reshape(-1, *array.shape[2:])[:n_rows]


def _compile(reference: Any, inputs: Any, size: int) -> Any:
    import tensorflow as tf

    def specs(n_rows: int | None) -> Any:
        return tf.nest.map_structure(lambda array: tensor_spec(array, n_rows), inputs)

    @tf.function
    def call(batch: Any) -> Any:
        return reference()(batch, training=False)

    def gathered(everything: Any, chosen: Any) -> Any:
        return tf.nest.map_structure(
            lambda tensor: as_model_input(tf.gather(tensor, chosen)), everything
        )

    batch_specs = tf.nest.map_structure(
        lambda spec: tf.TensorSpec(
            spec.shape, tf.float32 if spec.dtype == tf.uint8 else spec.dtype
        ),
        specs(size),
    )
    of_batch = call.get_concrete_function(batch_specs)
    dtypes = tf.nest.map_structure(lambda t: t.dtype, of_batch.structured_outputs)

    @tf.function
    def run(everything: Any, rows: Any) -> Any:
        return tf.map_fn(
            lambda chosen: of_batch(gathered(everything, chosen)),
            rows,
            fn_output_signature=dtypes,
        )

    return run.get_concrete_function(specs(None), tf.TensorSpec([None, size], tf.int32))

"""The archive of a model: raw inputs, preprocessing, core, prediction."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skautonas._files import temporary_folder, written_atomically
from skautonas._tensorflow import start_tensorflow
from skautonas.data.encode import preprocessing_model
from skautonas.data.encoder import Encoder
from skautonas.data.targets import ClassTargets, Targets, ValueTargets


@dataclass(frozen=True, slots=True)
class Part:
    """A trained core, what to divide its logits by, and the weight of what it says."""

    core: Any
    temperature: float = 1.0
    weight: float = 1.0


def assemble_model(
    encoder: Encoder, parts: Sequence[Part], targets: Targets, plain: bool
) -> Any:
    """Put preprocessing in front of trained cores, and the prediction behind them.

    Parameters
    ----------
    encoder : Encoder
        Fitted encoder.
    parts : sequence of Part
        Trained cores, whose predictions are averaged.
    targets : ClassTargets or ValueTargets
        Meaning of the cores' outputs.
    plain : bool
        Whether the cores are a user's own, whose output is the prediction.

    Returns
    -------
    keras.Model
        Uncompiled; takes a dict of raw inputs; returns probabilities (n, classes)
        or values (n, targets).
    """
    import keras

    preprocessing = preprocessing_model(encoder, plain)
    inputs = preprocessing.input
    encoded = preprocessing(inputs)
    predictions = []
    for number, part in enumerate(parts, start=1):
        core = uncompiled(part.core, "core" if len(parts) == 1 else f"core{number}")
        # A subclass of keras.Model is the same object still: its loss need not load.
        core.compiled = False
        if plain:
            (array,) = encoded.values()
            outputs = core(array)
            if len(parts) > 1:
                # Of several models the same layers may have the same names.
                own = keras.Input(array.shape[1:], dtype=array.dtype)
                core = keras.Model(own, core(own), name=f"member{number}")
                outputs = _alike(core(array), targets)
            predictions.append(outputs)
        else:
            outputs = core([encoded[tensor.name] for tensor in core.inputs])
            predictions.append(_predict(outputs, targets, part.temperature))
    outputs = predictions[0]
    if len(parts) > 1:
        weighed = zip(predictions, parts, strict=True)
        outputs = sum(prediction * part.weight for prediction, part in weighed)
    return keras.Model(inputs, outputs, name="skautonas")


def _alike(outputs: Any, targets: Targets) -> Any:
    """Return what a user's model puts out in the one form that can be averaged."""
    from keras import ops

    outputs = ops.reshape(outputs, (-1, math.prod(outputs.shape[1:])))
    if not isinstance(targets, ClassTargets):
        return outputs
    if outputs.shape[1] == 1:
        outputs = ops.concatenate([1 - outputs, outputs], axis=1)
    return outputs / ops.sum(outputs, axis=1, keepdims=True)


def uncompiled(core: Any, name: str = "core") -> Any:
    """Return a model over the same layers, which needs no loss to load.

    A subclass of `keras.Model` has no graph to do so with, and is returned as it is;
    so is a `keras.Sequential` that was never called.
    """
    import keras

    if not core.built or not hasattr(core, "inputs"):
        return core
    return keras.Model(core.inputs, core.outputs[0], name=name)


def _predict(outputs: Any, targets: Targets, temperature: float) -> Any:
    """Turn raw outputs into the prediction, averaged over packed members."""
    from keras import layers, ops

    if not isinstance(targets, ValueTargets):
        kind = "softmax" if isinstance(targets, ClassTargets) else "sigmoid"
        outputs = layers.Rescaling(1 / temperature)(outputs)
        outputs = layers.Activation(kind)(outputs)
        return ops.mean(outputs, axis=1) if len(outputs.shape) == 3 else outputs
    # In float64 as the targets: float32 knows a time stamp to two minutes only.
    outputs = ops.cast(outputs, "float64")
    if len(outputs.shape) == 3:
        outputs = ops.mean(outputs, axis=1)
    values = outputs * targets.scale + targets.mean
    return ops.minimum(ops.maximum(values, targets.low), targets.high)


def save_model(model: Any, path: Path) -> None:
    """Save a model as a ``.keras`` archive, atomically.

    Keras truncates an existing file before it writes.
    """
    with written_atomically(path) as temporary:
        model.save(temporary)


def load_model(archive: bytes) -> Any:
    """Load a model from the bytes of its archive; runs no code of the archive.

    Python's random state is what it was: Keras draws seeds of layers from it.
    """
    start_tensorflow()
    import keras

    random_state = random.getstate()
    try:
        with temporary_folder() as folder:
            path = folder / "model.keras"
            path.write_bytes(archive)
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    finally:
        random.setstate(random_state)

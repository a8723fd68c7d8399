"""Compiled models, kept for a later trial or fold of the same architecture.

To trace and optimise the graph of a training step takes longer than to build the model
(benchmarks/trainer.py). A model that was trained before, with the fresh weights of
another, trains to the last bit as that other one would.
"""

import gc
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from skautonas.estimation.steps import build_on, compile_predict, compile_steps
from skautonas.space.candidate import Candidate

# The folds of a trial need one; with rungs, what is promoted often is among the latest.
KEPT_MODELS = 4
# Bytes of the variables of all that are kept beside the latest.
KEPT_BYTES = 200_000_000
# Optimised graphs that TensorFlow holds, those of models that are gone among them,
# until all are dropped.
KEPT_GRAPHS = 8

_kept: OrderedDict[str, "CompiledModel"] = OrderedDict()
_n_graphs = 0


class CompiledModel:
    """A model with its compiled calls.

    Parameters
    ----------
    candidate : Candidate
        Its model is compiled, in Keras' sense.
    data : tuple
        As in `compile_steps`.
    batch : int
        Rows of a batch.
    """

    def __init__(self, candidate: Candidate, data: Any, batch: int) -> None:
        global _n_graphs
        _n_graphs += 1
        self.model = model = candidate.model
        self.predictor = candidate.predictor
        self.batch = batch
        self.takes_arrays = _kinds(data)
        self.run = compile_steps(model, data, batch)
        self._predict: Any = None

    @property
    def n_bytes(self) -> int:
        """Bytes of the variables of model and optimizer."""
        variables = [*self.model.variables, *self.model.optimizer.variables]
        return sum(4 * int(np.prod(variable.shape)) for variable in variables)

    def predict(self, x: Any) -> np.ndarray:
        """Return the outputs for all rows of ``x``."""
        if self._predict is None:
            self._predict = compile_predict(self.predictor, x)
        return self._predict(x)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the model the means of its weights, if its optimizer keeps them.

        What normalisation layers know of the batches stays that of the weights.
        """
        from skautonas.space.optimizers import FusedOptimizer

        optimizer, variables = self.model.optimizer, self.model.trainable_variables
        if not (isinstance(optimizer, FusedOptimizer) and optimizer.averages):
            yield
            return
        values = [np.array(variable) for variable in variables]
        _assign(variables, optimizer.averages)
        try:
            yield
        finally:
            _assign(variables, values)

    def takes(self, data: Any, batch: int) -> bool:
        """Tell whether the calls are for such rows, and batches of this size."""
        return self.batch == batch and self.takes_arrays == _kinds(data)

    def restart(self, weights: Sequence[Any]) -> None:
        """Take over the weights of a model of the same architecture."""
        _assign(self.model.variables, weights)
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def compile_model(candidate: Candidate, data: Any, batch: int) -> CompiledModel:
    """Return the candidate with compiled calls, made anew only where there are none.

    Parameters
    ----------
    candidate : Candidate
        With fresh weights; of one of our spaces, whose optimizers start from zeros,
        and whose loss depends on the model and on the recipe alone.
    data : tuple
        As in `compile_steps`.
    batch : int
        Rows of a batch.
    """
    build_on(candidate.model, data[0])
    key = _key(candidate, data, batch)
    compiled = _kept.pop(key, None)
    if compiled is None:
        compiled = CompiledModel(candidate, data, batch)
    else:
        compiled.restart(candidate.model.variables)
    _kept[key] = compiled
    while len(_kept) > KEPT_MODELS or (
        len(_kept) > 1 and sum(kept.n_bytes for kept in _kept.values()) > KEPT_BYTES
    ):
        _kept.popitem(last=False)
    return compiled


def forget_compiled() -> None:
    """Free the models that are kept."""
    _kept.clear()


def forget_models(all_of_keras: bool = False) -> None:
    """Free what Keras and TensorFlow keep of models that are gone.

    Parameters
    ----------
    all_of_keras : bool, default=False
        Reset Keras' global state too, which a user's code may have changed.
    """
    global _n_graphs
    import keras

    if all_of_keras or _n_graphs >= KEPT_GRAPHS:
        keras.backend.clear_session(free_memory=False)
        _n_graphs = 0
    gc.collect()


def _key(candidate: Candidate, data: Any, batch: int) -> str:
    """Return all that a compiled call depends on, but for the weights."""
    import keras

    recipe = candidate.recipe
    core = keras.saving.serialize_keras_object(candidate.model)["config"]
    loss = type(candidate.model.loss).__name__
    traced = (
        recipe.optimizer,
        recipe.weight_decay,
        recipe.averaging,
        recipe.label_smoothing,
        batch,
    )
    return json.dumps([core, loss, traced, _kinds(data)])


def _kinds(data: Any) -> list[tuple]:
    """Return dtype and shape of each array, but for its number of rows."""
    import tensorflow as tf

    return [(str(array.dtype), array.shape[1:]) for array in tf.nest.flatten(data)]

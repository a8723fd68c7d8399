"""Build the candidate of a task, ready to train on some rows."""

from dataclasses import dataclass, replace

import numpy as np

from skautonas._compat import reset_layer_names, seed_layers
from skautonas.estimation.compiled import CompiledModel, compile_model, forget_models
from skautonas.estimation.study import Examples, Fold
from skautonas.estimation.task import TrialTask
from skautonas.estimation.trainer import Trainer
from skautonas.space.candidate import Candidate, CandidateSource
from skautonas.space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """A candidate that is ready to train on some rows.

    ``initial`` are the weights that it was built with, which no rows have set yet.
    """

    trainer: Trainer
    compiled: CompiledModel
    recipe: Recipe
    source: CandidateSource
    initial: list[np.ndarray]


def prepare(
    task: TrialTask, fold: Fold, rows: Examples, before: Prepared | None = None
) -> Prepared:
    """Build the candidate of a task, and its trainer on these rows.

    Weights are scaled to a mean of one, so that they do not change what a learning
    rate means. What was ``before`` on another fold serves again where it would be built
    as it was.
    """
    x = fold.source.arrange(rows.x)
    data: tuple = (x, rows.y)
    if rows.weights is not None:
        data += ((rows.weights / rows.weights.mean()).astype("float32"),)
    if before is not None:
        if _serves(before, task, fold, data):
            before.compiled.restart(before.initial)
            fold.source.initialise(before.compiled.model, x, rows.y)
            trainer = Trainer(before.compiled, data, before.recipe, task.seed)
            return replace(before, trainer=trainer)
        forget_models()
    candidate = _built(task, fold)
    initial = [np.array(variable) for variable in candidate.model.variables]
    fold.source.initialise(candidate.model, x, rows.y)
    recipe = candidate.recipe
    batch = min(recipe.batch_size, len(rows.y))
    if not fold.source.standard:
        compiled = CompiledModel(candidate, data, batch)
    else:
        compiled = compile_model(candidate, data, batch)
    trainer = Trainer(compiled, data, recipe, task.seed)
    return Prepared(trainer, compiled, recipe, fold.source, initial)


def _serves(before: Prepared, task: TrialTask, fold: Fold, data: tuple) -> bool:
    """Tell whether a model of another fold is what would be built for this one."""
    batch = min(before.recipe.batch_size, len(data[1]))
    is_same = before.source.builds_as(fold.source, task.values)
    return is_same and before.compiled.takes(data, batch)


def _built(task: TrialTask, fold: Fold) -> Candidate:
    """Build the candidate of a task, whose weights depend on its seed alone."""
    import keras

    reset_layer_names()  # those of the same architecture get the same
    if not fold.source.standard:
        keras.utils.set_random_seed(task.seed)
    else:
        seed_layers(task.seed)
    return fold.source.build(task.values)

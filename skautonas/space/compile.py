"""Compile a core model as its recipe says."""

from typing import Any

import keras

from skautonas.data.facts import Facts
from skautonas.space.loss import BinaryCrossEntropy, CrossEntropy, SquaredError
from skautonas.space.optimizers import FusedAdam, FusedOptimizer, FusedSGD
from skautonas.space.recipe import Recipe

MOMENTUM = 0.9
# Adam's second moment decays faster than by default: trainings here take hundreds of
# steps, not tens of thousands (RealMLP: 0.95, TabM: 0.999; in between).
BETA_2 = 0.99
CLIP_NORM = 1.0


def compile_core(model: Any, recipe: Recipe, facts: Facts) -> None:
    """Compile ``model`` in place; the trainer sets the learning rate at each step."""
    loss: keras.losses.Loss
    if facts.task == "classification":
        loss = CrossEntropy(facts.n_outputs, recipe.label_smoothing)
    elif facts.task == "multilabel":
        loss = BinaryCrossEntropy(recipe.label_smoothing)
    else:
        loss = SquaredError()
    optimizer = make_optimizer(recipe)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)


def make_optimizer(recipe: Recipe) -> FusedOptimizer:
    """Return the recipe's optimizer, with decoupled weight decay on kernels only."""
    options = {
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": CLIP_NORM,
        "averaging": recipe.averaging,
    }
    if recipe.optimizer == "sgd":
        return FusedSGD(recipe.learning_rate, momentum=MOMENTUM, **options)
    return FusedAdam(recipe.learning_rate, beta_2=BETA_2, **options)

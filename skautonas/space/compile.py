"""Compile a core model as its recipe says."""

from typing import Any

import keras

from skautonas.data.facts import Facts
from skautonas.space.loss import BinaryCrossEntropy, CrossEntropy, SquaredError
from skautonas.space.recipe import Recipe

MOMENTUM = 0.9
# Adam's second moment decays faster than by default: trainings here take hundreds of
# steps, not tens of thousands (RealMLP: 0.95, TabM: 0.999; in between).
BETA_2 = 0.99
CLIP_NORM = 1.0
# Never decayed: offsets and the parameters of normalisation layers.
UNDECAYED = ["bias", "gamma", "beta"]


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


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Return the recipe's optimizer, with decoupled weight decay on kernels only."""
    decay = recipe.weight_decay or None
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            recipe.learning_rate,
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=decay,
            global_clipnorm=CLIP_NORM,
        )
    else:
        optimizer = keras.optimizers.Adam(
            recipe.learning_rate,
            beta_2=BETA_2,
            weight_decay=decay,
            global_clipnorm=CLIP_NORM,
        )
    if decay is not None:
        optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    return optimizer

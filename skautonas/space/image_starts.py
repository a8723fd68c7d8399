"""Known-good image networks and their training, by size of the data."""

from collections.abc import Sequence

import keras_tuner

from skautonas.data.facts import ImageFacts
from skautonas.space.base import Configuration
from skautonas.space.chooser import nearest
from skautonas.space.recipe import RecipeOptions

PLAIN = {"stages": 3, "stage1/filters": 32, "stage2/filters": 64}


def starts_for(facts: ImageFacts) -> list[Configuration]:
    """Return the starts for images of this size and kind, strongest first."""
    return [PLAIN]


def fit_to_space(
    starts: Sequence[Configuration], hp: keras_tuner.HyperParameters
) -> list[Configuration]:
    """Return the starts with what the space offers: nearest values, no duplicates."""
    parameters = {parameter.name: parameter for parameter in hp.space}
    fitted: list[Configuration] = []
    for start in starts:
        values = {
            name: nearest(parameters[name].values, value)
            for name, value in start.items()
            if name in parameters
        }
        if values not in fitted:
            fitted.append(values)
    return fitted


def image_recipe(facts: ImageFacts) -> RecipeOptions:
    """Return defaults and offered values of the training of image networks."""
    return RecipeOptions(
        optimizer="adamw",
        learning_rate=3e-3,
        sgd_learning_rate=0.05,
        schedule="one_cycle",
        weight_decay=0.02,
        batch_sizes=(32, 64, 128),
        batch_size=64,
        label_smoothing=0.05,
        epochs=(10, 15, 20, 30),
        default_epochs=20,
        patience=16,
    )

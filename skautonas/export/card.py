"""The model card: how to call an exported model with Keras alone."""

import re
from collections.abc import Callable
from typing import Any

from skautonas.data.targets import LabelSetTargets, Targets, ValueTargets

TEMPLATE = """# {name}

A Keras model, found by skautonas {version} and saved uncompiled. It takes raw inputs
and returns {returns}. It needs {needs}.

- validation score ({scoring}): {score:.4f}, of the best of {n_trials} trials, less the
  luck of having been chosen
- weights: {n_parameters}

```python
{snippet}

import keras
import tensorflow as tf

model = keras.saving.load_model("{file}", safe_mode=True)


def predict(X):
    inputs = {{name: tf.constant(array) for name, array in to_inputs(X).items()}}
    return model(inputs, training=False).numpy()
```
{classes}
"""


def model_card(
    *,
    name: str,
    version: str,
    file: str,
    snippet: str,
    scoring: str,
    score: float,
    n_trials: int,
    model: Any,
    targets: Targets,
) -> str:
    """Return the Markdown text of a model card.

    Parameters
    ----------
    name : str
        What the estimator is called.
    version : str
        Version of this package.
    file : str
        Name of the archive beside the card.
    snippet : str
        Source that defines ``to_inputs(X)``.
    scoring : str
        Name of the objective.
    score : float
        The validation score that is expected on other rows.
    n_trials : int
        Number of finished trials.
    model : keras.Model
        The exported model.
    targets : ClassTargets, LabelSetTargets or ValueTargets
        Meaning of the model's outputs.
    """
    returns, order = _meaning(model.output_shape[1:], targets)
    own = sorted(own_layers(model))
    needs = "keras and tensorflow only"
    if own:
        names = ", ".join(f"`{name}`" for name in own)
        needs = f"keras, tensorflow and the layers {names}, defined before it is loaded"
    return TEMPLATE.format(
        needs=needs,
        name=name,
        version=version,
        returns=returns,
        scoring=scoring,
        score=score,
        n_trials=n_trials,
        n_parameters=model.count_params(),
        snippet=snippet.strip(),
        file=file,
        classes=order,
    )


def own_layers(model: Any) -> set[str]:
    """Return the registered names of layers that do not come with Keras."""
    import keras

    names = set()
    for layer in model.layers:
        name = keras.saving.get_registered_name(type(layer))
        if ">" in name:
            names.add(name)
        if hasattr(layer, "layers"):
            names |= own_layers(layer)
    return names


def _meaning(shape: tuple[int, ...], targets: Targets) -> tuple[str, str]:
    """Say what the model returns, and which classes its outputs stand for."""
    axes = "".join(f", {size}" for size in shape) or ","
    if isinstance(targets, ValueTargets):
        return f"values in the target's unit, shape (n{axes})", ""
    if isinstance(targets, LabelSetTargets):
        return f"the probability that each label applies, shape (n{axes})", ""
    classes = targets.classes.tolist()
    if shape in ((), (1,)):
        returns = f"the probability of `{classes[1]!r}`, shape (n{axes})"
        return returns, f"\nThe classes are `{classes!r}`.\n"
    order = f"\nThe outputs stand for these classes, in order: `{classes!r}`.\n"
    return f"probabilities, shape (n{axes})", order


def scoring_name(scoring: str | Callable) -> str:
    """Return what to call a scorer, the same in every process.

    Examples
    --------
    >>> scoring_name("roc_auc"), scoring_name(max)
    ('roc_auc', 'max')
    """
    if isinstance(scoring, str):
        return scoring
    name = getattr(scoring, "__name__", None)
    return name or re.sub(r" at 0x[0-9a-fA-F]+", "", repr(scoring))

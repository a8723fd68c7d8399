"""A multilayer perceptron after RealMLP, of standard layers.

RealMLP-TD-S [1]_ has weights of unit variance, which a layer divides by the root of its
width (the neural tangent parametrisation), and a factor for each feature that learns
faster than they do. Under Adam, whose steps do not depend on the scale of a gradient, a
parameter that learns ``f`` times as fast is one that is ``f`` times as small, with a
factor ``f`` behind it: no optimizer needs to know.

References
----------
.. [1] Holzmüller, Grinsztajn and Steinwart (2024), Better by default: strong pre-tuned
   MLPs and boosted trees on tabular data.
"""

import math
from typing import TYPE_CHECKING, Any

from keras import initializers, layers

from skautonas.space.chooser import Chooser

if TYPE_CHECKING:
    from skautonas.space.tabular import TabularSpace

ACTIVATIONS = ("selu", "mish", "relu")
DROPOUTS = (0.0, 0.15, 0.3)
# How much faster than the learning rate: weights 0.04 and factors of features 0.24,
# where the rate is 0.002.
WEIGHT_RATE, SCALE_RATE = 20.0, 120.0


def realmlp(choose: Chooser, x: Any, space: "TabularSpace") -> Any:
    """Build a factor for each feature, dense layers and a head."""
    usual = "mish" if space.facts.task == "regression" else "selu"
    activation = choose.value("realmlp/activation", ACTIVATIONS, usual)
    dropout = choose.value("realmlp/dropout", DROPOUTS, 0.0)
    x = choose.layer(
        layers.EinsumDense,
        x,
        equation="bi,i->bi",
        output_shape=(_width(x),),
        kernel_initializer=initializers.Constant(1 / SCALE_RATE),
    )
    x = choose.layer(layers.Rescaling, x, scale=SCALE_RATE)
    for layer in choose.repeat("realmlp/layer", *space.layers, 3):
        units = choose.value(f"{layer}/units", space.units, 256)
        x = _dense(
            choose,
            x,
            units=units,
            kernel_initializer=initializers.RandomNormal(stddev=1 / WEIGHT_RATE),
            bias_initializer=initializers.RandomNormal(stddev=1.0),
        )
        x = choose.layer(layers.Activation, x, activation=activation)
        x = choose.layer(layers.Dropout, x, rate=dropout)
    units = space.facts.n_outputs
    return _dense(choose, x, units=units, kernel_initializer="zeros", name="head")


def _dense(choose: Chooser, x: Any, **arguments: Any) -> Any:
    """Build a dense layer in the neural tangent parametrisation."""
    scale = WEIGHT_RATE / math.sqrt(_width(x))
    x = choose.layer(layers.Rescaling, x, scale=scale)
    return choose.layer(layers.Dense, x, **arguments)


def _width(x: Any) -> int:
    return 1 if x is None else x.shape[-1]

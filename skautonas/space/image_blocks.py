"""The parts of an image network: convolutions, blocks, stems, pooling, augmentation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from skautonas.space.chooser import Chooser

# Keras' default of 0.99 needs hundreds of steps; short trainings measured the moving
# average instead of the model (0.125 against 0.70 after 200 steps).
BATCH_MOMENTUM = 0.9
# MobileNetV2 and MnasNet expand by 6 and 3; squeeze-and-excitation reduces to 1/4.
EXPANSIONS = (3, 6)
SQUEEZES = (0.0, 0.25)
# A tenth of the side, as usual for MNIST; 0.03 turns are 11 degrees.
SHIFT = 0.1
TURN = 0.03
# A head of "grid" keeps at most this many cells a side, so that its dense layer
# stays small on large maps.
GRID_SIDE = 4


@dataclass(frozen=True, slots=True)
class Style:
    """What all convolutions of one network share.

    Parameters
    ----------
    normalisation : {"batch", "layer", "none"}
        What follows a convolution.
    activation : str
        A Keras activation.
    """

    normalisation: str
    activation: str


def normalise(choose: Chooser, x: Any, style: Style, starts_at_zero: bool) -> Any:
    """Normalise the channels; a gain of zero lets a residual start as identity."""
    gain = "zeros" if starts_at_zero else "ones"
    if style.normalisation == "batch":
        return choose.layer(
            layers.BatchNormalization,
            x,
            momentum=BATCH_MOMENTUM,
            gamma_initializer=gain,
        )
    if style.normalisation == "layer":
        return choose.layer(
            layers.LayerNormalization, x, epsilon=1e-6, gamma_initializer=gain
        )
    return x


def convolve(
    choose: Chooser,
    x: Any,
    style: Style,
    filters: int,
    kernel: int,
    *,
    strides: int = 1,
    kind: Callable = layers.Conv2D,
    activate: bool = True,
    ends_residual: bool = False,
) -> Any:
    """Convolve, normalise and activate.

    ``kind`` is Conv2D, SeparableConv2D or DepthwiseConv2D. The last convolution
    of a residual branch starts at zero (Goyal et al. 2017; without normalisation
    Zhang et al. 2019, Fixup).
    """
    bare = style.normalisation == "none"
    arguments: dict[str, Any] = {
        "kernel_size": kernel,
        "strides": strides,
        "padding": "same",
        "use_bias": bare,
    }
    if kind is layers.DepthwiseConv2D:
        arguments["depthwise_initializer"] = "he_normal"
    elif kind is layers.SeparableConv2D:
        arguments["filters"] = filters
        arguments["pointwise_initializer"] = "he_normal"
    else:
        arguments["filters"] = filters
        zero = bare and ends_residual
        arguments["kernel_initializer"] = "zeros" if zero else "he_normal"
    x = choose.layer(kind, x, **arguments)
    x = normalise(choose, x, style, ends_residual)
    if activate:
        x = choose.layer(layers.Activation, x, activation=style.activation)
    return x


@dataclass(frozen=True, slots=True)
class Block:
    """Place and size of one block: its path, channels, kernel and strides."""

    path: str
    channels: int
    filters: int
    kernel: int
    strides: int


def plain(choose: Chooser, x: Any, block: Block, style: Style) -> Any:
    """One convolution (VGG)."""
    return convolve(
        choose, x, style, block.filters, block.kernel, strides=block.strides
    )


def separable(choose: Chooser, x: Any, block: Block, style: Style) -> Any:
    """One depthwise-separable convolution (Xception, MobileNet)."""
    return convolve(
        choose,
        x,
        style,
        block.filters,
        block.kernel,
        strides=block.strides,
        kind=layers.SeparableConv2D,
    )


def residual(choose: Chooser, x: Any, block: Block, style: Style) -> Any:
    """Two convolutions around a shortcut (ResNet-D: average, then project)."""
    branch = convolve(
        choose, x, style, block.filters, block.kernel, strides=block.strides
    )
    branch = convolve(
        choose,
        branch,
        style,
        block.filters,
        block.kernel,
        activate=False,
        ends_residual=True,
    )
    shortcut = x
    if block.strides > 1:
        shortcut = pool(choose, shortcut, "average")
    if block.channels != block.filters:
        shortcut = convolve(choose, shortcut, style, block.filters, 1, activate=False)
    x = choose.call(keras.ops.add, shortcut, branch)
    return choose.layer(layers.Activation, x, activation=style.activation)


def mbconv(choose: Chooser, x: Any, block: Block, style: Style) -> Any:
    """Inverted bottleneck with squeeze-and-excitation (MobileNetV3, EfficientNet)."""
    expansion = choose.value(f"{block.path}/expansion", EXPANSIONS, EXPANSIONS[0])
    squeeze = choose.value(f"{block.path}/squeeze", SQUEEZES, SQUEEZES[0])
    width = block.channels * expansion
    branch = convolve(choose, x, style, width, 1)
    branch = convolve(
        choose,
        branch,
        style,
        width,
        block.kernel,
        strides=block.strides,
        kind=layers.DepthwiseConv2D,
    )
    if squeeze:
        branch = excite(choose, branch, width, max(4, int(block.channels * squeeze)))
    keeps_shape = block.strides == 1 and block.channels == block.filters
    branch = convolve(
        choose,
        branch,
        style,
        block.filters,
        1,
        activate=False,
        ends_residual=keeps_shape,
    )
    return choose.call(keras.ops.add, x, branch) if keeps_shape else branch


def excite(choose: Chooser, x: Any, width: int, squeezed: int) -> Any:
    """Scale the channels by what the whole image shows (Hu et al. 2018)."""
    gate = choose.layer(layers.GlobalAveragePooling2D, x, keepdims=True)
    gate = choose.layer(layers.Dense, gate, units=squeezed, activation="relu")
    gate = choose.layer(layers.Dense, gate, units=width, activation="sigmoid")
    return choose.call(keras.ops.multiply, x, gate)


BLOCKS: dict[str, Callable] = {
    "plain": plain,
    "residual": residual,
    "separable": separable,
    "mbconv": mbconv,
}


def pool(choose: Chooser, x: Any, kind: str, size: int = 2) -> Any:
    """Shrink a map by ``size``, rounding up."""
    factory = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
    return choose.layer(factory, x, pool_size=size, padding="same")


def flatten(choose: Chooser, x: Any, kind: str) -> Any:
    """Turn a map into a vector, by its average, maximum or cells ("grid")."""
    if kind == "average":
        return choose.layer(layers.GlobalAveragePooling2D, x)
    if kind == "max":
        return choose.layer(layers.GlobalMaxPooling2D, x)
    return choose.layer(layers.Flatten, choose.call(_to_grid, x))


def _to_grid(x: Any) -> Any:
    """Average a map down to at most GRID_SIDE cells a side."""
    sizes = tuple(math.ceil(side / GRID_SIDE) for side in x.shape[1:3])
    if max(sizes) == 1:
        return x
    return layers.AveragePooling2D(sizes, padding="same")(x)


def augment(choose: Chooser, x: Any, kind: str) -> Any:
    """Distort each image of a training batch anew; change nothing at inference."""
    if kind == "none":
        return x
    if kind.startswith("flip"):
        x = choose.layer(layers.RandomFlip, x, mode="horizontal")
    if kind == "flip":
        return x
    x = choose.layer(
        layers.RandomTranslation,
        x,
        height_factor=SHIFT,
        width_factor=SHIFT,
        fill_mode="nearest",
    )
    if kind == "shift_rotate":
        x = choose.layer(layers.RandomRotation, x, factor=TURN, fill_mode="nearest")
    return x

"""The search space of images: convolutional networks in stages, linear models."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from skautonas.data.facts import ImageFacts
from skautonas.space.base import Configuration, SearchSpace
from skautonas.space.chooser import Chooser, Pick
from skautonas.space.image_blocks import (
    BLOCKS,
    Block,
    Style,
    augment,
    convolve,
    flatten,
    pool,
)
from skautonas.space.image_sizes import (
    affordable,
    linear_shrink,
    most_stages,
    shrinks,
    stems,
)
from skautonas.space.image_starts import (
    LINEAR_ROWS,
    default_augmentation,
    image_recipe,
    linear_start,
    starts_for,
)
from skautonas.space.image_whitening import PATCH, WHITENING, n_filters, whiten
from skautonas.space.options import (
    check_activations,
    check_names,
    check_range,
    check_rates,
    check_sizes,
)
from skautonas.space.recipe import RecipeOptions

ARCHITECTURES = ("convolution", "linear")
POOLINGS = ("max", "average", "stride")
NORMALISATIONS = ("batch", "layer", "none")
AUGMENTATIONS = ("none", "shift", "shift_rotate", "flip", "flip_shift")
HEAD_POOLINGS = ("average", "max", "grid")
# Kernels by stride: the patches of a strided stem overlap.
STEM_KERNELS = {1: (3, 5), 2: (3, 5), 4: (5, 7)}
STEM_FILTERS = FIRST_FILTERS = 32
DEFAULT_STAGES = 2
# The layer that normalises pixels.
PIXELS = "pixels"


class ImageSpace(SearchSpace):
    """Convolutional networks: a stem, stages of blocks, and a dense head.

    The network normalises the pixels, distorts them in training, and shrinks the
    map by two from each stage to the next, never below two pixels a side. Up to 1000
    rows that train, linear models of the pixels, too.

    Parameters
    ----------
    architectures : sequence of {"convolution", "linear"}, default=all
        What to build. With more rows, "linear" is offered only where it is alone.
    blocks : sequence of {"plain", "residual", "separable", "mbconv"}, default=all
        Kinds of block, chosen block by block.
    stages : tuple of int, default=(1, 4)
        Least and most stages; small images allow fewer.
    blocks_per_stage : tuple of int, default=(1, 3)
        Least and most blocks in a stage.
    filters : sequence of int, default=(16, 32, 48, 64, 96, 128, 192)
        Channels of a stage. Wide ones are left out where the map can be large
        (filters x pixels a side above 1536), the narrowest one is always offered.
    kernel_sizes : sequence of int, default=(3, 5, 7)
        Pixels a side of a stage's kernels.
    activations : sequence of str, default=("relu", "gelu", "swish")
        Keras activations, one for the whole network.
    poolings : sequence of {"max", "average", "stride"}, default=all
        How the map shrinks between two stages.
    normalisations : sequence of {"batch", "layer", "none"}, default=all
        What follows each convolution.
    augmentations : sequence of str or None, default=None
        Distortions in training, of "none", "shift", "shift_rotate", "flip",
        "flip_shift". None offers all, but flips only for natural images.
    head_poolings : sequence of {"average", "max", "grid"}, default=all
        How the last map becomes a vector; "grid" keeps 4 x 4 cells.
    head_layers : tuple of int, default=(0, 2)
        Least and most dense layers before the output.
    head_units : sequence of int, default=(64, 128, 256)
        Units of such a dense layer.
    dropout_rates : sequence of float, default=(0.0, 0.2, 0.4)
        Rates before each dense layer, the output included.

    Raises
    ------
    ValueError
        Where an option is empty, unknown or out of range.

    Examples
    --------
    >>> ImageSpace(blocks=("plain",), stages=(2, 3)).blocks
    ('plain',)
    """

    facts: ImageFacts

    def __init__(
        self,
        *,
        architectures: Sequence[str] = ARCHITECTURES,
        blocks: Sequence[str] = tuple(BLOCKS),
        stages: tuple[int, int] = (1, 4),
        blocks_per_stage: tuple[int, int] = (1, 3),
        filters: Sequence[int] = (16, 32, 48, 64, 96, 128, 192),
        kernel_sizes: Sequence[int] = (3, 5, 7),
        activations: Sequence[str] = ("relu", "gelu", "swish"),
        poolings: Sequence[str] = POOLINGS,
        normalisations: Sequence[str] = NORMALISATIONS,
        augmentations: Sequence[str] | None = None,
        head_poolings: Sequence[str] = HEAD_POOLINGS,
        head_layers: tuple[int, int] = (0, 2),
        head_units: Sequence[int] = (64, 128, 256),
        dropout_rates: Sequence[float] = (0.0, 0.2, 0.4),
    ) -> None:
        super().__init__()
        self.architectures = check_names("architectures", architectures, ARCHITECTURES)
        self.blocks = check_names("blocks", blocks, BLOCKS)
        self.stages = check_range("stages", stages, 1)
        self.blocks_per_stage = check_range("blocks_per_stage", blocks_per_stage, 1)
        self.filters = check_sizes("filters", filters)
        self.kernel_sizes = check_sizes("kernel_sizes", kernel_sizes)
        self.activations = check_activations(activations)
        self.poolings = check_names("poolings", poolings, POOLINGS)
        self.normalisations = check_names(
            "normalisations", normalisations, NORMALISATIONS
        )
        self.augmentations = augmentations
        if augmentations is not None:
            self.augmentations = check_names(
                "augmentations", augmentations, AUGMENTATIONS
            )
        self.head_poolings = check_names("head_poolings", head_poolings, HEAD_POOLINGS)
        self.head_layers = check_range("head_layers", head_layers, 0)
        self.head_units = check_sizes("head_units", head_units)
        self.dropout_rates = check_rates("dropout_rates", dropout_rates)

    def body(self, choose: Chooser, inputs: Any) -> Any:
        """Describe the model, from {"image"} to the raw outputs."""
        families = {"convolution": self._network, "linear": self._linear}
        offered = self.architectures
        if self.facts.n_rows > LINEAR_ROWS and "convolution" in offered:
            offered = ("convolution",)
        options = {name: families[name] for name in offered}
        build = choose.one("architecture", options, "convolution")
        return build(choose, None if inputs is None else inputs["image"])

    def _linear(self, choose: Chooser, x: Any) -> Any:
        """Describe a linear model; its coefficients start at zero."""
        factor = linear_shrink(self._sides())
        if factor > 1:
            x = pool(choose, x, "average", factor)
        x = choose.layer(layers.Flatten, _normalised(choose, x))
        return choose.layer(
            layers.Dense,
            x,
            units=self.facts.n_outputs,
            kernel_initializer="zeros",
            name="output",
        )

    def _network(self, choose: Chooser, x: Any) -> Any:
        """Describe a convolutional network."""
        style = Style(
            choose.value("normalisation", self.normalisations, "batch"),
            choose.value("activation", self.activations, "relu"),
        )
        x = self._enter(choose, x)
        x, channels = self._stem(choose, x, style)
        low, high = self.stages
        most = most_stages(self._sides())
        stages = choose.repeat("stage", min(low, most), min(high, most), DEFAULT_STAGES)
        for halvings, stage in enumerate(stages):
            x, channels = self._stage(choose, x, channels, stage, halvings, style)
        return self._head(choose, x, style)

    def recipe_options(self) -> RecipeOptions:
        """Return defaults and offered values of the recipe for the bound data."""
        return image_recipe(self.facts)

    def known_starts(self) -> list[Configuration]:
        """Return starts for the bound data, strongest first."""
        starts = starts_for(self.facts)
        offered = [
            start
            for start in starts
            if start.get("architecture", "convolution") in self.architectures
        ]
        return offered or [linear_start(self.facts)]

    def core(self, choose: Pick) -> Any:
        """Build the model; its first layer normalises pixels as the facts say."""
        model = super().core(choose)
        mean, std = np.array(self.facts.mean), np.array(self.facts.std)
        model.get_layer(PIXELS).set_weights([mean, std**2])
        return model

    def predictor(self, core: Any) -> Any:
        """Return a model that averages over the mirror image, if that trained too."""
        if not any(isinstance(layer, layers.RandomFlip) for layer in core.layers):
            return core
        # Of the same layers, without the optimizer, which would be saved with it.
        bare = keras.Model(core.input, core.output, name="core")
        image = core.input["image"]
        mirrored = bare({"image": keras.ops.flip(image, axis=2)})
        both = layers.Average()([bare({"image": image}), mirrored])
        return keras.Model(core.input, both, name="mirrored")

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Set the filters of a stem that whitens."""
        whiten(model, x["image"], self.facts)

    def _sides(self) -> tuple[int, int]:
        height, width, _ = self.facts.inputs["image"].shape
        return height, width

    def _enter(self, choose: Chooser, x: Any) -> Any:
        """Shrink large images, normalise the pixels, and distort in training."""
        factors = shrinks(self._sides())
        factor = choose.value("shrink", factors, factors[-1])
        if factor > 1:
            x = pool(choose, x, "average", factor)
        x = _normalised(choose, x)
        default = default_augmentation(self.facts)
        kind = choose.value("augmentation", self._augmentations(), default)
        return augment(choose, x, kind)

    def _augmentations(self) -> tuple[str, ...]:
        if self.augmentations is not None:
            return tuple(self.augmentations)
        if self.facts.natural:
            return AUGMENTATIONS
        return tuple(kind for kind in AUGMENTATIONS if not kind.startswith("flip"))

    def _stem(self, choose: Chooser, x: Any, style: Style) -> tuple[Any, int]:
        """Turn pixels into channels; large images shrink here already."""
        strides = stems(self._sides())

        def convolution(kind: str) -> Callable:
            def apply(choose: Chooser, x: Any) -> Any:
                offered = affordable(self.filters, self._sides(), strides[kind])
                filters = choose.value(f"stem/{kind}/filters", offered, STEM_FILTERS)
                if kind.startswith("whiten"):
                    return self._whitened(choose, x, style, filters, strides[kind])
                kernel = strides[kind]
                if not kind.startswith("patch"):
                    kernels = STEM_KERNELS[strides[kind]]
                    kernel = choose.value(f"stem/{kind}/kernel", kernels, kernels[0])
                return convolve(
                    choose, x, style, filters, kernel, strides=strides[kind]
                )

            return apply

        options = {kind: convolution(kind) for kind in strides}
        x = choose.one("stem/kind", options, next(iter(options)))(choose, x)
        return x, 0 if x is None else x.shape[-1]

    def _whitened(
        self, choose: Chooser, x: Any, style: Style, filters: int, strides: int
    ) -> Any:
        """Whiten patches; `initialise` sets the filters."""
        channels = self.facts.inputs["image"].shape[-1]
        x = choose.layer(
            layers.Conv2D,
            x,
            name=WHITENING,
            filters=n_filters(filters, channels),
            kernel_size=PATCH,
            strides=strides,
            use_bias=False,
            trainable=False,
        )
        return choose.layer(layers.Activation, x, activation=style.activation)

    def _stage(
        self,
        choose: Chooser,
        x: Any,
        channels: int,
        stage: str,
        halvings: int,
        style: Style,
    ) -> tuple[Any, int]:
        """Shrink the map, from the second stage on, and apply the blocks."""
        stride = min(stems(self._sides()).values()) * 2**halvings
        offered = affordable(self.filters, self._sides(), stride)
        filters = choose.value(f"{stage}/filters", offered, FIRST_FILTERS * 2**halvings)
        kernel = choose.value(f"{stage}/kernel", self.kernel_sizes, 3)
        pooling = "none"
        if halvings:
            pooling = choose.value(f"{stage}/pooling", self.poolings, "max")
        if pooling in ("max", "average"):
            x = pool(choose, x, pooling)
        strides = 2 if pooling == "stride" else 1
        kinds = {kind: BLOCKS[kind] for kind in self.blocks}
        for path in choose.repeat(f"{stage}/block", *self.blocks_per_stage, 1):
            block = Block(path, channels, filters, kernel, strides)
            apply = choose.one(f"{path}/kind", kinds, "plain")
            x = apply(choose, x, block=block, style=style)
            channels, strides = filters, 1
        return x, channels

    def _head(self, choose: Chooser, x: Any, style: Style) -> Any:
        """Flatten the last map, and end in raw outputs."""
        kind = choose.value("head/pooling", self.head_poolings, "average")
        rate = choose.value("head/dropout", self.dropout_rates, 0.2)
        x = flatten(choose, x, kind)
        for path in choose.repeat("head/layer", *self.head_layers, 0):
            units = choose.value(f"{path}/units", self.head_units, 128)
            x = choose.layer(layers.Dropout, x, rate=rate)
            x = choose.layer(
                layers.Dense,
                x,
                units=units,
                activation=style.activation,
                kernel_initializer="he_normal",
            )
        x = choose.layer(layers.Dropout, x, rate=rate)
        return choose.layer(layers.Dense, x, units=self.facts.n_outputs, name="output")


def _normalised(choose: Chooser, x: Any) -> Any:
    """Normalise the pixels; `ImageSpace.core` sets mean and variance."""
    # Keras' Normalization has numbers in its graph: that of each fold is another.
    return choose.layer(
        layers.BatchNormalization,
        x,
        name=PIXELS,
        center=False,
        scale=False,
        trainable=False,
        epsilon=0.0,  # pixels may be as small as they like
    )

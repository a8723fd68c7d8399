"""The search space of images: convolutional networks in stages."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import layers

from skautonas.space.base import Configuration, SearchSpace, declared
from skautonas.space.chooser import Chooser
from skautonas.space.facts import ImageFacts
from skautonas.space.image_blocks import (
    BLOCKS,
    Block,
    Style,
    augment,
    convolve,
    flatten_map,
    pool,
)
from skautonas.space.image_options import (
    check_activations,
    check_names,
    check_range,
    check_rates,
    check_sizes,
)
from skautonas.space.image_starts import fit_to_space, image_recipe, starts_for
from skautonas.space.recipe import RecipeOptions

POOLINGS = ("max", "average", "stride")
NORMALISATIONS = ("batch", "layer", "none")
AUGMENTATIONS = ("none", "shift", "shift_rotate", "flip_shift")
HEAD_POOLINGS = ("average", "max", "grid")
# A map is never shrunk below two pixels a side.
SMALLEST_SIDE = 2
# Images are averaged down to sides in this window before anything is convolved: a
# trial on one CPU thread must stay affordable.
SHRUNK_SIDES = (48, 128)
# Cost of a convolution is (filters x side)^2: wider ones than this are not offered
# where the map can be large (32 filters at 32 pixels, 128 at 8).
WIDEST_MAP = 1024
# Offered stems by the shorter side: name -> stride. The first one is the default.
STEMS = (
    (24, {"conv": 1}),
    (48, {"stride2": 2, "patch2": 2, "conv": 1}),
    (math.inf, {"patch4": 4, "stride2": 2, "stride4": 4}),
)
# Kernels by stride: the patches of a strided stem overlap.
STEM_KERNELS = {1: (3, 5), 2: (3, 5), 4: (5, 7)}
STEM_FILTERS = 32
DEFAULT_STAGES = 3


class ImageSpace(SearchSpace):
    """Convolutional networks: a stem, stages of blocks, and a dense head.

    The network normalises the pixels, distorts them in training, and shrinks the
    map by two from each stage to the next, never below two pixels a side.

    Parameters
    ----------
    blocks : sequence of {"plain", "residual", "separable", "mbconv"}, default=all
        Kinds of block, chosen block by block.
    stages : tuple of int, default=(1, 4)
        Least and most stages; small images allow fewer.
    blocks_per_stage : tuple of int, default=(1, 3)
        Least and most blocks in a stage.
    filters : sequence of int, default=(16, 32, 64, 128)
        Channels of a stage. Wide ones are left out where the map can be large
        (filters x pixels a side above 1024), the narrowest one is always offered.
    kernel_sizes : sequence of int, default=(3, 5, 7)
        Pixels a side of a stage's kernels.
    activations : sequence of str, default=("relu", "gelu", "swish")
        Keras activations, one for the whole network.
    poolings : sequence of {"max", "average", "stride"}, default=all
        How the map shrinks between two stages.
    normalisations : sequence of {"batch", "layer", "none"}, default=all
        What follows each convolution.
    augmentations : sequence of str or None, default=None
        Distortions in training, of "none", "shift", "shift_rotate", "flip_shift".
        None offers all, but flips only for natural images.
    head_poolings : sequence of {"average", "max", "grid"}, default=all
        How the last map becomes a vector; "grid" keeps 4 x 4 cells.
    head_layers : tuple of int, default=(0, 2)
        Least and most dense layers before the output.
    head_units : sequence of int, default=(64, 128, 256)
        Units of such a dense layer.
    dropouts : sequence of float, default=(0.0, 0.2, 0.4)
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
        blocks: Sequence[str] = tuple(BLOCKS),
        stages: tuple[int, int] = (1, 4),
        blocks_per_stage: tuple[int, int] = (1, 3),
        filters: Sequence[int] = (16, 32, 64, 128),
        kernel_sizes: Sequence[int] = (3, 5, 7),
        activations: Sequence[str] = ("relu", "gelu", "swish"),
        poolings: Sequence[str] = POOLINGS,
        normalisations: Sequence[str] = NORMALISATIONS,
        augmentations: Sequence[str] | None = None,
        head_poolings: Sequence[str] = HEAD_POOLINGS,
        head_layers: tuple[int, int] = (0, 2),
        head_units: Sequence[int] = (64, 128, 256),
        dropouts: Sequence[float] = (0.0, 0.2, 0.4),
    ) -> None:
        super().__init__()
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
        self.dropouts = check_rates("dropouts", dropouts)

    def body(self, choose: Chooser, inputs: Any) -> Any:
        """Describe the network, from {"image"} to the raw outputs."""
        style = Style(
            choose.value("normalisation", self.normalisations, "batch"),
            choose.value("activation", self.activations, "relu"),
        )
        x = None if inputs is None else inputs["image"]
        x, sides = self._enter(choose, x)
        x, sides, channels = self._stem(choose, x, sides, style)
        low, high = self._stage_range()
        for index, stage in enumerate(choose.repeat("stage", low, high, DEFAULT_STAGES)):
            x, sides, channels = self._stage(
                choose, x, sides, channels, stage, index, style
            )
        return self._head(choose, x, sides, style)

    def recipe_options(self) -> RecipeOptions:
        """Return defaults and offered values of the recipe for the bound data."""
        return image_recipe(self.facts, min(self._sides()))

    def known_starts(self) -> list[Configuration]:
        """Return starts for the bound data, strongest first.

        A start that this space cannot express, because an option excludes it,
        takes the nearest offered values.
        """
        return fit_to_space(starts_for(self.facts), declared(self))

    def _sides(self) -> tuple[int, int]:
        height, width, _ = self.facts.inputs["image"].shape
        return height, width

    def _enter(self, choose: Chooser, x: Any) -> tuple[Any, tuple[int, ...]]:
        """Shrink large images, normalise the pixels, and distort in training."""
        shrinks = _shrinks(self._sides())
        shrink = choose.value("shrink", shrinks, shrinks[-1])
        if shrink > 1:
            x = pool(choose, x, "average", shrink)
        x = choose.layer(
            layers.Normalization,
            x,
            mean=list(self.facts.mean),
            variance=[std**2 for std in self.facts.std],
        )
        kind = choose.value("augmentation", self._augmentations(), "shift")
        x = augment(choose, x, kind)
        return x, _halved(self._sides(), shrink)

    def _augmentations(self) -> tuple[str, ...]:
        if self.augmentations is not None:
            return tuple(self.augmentations)
        if self.facts.natural:
            return AUGMENTATIONS
        return tuple(kind for kind in AUGMENTATIONS if kind != "flip_shift")

    def _stem(
        self, choose: Chooser, x: Any, sides: tuple[int, ...], style: Style
    ) -> tuple[Any, tuple[int, ...], int]:
        """Turn pixels into channels; large images shrink here already."""
        filters = choose.value("stem/filters", self._filters(0), STEM_FILTERS)
        stems = _stems(self._sides())
        strides = {"stem": 1}

        def convolution(kind: str) -> Callable:
            def apply(choose: Chooser, x: Any) -> Any:
                stride = stems[kind]
                strides["stem"] = stride
                kernel = stride
                if not kind.startswith("patch"):
                    kernels = STEM_KERNELS[stride]
                    kernel = choose.value(f"stem/{kind}/kernel", kernels, kernels[0])
                return convolve(choose, x, style, filters, kernel, strides=stride)

            return apply

        options = {kind: convolution(kind) for kind in stems}
        x = choose.one("stem/kind", options, next(iter(stems)))(choose, x)
        return x, _halved(sides, strides["stem"]), filters

    def _stage_range(self) -> tuple[int, int]:
        """Return least and most stages for the smallest map that a stem leaves."""
        sides = self._sides()
        stride = max(_stems(sides).values()) * _shrinks(sides)[-1]
        side = math.ceil(min(sides) / stride)
        most = 1
        while math.ceil(side / 2) >= SMALLEST_SIDE and side > SMALLEST_SIDE:
            side = math.ceil(side / 2)
            most += 1
        low, high = self.stages
        return min(low, most), min(high, most)

    def _filters(self, index: int) -> tuple[int, ...]:
        """Return the widths offered where the map is as large as it can be."""
        sides = self._sides()
        stride = min(_stems(sides).values()) * _shrinks(sides)[0]
        side = math.ceil(max(sides) / stride / 2**index)
        affordable = tuple(width for width in self.filters if width * side <= WIDEST_MAP)
        return affordable or self.filters[:1]

    def _stage(
        self,
        choose: Chooser,
        x: Any,
        sides: tuple[int, ...],
        channels: int,
        stage: str,
        index: int,
        style: Style,
    ) -> tuple[Any, tuple[int, ...], int]:
        """Shrink the map, from the second stage on, and apply the blocks."""
        filters = choose.value(
            f"{stage}/filters", self._filters(index), STEM_FILTERS * 2**index
        )
        kernel = choose.value(f"{stage}/kernel", self.kernel_sizes, 3)
        pooling = "none"
        if index:
            pooling = choose.value(f"{stage}/pooling", self.poolings, "stride")
            sides = _halved(sides, 2)
        if pooling in ("max", "average"):
            x = pool(choose, x, pooling)
        strides = 2 if pooling == "stride" else 1
        blocks = {kind: BLOCKS[kind] for kind in self.blocks}
        for path in choose.repeat(f"{stage}/block", *self.blocks_per_stage, 1):
            block = Block(path, channels, filters, kernel, strides)
            x = choose.one(f"{path}/kind", blocks, "plain")(
                choose, x, block=block, style=style
            )
            channels, strides = filters, 1
        return x, sides, channels

    def _head(
        self, choose: Chooser, x: Any, sides: tuple[int, ...], style: Style
    ) -> Any:
        """Flatten the last map, and end in raw outputs."""
        kind = choose.value("head/pooling", self.head_poolings, "average")
        rate = choose.value("head/dropout", self.dropouts, 0.2)
        x = flatten_map(choose, x, kind, sides)
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


def _halved(sides: tuple[int, ...], stride: int) -> tuple[int, ...]:
    return tuple(math.ceil(side / stride) for side in sides)


def _shrinks(sides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the offered factors by which images are averaged down first."""
    least, most = SHRUNK_SIDES
    factors = [1]
    while min(sides) / (factors[-1] * 2) >= least:
        factors.append(factors[-1] * 2)
    affordable = tuple(factor for factor in factors if max(sides) / factor <= most)
    return affordable or (factors[-1],)


def _stems(sides: tuple[int, ...]) -> dict[str, int]:
    """Return the strides of the offered stems, by name."""
    return next(stems for below, stems in STEMS if min(sides) < below)

"""Known-good image networks and their training, by size of the data."""

import math

from skautonas.data.facts import ImageFacts
from skautonas.space.base import Configuration
from skautonas.space.image_sizes import is_affordable, linear_shrink, stems
from skautonas.space.recipe import RecipeOptions, by_rows

# Below this many pixels a side (the shorter one), images need no strided stem.
SMALL_SIDE = 24
# Planned epochs up to so many rows. A trial that lacks the time for them has fewer, and
# the refit as many as it has the time for (docs/design/0010).
EPOCHS_BY_ROWS = ((2_500, 30), (20_000, 20), (60_000, 12))
FEWEST_EPOCHS = 8
# Up to so many training rows a linear model is among the starts.
LINEAR_ROWS = 1000
# Adam moves all its coefficients alike, so that more of them need smaller steps. The
# rate is this, divided by their number, within bounds (docs/design/0005).
LINEAR_RATE, LINEAR_RATES = 1.6, (1.25e-3, 3.2e-2)
EPOCHS = (3, 5, 8, 12, 20, 30)
# A mean of about so many of the last steps' weights, 1 / (1 - value): where the rate
# ends at zero, as in all starts, it changes no score (docs/design/0010).
AVERAGINGS = (0.0, 0.98, 0.998)
# Of photographs, the last start: twice as much to compute as others.
WIDE = (48, 96, 192)
# Natural images are shifted, too, where so many epochs are planned: in 4 it cost a
# point of accuracy, in 16 it was worth 1.6 (docs/design/0010).
SHIFT_EPOCHS = 10


def starts_for(facts: ImageFacts) -> list[Configuration]:
    """Return the starts for images of this size and kind, strongest first.

    A head that keeps a grid of cells beat global averaging in the same training (MNIST,
    4 000 rows: 0.986 against 0.973), so it leads everywhere. A number may depend on
    what distortions change, such as a position, so that regression tries early without
    them.
    """
    best, *others = _networks(facts)
    if facts.task == "regression":
        others.insert(0, best | {"augmentation": "none"})
    if facts.n_rows <= LINEAR_ROWS:
        others.insert(0, linear_start(facts))
    return [best, *others]


def linear_start(facts: ImageFacts) -> Configuration:
    """Return the linear model, and how it is trained."""
    *sides, channels = facts.inputs["image"].shape
    factor = linear_shrink(sides)
    n_coefficients = channels * math.prod(math.ceil(side / factor) for side in sides)
    least, most = LINEAR_RATES
    return {
        "architecture": "linear",
        "recipe/schedule": "cosine",
        "recipe/label_smoothing": 0.0,
        "recipe/adamw/learning_rate": min(
            max(LINEAR_RATE / n_coefficients, least), most
        ),
        "recipe/adamw/weight_decay": 0.1,
    }


def _networks(facts: ImageFacts) -> list[Configuration]:
    """Return the architectures of the starts."""
    height, width, _ = facts.inputs["image"].shape
    side = min(height, width)
    # The mirror image of some things is another, such as that of an arrow.
    unflipped: Configuration = {"augmentation": "shift"}
    if side < SMALL_SIDE:
        narrow = unflipped | {"stem/conv/filters": 16}
        return [
            _network("plain", 32, 64, stem="conv"),
            _network("residual", 16, 32, stem="conv") | narrow,
            _network("plain", 32, 64, 128, stem="conv") | {"normalisation": "layer"},
        ]
    stem = "whiten4" if "whiten4" in stems((height, width)) else "whiten2"
    white = _network("plain", 32, 64, stem=stem)
    if facts.natural:
        more = next((n for n in EPOCHS if n > _epochs(facts)), EPOCHS[-1])
        longer = {"augmentation": "flip_shift", "recipe/epochs": more}
        starts = [
            white,
            _network("plain", 32, 64, 128, stem="whiten2") | longer,
            _network("residual", 32, 64, stem=stem) | unflipped,
            _network("separable", 32, 64, 128, stem=stem) | {"activation": "gelu"},
        ]
        if is_affordable(WIDE, (height, width)):
            starts.append(_network("plain", *WIDE, stem=stem) | longer)
        return starts
    strided = {"stem/stride2/kernel": 5, "stem/stride2/filters": 16}
    return [
        _network("plain", 16, 32, 64, stem="stride2") | strided,
        white,
        _network("separable", 32, 64, 128, stem="stride2") | strided,
        _network("residual", 16, 32, 64, stem="stride2") | strided,
    ]


def default_augmentation(facts: ImageFacts) -> str:
    """Return the distortions of images in training: more where it is longer."""
    if not facts.natural:
        return "shift"
    return "flip" if _epochs(facts) < SHIFT_EPOCHS else "flip_shift"


def _epochs(facts: ImageFacts) -> int:
    return by_rows(EPOCHS_BY_ROWS, facts.n_rows, FEWEST_EPOCHS)


def _network(kind: str, *filters: int, stem: str) -> Configuration:
    """Return a network of one kind of block, one block a stage."""
    start: Configuration = {
        "stem/kind": stem,
        "stages": len(filters),
        "head/pooling": "grid",
    }
    for stage, width in enumerate(filters, start=1):
        start[f"stage{stage}/filters"] = width
        start[f"stage{stage}/block1/kind"] = kind
    return start


def image_recipe(facts: ImageFacts) -> RecipeOptions:
    """Return defaults and offered values of the training of image networks.

    Batches of 64 under AdamW with a peak rate of 0.01 and a one-cycle schedule
    train small normalised networks in a few hundred steps.
    """
    return RecipeOptions(
        optimizer="adamw",
        learning_rate=0.01,
        sgd_learning_rate=0.1,
        schedule="one_cycle",
        weight_decay=0.02,
        batch_sizes=(32, 64, 128),
        batch_size=64,
        label_smoothing=0.05,
        epochs=EPOCHS,
        default_epochs=_epochs(facts),
        patience=16,
        averagings=AVERAGINGS,
    )

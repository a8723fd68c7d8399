"""Known-good image networks and their training, by size of the data."""

from skautonas.data.facts import ImageFacts
from skautonas.space.base import Configuration
from skautonas.space.recipe import RecipeOptions

# Below this many pixels a side (the shorter one), images need no strided stem.
SMALL_SIDE = 24
# Planned epochs up to so many rows: about 40 000 to 80 000 images are seen. One
# thread, 80/20 split: scikit-learn's digits 1 437 rows x 30 epochs 0.997, MNIST 4 000
# rows x 12 epochs 0.986, Kannada-MNIST 8 000 rows x 9 epochs 0.988, CIFAR-10 9 600 rows
# x 7 epochs 0.62.
EPOCHS_BY_ROWS = ((2_500, 30), (6_000, 12), (20_000, 8), (60_000, 5))
FEWEST_EPOCHS = 3
EPOCHS = (3, 5, 8, 12, 20, 30)


def starts_for(facts: ImageFacts) -> list[Configuration]:
    """Return the starts for images of this size and kind, strongest first.

    A head that keeps a grid of cells beat global averaging in the same training (MNIST,
    4 000 rows: 0.986 against 0.973), so it leads everywhere. Distortions lead too
    (CIFAR-10: 0.62 against 0.575), but a number may depend on what they change, such as
    a position, so that regression tries early without them.
    """
    best, *others = _networks(facts)
    if facts.task == "regression":
        others.insert(0, best | {"augmentation": "none"})
    return [best, *others]


def _networks(facts: ImageFacts) -> list[Configuration]:
    """Return the architectures of the starts."""
    height, width, _ = facts.inputs["image"].shape
    if min(height, width) < SMALL_SIDE:
        return [
            _network("plain", 32, 64, stem=32),
            _network("residual", 16, 32, stem=16),
            _network("plain", 32, 64, 128, stem=32, normalisation="layer"),
        ]
    fine = {"stem/stride2/kernel": 5}
    narrow = _network("plain", 16, 32, 64, stem=16) | fine
    wide = _network("plain", 32, 64, 128, stem=16)
    others = [
        _network("separable", 32, 64, 128, stem=16, activation="swish"),
        _network("residual", 16, 32, 64, stem=16) | fine,
    ]
    return [wide, narrow, *others] if facts.natural else [narrow, wide, *others]


def _network(
    kind: str,
    *filters: int,
    stem: int,
    normalisation: str = "batch",
    activation: str = "relu",
) -> Configuration:
    """Return a network of one kind of block, one block a stage."""
    start: Configuration = {
        "normalisation": normalisation,
        "activation": activation,
        "stem/filters": stem,
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
    epochs = next(
        (epochs for rows, epochs in EPOCHS_BY_ROWS if facts.n_rows <= rows),
        FEWEST_EPOCHS,
    )
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
        default_epochs=epochs,
        patience=16,
    )

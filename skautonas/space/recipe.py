"""How a candidate is trained: the part of a space that all modalities share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from skautonas.data.facts import Facts
from skautonas.space.chooser import Chooser

SCHEDULES = ("constant", "cosine", "one_cycle", "coslog4")
LABEL_SMOOTHING = (0.0, 0.05, 0.1)
PATIENCES = (8, 16, 32, 64)
# Learning rates are searched a factor of eight to both sides of the default: wide
# enough to cover the optimum's spread over tasks, narrow enough not to waste trials.
LEARNING_RATE_SPREAD = 8.0
WEIGHT_DECAY_RANGE = (1e-6, 1e-1)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that training needs beside model and data.

    Parameters
    ----------
    optimizer : {"adam", "adamw", "sgd"}
        SGD has Nesterov momentum 0.9.
    learning_rate : float
        Peak of the schedule.
    schedule : {"constant", "cosine", "one_cycle", "coslog4"}
        Course of the learning rate over the planned epochs.
    weight_decay : float
        Decoupled, on kernels and embeddings only.
    batch_size : int
        Rows a step.
    label_smoothing : float
        Mass moved from the true class to all classes, or from a label to its
        opposite; 0 in regression.
    epochs : int
        Planned passes over the training rows.
    patience : int
        Epochs without a better validation score before training stops.
    restore_best_epoch : bool
        Keep the weights of the best validation epoch rather than the last ones.
    averaging : float, default=0.0
        Share that the mean of the weights keeps of itself at a step, where that is what
        is validated and kept; 0 for the weights themselves.
    """

    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    batch_size: int
    label_smoothing: float
    epochs: int
    patience: int
    restore_best_epoch: bool
    averaging: float = 0.0


@dataclass(frozen=True, slots=True)
class RecipeOptions:
    """The defaults and the offered values of a modality's recipe.

    Learning rates and weight decay are the defaults; the searched ranges lie
    around them.
    """

    optimizer: str
    learning_rate: float
    sgd_learning_rate: float
    schedule: str
    weight_decay: float
    batch_sizes: tuple[int, ...]
    batch_size: int
    label_smoothing: float
    epochs: tuple[int, ...]
    default_epochs: int
    patience: int
    averagings: tuple[float, ...] = ()


def by_rows(table: Sequence[tuple[int, Value]], n_rows: int, of_more: Value) -> Value:
    """Return the value of a table of (most rows, value), or that of more rows.

    Examples
    --------
    >>> by_rows(((1_000, "few"), (9_000, "many")), 2_500, "most")
    'many'
    """
    return next((value for most, value in table if n_rows <= most), of_more)


def choose_recipe(choose: Chooser, options: RecipeOptions, facts: Facts) -> Recipe:
    """Choose the recipe of one candidate; its names all start with ``recipe/``."""
    optimizer, rate, decay = _choose_optimizer(choose, options)
    smoothing = 0.0
    if facts.task != "regression":
        usual = 0.0 if facts.proper_score else options.label_smoothing
        smoothing = choose.value("recipe/label_smoothing", LABEL_SMOOTHING, usual)
    averaging = 0.0
    if options.averagings:
        averaging = choose.value("recipe/averaging", options.averagings, 0.0)
    return Recipe(
        optimizer=optimizer,
        learning_rate=rate,
        schedule=choose.value("recipe/schedule", SCHEDULES, options.schedule),
        weight_decay=decay,
        batch_size=choose.value(
            "recipe/batch_size", options.batch_sizes, options.batch_size
        ),
        label_smoothing=smoothing,
        epochs=choose.value("recipe/epochs", options.epochs, options.default_epochs),
        patience=choose.value("recipe/patience", PATIENCES, options.patience),
        restore_best_epoch=choose.value(
            "recipe/restore_best_epoch", (True, False), True
        ),
        averaging=averaging,
    )


def _choose_optimizer(
    choose: Chooser, options: RecipeOptions
) -> tuple[str, float, float]:
    """Choose the optimizer, then its learning rate and weight decay."""

    def branch(optimizer: str, learning_rate: float, decays: bool) -> Callable:
        def choose_rates(choose: Chooser) -> tuple[str, float, float]:
            rate = choose.real(
                f"recipe/{optimizer}/learning_rate",
                learning_rate / LEARNING_RATE_SPREAD,
                learning_rate * LEARNING_RATE_SPREAD,
                learning_rate,
                log=True,
            )
            if not decays:
                return optimizer, rate, 0.0
            decay = choose.real(
                f"recipe/{optimizer}/weight_decay",
                *WEIGHT_DECAY_RANGE,
                options.weight_decay,
                log=True,
            )
            return optimizer, rate, decay

        return choose_rates

    branches = {
        "adam": branch("adam", options.learning_rate, decays=False),
        "adamw": branch("adamw", options.learning_rate, decays=True),
        "sgd": branch("sgd", options.sgd_learning_rate, decays=True),
    }
    chosen = choose.one("recipe/optimizer", branches, options.optimizer)(choose)
    return chosen or (options.optimizer, 0.0, 0.0)

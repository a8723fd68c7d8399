"""Parameters and arguments that exclude each other."""

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from skautonas.estimators._study import is_own_space

if TYPE_CHECKING:
    from skautonas.estimators._base import BaseSearch

# Those of `skautonas.strategy`, which takes seconds to import: workers start before.
STRATEGIES = (
    "auto",
    "asha",
    "bayesian",
    "bohb",
    "evolution",
    "greedy",
    "grid",
    "hyperband",
    "local",
    "optuna",
    "random",
    "reinforce",
)


def refuse_conflicts(
    search: "BaseSearch", groups: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> None:
    """Raise where parameters and arguments of a fit do not go together.

    Parameters
    ----------
    search : BaseSearch
        Estimator, whose parameters are valid one by one.
    groups, X_val, y_val, sample_weight_val : Any
        Arguments of ``fit``.
    """
    if search.max_trials is None and search.time_budget is None:
        raise ValueError(
            "Expected time_budget (seconds) or max_trials; received None for both. "
            "Set one of them, or the search never ends."
        )
    if isinstance(search.strategy, str) and search.strategy not in STRATEGIES:
        others = entry_points(group="skautonas.strategies").names
        if search.strategy not in others:
            raise ValueError(
                f"Expected strategy to be one of {sorted({*STRATEGIES, *others})} or a "
                f"keras_tuner.Oracle; received {search.strategy!r}."
            )
    if isinstance(search.space, type):
        raise TypeError(
            f"Expected an instance as space; received the class "
            f"{search.space.__name__}. Pass {search.space.__name__}()."
        )
    if is_own_space(search.space) and search.space != "auto":
        _refuse_other_modality(search)
    if (X_val is None) != (y_val is None):
        raise ValueError(
            "Expected X_val and y_val together; received only one of them. Pass "
            "both, or neither."
        )
    if X_val is None and sample_weight_val is not None:
        raise ValueError(
            "Expected sample_weight_val together with X_val and y_val; received it "
            "alone. Pass the rows that it weighs; the weights of X are sample_weight."
        )
    if search.cv is None:
        if groups is not None:
            raise ValueError(
                "Expected groups together with cv, which keeps them apart; "
                "received cv=None. Set, for example, cv=GroupKFold()."
            )
        return
    if X_val is not None:
        raise ValueError(
            "Expected either cv or X_val and y_val; received both. Drop one."
        )
    if not search.refit:
        raise ValueError(
            "Expected refit=True with cv, whose folds each give another model; "
            "received refit=False. Pass X_val and y_val, or leave refit on."
        )


def _refuse_other_modality(search: "BaseSearch") -> None:
    expected = type(search._default_space())
    if not isinstance(search.space, expected):
        raise TypeError(
            f"Expected an instance of {expected.__name__} as the space of "
            f"{type(search).__name__}; received {search.space!r}. Pass "
            f"{expected.__name__}(...), or a function build(hp)."
        )

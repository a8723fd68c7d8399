"""How to search."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search.

    Parameters
    ----------
    strategy : str or keras_tuner.Oracle
        Name or template.
    max_trials, max_epochs : int or None
        Bounds.
    refit_share : float
        Rows of the refit per training row; 0 without a refit.
    ensemble_size : int
        Most trials in the final model.
    seed : int
        Every draw of the search descends from it.
    in_order : bool
        Whether timing may decide nothing.
    by_standard_error : bool
        Whether a trial must beat an earlier one by a standard error.
    pruner : {"median"} or None
        Rule that stops trials.
    trial_timeout : float or None
        Seconds after which a trial ends.
    """

    strategy: Any
    max_trials: int | None
    max_epochs: int | None
    refit_share: float
    ensemble_size: int
    seed: int
    in_order: bool
    by_standard_error: bool
    pruner: str | None
    trial_timeout: float | None

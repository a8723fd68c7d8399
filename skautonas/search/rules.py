"""When a search ends, and how its trials are compared."""

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """When a search ends, and how its trials are compared.

    Parameters
    ----------
    max_trials : int or None
        Number of trials.
    refit_share : float
        Rows of the refit per row of a trial; 0 without a refit.
    n_folds : int
        How often a trial trains.
    in_order : bool
        Tell outcomes in the order of their numbers, and ask for trial k only when
        all before k - workers + 1 are told, so that timing decides nothing.
    by_standard_error : bool
        Whether a trial must beat an earlier one by a standard error of the difference
        of their scores on the folds.
    trial_timeout : float or None
        Seconds after which a trial ends.
    relief : float
        By how many trials fewer a core has to run while the winner is refitted.
    ensemble_size : int
        Most trials in the final model.
    refits_at_once : int
        How many of them are trained again at once.
    refit_threads : int
        Threads that those share, in workers of their own where these start at once.
    has_finals : bool
        Whether the best trials are scored on a fresh split before one of them wins.
    """

    max_trials: int | None
    refit_share: float
    n_folds: int
    in_order: bool
    _: KW_ONLY
    by_standard_error: bool = False
    trial_timeout: float | None = None
    relief: float = 0.0
    ensemble_size: int = 1
    refits_at_once: int = 1
    refit_threads: int = 1
    has_finals: bool = False

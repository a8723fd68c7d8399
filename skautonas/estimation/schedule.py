"""The course of the learning rate, as a factor of its peak."""

import numpy as np

# Share of the training over which the rate rises. Cosine: the usual 5 %;
# one-cycle: 23 % in airbench94 (Jordan 2024), rounded.
COSINE_WARMUP = 0.05
ONE_CYCLE_WARMUP = 0.25
# A rise starts this far along, so that the first steps of a short training move.
HEAD_START = 0.01


def rate_factor(schedule: str, progress: np.ndarray) -> np.ndarray:
    """Return the learning rate's factor at each progress in [0, 1].

    Parameters
    ----------
    schedule : {"constant", "cosine", "one_cycle", "coslog4"}
        ``coslog4`` is RealMLP's (Holzmüller et al. 2024): four cosine cycles, each
        twice as long as the one before.
    progress : ndarray of shape (n_steps,)
        Share of the planned training that is done before each step.

    Returns
    -------
    ndarray of shape (n_steps,)
        Factors between 0 and 1.

    Examples
    --------
    >>> rate_factor("one_cycle", np.array([0.0, 0.25, 1.0])).round(2)
    array([0.04, 1.  , 0.  ])
    """
    t = np.clip(progress, 0.0, 1.0)
    if schedule == "constant":
        return np.ones_like(t)
    if schedule == "cosine":
        fall = np.clip((t - COSINE_WARMUP) / (1 - COSINE_WARMUP), 0.0, 1.0)
        rise = np.minimum(1.0, (t + HEAD_START) / (COSINE_WARMUP + HEAD_START))
        return rise * 0.5 * (1 + np.cos(np.pi * fall))
    if schedule == "one_cycle":
        rise = (t + HEAD_START) / (ONE_CYCLE_WARMUP + HEAD_START)
        return np.minimum(rise, (1 - t) / (1 - ONE_CYCLE_WARMUP))
    if schedule == "coslog4":
        return 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t)))
    raise ValueError(f"Expected a schedule of the recipe; received {schedule!r}.")

"""The best trials, which are scored on a fresh split before one of them wins."""

from collections.abc import Mapping, Sequence

from skautonas.search.trial import Trial

# Of the budget, and the most trials: what is usual where a winner is chosen of noisy
# scores (docs/design/0014).
FINAL_SHARE = 0.2
MOST_FINALISTS = 8
# A training may take so many times what the trial took.
AGAIN_MARGIN = 1.2


def finalists(compared: Sequence[Trial], seconds: float, n_workers: int) -> list[Trial]:
    """Return the best trials that can be trained again in some time.

    Parameters
    ----------
    compared : sequence of Trial
        Best first, all of one fidelity.
    seconds : float
        Time for all of them.
    n_workers : int
        How many train at once.

    Returns
    -------
    list of Trial
        Two or more, the best one first; or none, as where they trained in part.
    """
    if not compared or compared[0].fidelity < 1.0:
        return []
    chosen: list[Trial] = []
    for trial in compared[:MOST_FINALISTS]:
        if seconds_of_all([*chosen, trial], n_workers) <= seconds:
            chosen.append(trial)
        elif not chosen:
            break
    return chosen if len(chosen) > 1 else []


def seconds_of_all(trials: Sequence[Trial], n_workers: int) -> float:
    """Return the time until all are trained again, each when a worker is free."""
    busy = [0.0] * n_workers
    for trial in trials:
        busy[busy.index(min(busy))] += again_seconds(trial)
    return max(busy)


def again_seconds(trial: Trial) -> float:
    """Return the time in which a trial can be trained once more."""
    outcome = trial.outcome
    return AGAIN_MARGIN * (outcome.earlier_seconds + outcome.seconds.total)


def winner_of(compared: Sequence[Trial], fresh: Mapping[int, float]) -> Trial:
    """Return the trial with the best mean of two scores; of equals the earliest.

    Parameters
    ----------
    compared : sequence of Trial
        Each with a score of the first split.
    fresh : mapping of int to float
        Score on the fresh split by number, of some of them.
    """
    scored = [trial for trial in compared if trial.number in fresh]
    return max(scored, key=lambda t: (t.score + fresh[t.number], -t.number))

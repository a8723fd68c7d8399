"""The best trials, which are scored on a fresh split before one of them wins."""

from collections.abc import Mapping, Sequence

from skautonas.search.trial import Trial

# Of the budget, and the most trials: what is usual where a winner is chosen of noisy
# scores (docs/design/0014).
FINAL_SHARE = 0.2
MOST_FINALISTS = 8
# A training may take so many times what the trial took.
AGAIN_MARGIN = 1.2


def finalists(
    compared: Sequence[Trial], seconds: float, n_workers: int
) -> tuple[list[Trial], float]:
    """Return the best trials that can be trained again in some time, and how long.

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
    trials : list of Trial
        Two or more, the best one first; or none, as where they trained in part.
    seconds : float
        Until all are done.
    """
    if not compared or compared[0].fidelity < 1.0:
        return [], 0.0
    chosen: list[Trial] = []
    busy = [0.0] * n_workers
    for trial in compared[:MOST_FINALISTS]:
        ends = min(busy) + again_seconds(trial)
        if ends <= seconds:
            busy[busy.index(min(busy))] = ends
            chosen.append(trial)
        elif not chosen:
            break
    return (chosen, max(busy)) if len(chosen) > 1 else ([], 0.0)


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

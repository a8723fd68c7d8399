"""Which finished trials predict best together."""

from collections.abc import Callable, Sequence

import numpy as np

from skautonas.estimation.library import Predictions

# How often a member is added; one that is added again weighs more.
N_ROUNDS = 25


def greedy_counts(
    candidates: Sequence[Predictions],
    score: Callable[[Predictions], float],
    most: int,
) -> list[int]:
    """Choose members greedily, with replacement [1]_.

    Parameters
    ----------
    candidates : sequence of lists of ndarray
        What each predicts on each fold; of equals the earlier is preferred.
    score : callable
        Returns the score of predictions on all folds, greater is better.
    most : int
        Greatest number of different members.

    Returns
    -------
    list of int
        How often each candidate is a member: its weight in the mean of the greatest
        score.

    References
    ----------
    .. [1] Caruana, Niculescu-Mizil, Crew and Ksikes (2004), Ensemble selection from
       libraries of models.
    """
    counts = [0] * len(candidates)
    sums = [np.zeros_like(fold) for fold in candidates[0]]
    best, best_counts = -np.inf, list(counts)
    for size in range(1, (N_ROUNDS if most > 1 else 1) + 1):
        full = sum(count > 0 for count in counts) >= most
        scores = [
            -np.inf
            if full and not count
            else score([(a + b) / size for a, b in zip(sums, folds, strict=True)])
            for count, folds in zip(counts, candidates, strict=True)
        ]
        chosen = int(np.argmax(scores))
        counts[chosen] += 1
        sums = [a + b for a, b in zip(sums, candidates[chosen], strict=True)]
        if scores[chosen] > best:
            best, best_counts = scores[chosen], list(counts)
    return best_counts


def weighted_mean(
    candidates: Sequence[Predictions], counts: Sequence[int]
) -> Predictions:
    """Return the mean of predictions, weighted by counts, on each fold."""
    weights = np.array(counts) / sum(counts)
    return [
        np.tensordot(weights, np.stack(fold), axes=1)
        for fold in zip(*candidates, strict=True)
    ]

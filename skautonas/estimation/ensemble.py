"""Which finished trials predict best together; runs in a worker."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skautonas.estimation.checkpoint import read_outputs
from skautonas.estimation.scoring import score_predictions
from skautonas.estimation.study import Study, read_examples, read_labels, read_study
from skautonas.estimation.task import Member
from skautonas.exceptions import DamagedFileError

# How often a member is added; one that is added again weighs more.
N_ROUNDS = 25


def choose_members(
    candidates: Sequence[Member], most: int
) -> tuple[list[Member], float]:
    """Choose members greedily, with replacement [1]_, by their validation outputs.

    Parameters
    ----------
    candidates : sequence of Member
        Finished trials of one study; of equals the earlier is preferred.
    most : int
        Greatest number of different members.

    Returns
    -------
    members : list of Member
        Those that were chosen, the heaviest first; weights sum to one.
    score : float
        Of them together.

    Raises
    ------
    DamagedFileError
        Where no file of a candidate can be read.

    References
    ----------
    .. [1] Caruana, Niculescu-Mizil, Crew and Ksikes (2004), Ensemble selection from
       libraries of models.
    """
    study = read_study(candidates[0].task.study)
    readable, predictions, damage = [], [], None
    for candidate in candidates:
        try:
            predictions.append(_predictions(study, candidate))
            readable.append(candidate)
        except DamagedFileError as error:
            damage = error
    if damage is not None and not readable:
        raise damage
    counts, score = greedy_counts(predictions, _scorer(study), most)
    members = [
        replace(candidate, weight=count / sum(counts))
        for candidate, count in zip(readable, counts, strict=True)
        if count
    ]
    return sorted(members, key=lambda member: -member.weight), score


def greedy_counts(
    predictions: Sequence[Sequence[np.ndarray]],
    score: Callable[[list[np.ndarray]], float],
    most: int,
) -> tuple[list[int], float]:
    """Return how often each candidate is added, and the score of their mean.

    Parameters
    ----------
    predictions : sequence of sequences of ndarray
        Of each candidate, on each fold.
    score : callable
        Returns the score of predictions on all folds, greater is better.
    most : int
        Greatest number of different candidates.
    """
    counts = [0] * len(predictions)
    sums = [np.zeros_like(fold) for fold in predictions[0]]
    best, best_counts = -np.inf, list(counts)
    for size in range(1, N_ROUNDS + 1):
        full = sum(count > 0 for count in counts) >= most
        scores = [
            -np.inf
            if full and not count
            else score([(a + b) / size for a, b in zip(sums, folds, strict=True)])
            for count, folds in zip(counts, predictions, strict=True)
        ]
        chosen = int(np.argmax(scores))
        counts[chosen] += 1
        sums = [a + b for a, b in zip(sums, predictions[chosen], strict=True)]
        if scores[chosen] > best:
            best, best_counts = scores[chosen], list(counts)
    return best_counts, float(best)


def _predictions(study: Study, candidate: Member) -> list[np.ndarray]:
    """Return what a trial predicted for the validation rows of each fold."""
    outputs = read_outputs(candidate.variables)
    if len(outputs) != len(study.folds):
        raise DamagedFileError(
            f"Expected outputs of {len(study.folds)} folds in {candidate.variables!r}; "
            f"received those of {len(outputs)}."
        )
    return [
        fold.targets.predictions(raw / candidate.temperature)
        for fold, raw in zip(study.folds, outputs, strict=True)
    ]


def _scorer(study: Study) -> Callable[[list[np.ndarray]], float]:
    """Return a function that scores predictions on all folds."""
    labels = [read_labels(fold) for fold in study.folds]
    weights = [
        read_examples(fold.folder).part(slice(fold.n_rows, None)).weights
        if fold.weighs_validation
        else None
        for fold in study.folds
    ]

    def score(predictions: list[np.ndarray]) -> float:
        folds = zip(study.folds, labels, predictions, weights, strict=True)
        scores = [
            score_predictions(study.scorer, fold.targets, y, predicted, w)
            for fold, y, predicted, w in folds
        ]
        return float(np.mean(scores))

    return score

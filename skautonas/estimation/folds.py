"""One learning curve, epoch and score from trainings on several folds."""

from dataclasses import dataclass

import numpy as np

from skautonas.estimation.trainer import Training

Curve = list[tuple[float, float, float | None]]


@dataclass(frozen=True, slots=True)
class Validated:
    """What the trainings of one trial come to: each fold's score at one epoch."""

    curve: Curve
    best_epoch: float
    scores: tuple[float, ...]


def combine(trainings: list[Training], restore_best_epoch: bool) -> Validated:
    """Average the folds' curves, and keep the epoch that is best for all together.

    The mean of each fold's own best epoch would flatter a curve that scatters, and no
    refit could stop at all of them.

    Parameters
    ----------
    trainings : list of Training
        One a fold, with validation scores.
    restore_best_epoch : bool
        Whether a fold keeps its best epoch rather than its last.

    Returns
    -------
    Validated
        For one fold, as it was trained.
    """
    first = trainings[0]
    if len(trainings) == 1 or not restore_best_epoch:
        return Validated(
            first.curve,
            float(np.mean([t.best_epoch for t in trainings])),
            tuple(float(t.score) for t in trainings),  # type: ignore[arg-type]
        )
    points = [np.array(t.curve, dtype=float) for t in trainings]
    # Up to where the fold ends that was stopped first.
    last = min(fold[-1, 0] for fold in points)
    epochs = points[0][points[0][:, 0] <= max(last, points[0][0, 0]), 0]
    at = np.stack([_until(fold, epochs) for fold in points])
    losses, scores = at[..., 1], at[..., 2]
    means = scores.mean(axis=0)
    best = np.flatnonzero(means == means.max())[-1]  # of equals, the longest trained
    curve: Curve = [
        (float(epoch), float(loss), float(score))
        for epoch, loss, score in zip(epochs, losses.mean(axis=0), means, strict=True)
    ]
    return Validated(curve, float(epochs[best]), tuple(map(float, scores[:, best])))


def _until(curve: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Return the points of a curve that were the latest at these epochs."""
    latest = np.searchsorted(curve[:, 0], epochs, side="right") - 1
    return curve[np.maximum(latest, 0)]

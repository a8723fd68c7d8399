"""One learning curve, epoch and score from trainings on several folds."""

from dataclasses import dataclass

import numpy as np

from skautonas.estimation.training import Training


@dataclass(frozen=True, slots=True)
class Validated:
    """What the trainings of one trial come to: each fold's score at one epoch."""

    curve: list[tuple[float, float, float | None]]
    best_epoch: float
    scores: tuple[float, ...]


def combine(trainings: list[Training], restore_best_epoch: bool) -> Validated:
    """Average the folds' curves, and keep the epoch that is best for all together.

    The mean of each fold's own best epoch would flatter a curve that scatters, and no
    refit could stop at all of them. Where the time was short, schedules differ in
    length: then epochs meet that are as far along their schedule.

    Parameters
    ----------
    trainings : list of Training
        One a fold, with validation scores.
    restore_best_epoch : bool
        Whether the best epoch is kept rather than the last.

    Returns
    -------
    Validated
        For one fold, as it was trained.
    """
    if len(trainings) == 1:
        (only,) = trainings
        return Validated(only.curve, only.best_epoch, (float(only.score),))  # type: ignore[arg-type]
    curves = [np.array(t.curve, dtype=float) for t in trainings]
    shares = [
        curve[:, 0] / training.planned_epochs
        for curve, training in zip(curves, trainings, strict=True)
    ]
    # From where all folds have a point, up to where one of them ends.
    first = max(share[0] for share in shares)
    last = max(first, min(share[-1] for share in shares))
    grid = np.unique(np.concatenate(shares).round(9))
    grid = grid[(grid >= first - 1e-9) & (grid <= last + 1e-9)]
    points = np.stack(
        [
            curve[np.searchsorted(share, grid + 1e-9, side="right") - 1]
            for curve, share in zip(curves, shares, strict=True)
        ]
    )
    losses, scores = points[..., 1].mean(axis=0), points[..., 2].mean(axis=0)
    if restore_best_epoch:
        # Of equals the one that trained longest, as within one training.
        best = np.flatnonzero(scores >= scores.max() - 1e-12)[-1]
    else:
        best = len(grid) - 1
    epochs = grid * np.mean([training.planned_epochs for training in trainings])
    curve = zip(epochs.tolist(), losses.tolist(), scores.tolist(), strict=True)
    return Validated(
        list(curve), float(epochs[best]), tuple(points[:, best, 2].tolist())
    )

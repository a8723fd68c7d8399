"""What is chosen of finished trials, and how good that is; runs in a worker.

The best of many validation scores is better than the model: partly it was lucky. How
lucky the best of these trials is told by choosing on random rows, and scoring on the
others [1]_.

References
----------
.. [1] Tsamardinos, Greasidou and Borboudakis (2018), Bootstrapping the out-of-sample
   predictions for efficient and accurate cross-validation.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skautonas.estimation.ensemble import greedy_counts, weighted_mean
from skautonas.estimation.library import Library
from skautonas.estimation.task import Member

# How often rows are drawn, and about how many predictions are scored altogether.
MOST_DRAWS, LEAST_DRAWS, MOST_SCORES = 50, 5, 1500
# Of so many validation rows the best of many trials is as good as it looks: a standard
# error of accuracy is 0.0035 at most.
MANY_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Selection:
    """The members of the final model, the heaviest first, and its expected score."""

    members: tuple[Member, ...]
    score: float


def select(
    winner: Member,
    trials: Sequence[Member],
    ensemble_size: int,
    score: float,
    seconds: float,
) -> Selection:
    """Choose the members of the final model.

    Parameters
    ----------
    winner : Member
        The one that is the model without an ensemble.
    trials : sequence of Member
        All that it was chosen from; those without a file of variables can be no
        members.
    ensemble_size : int
        Most members.
    score : float
        Of the winner, as it was validated.
    seconds : float
        Time for the expected score.
    """
    ends = time.monotonic() + seconds
    library = Library(trials)
    by_number = {trial.task.number: at for at, trial in enumerate(library.trials)}
    if winner.task.number not in by_number:
        return Selection((winner,), score)
    rng = np.random.default_rng(winner.task.seed)
    score -= luck_of(by_number[winner.task.number], library, rng, ends)
    if ensemble_size == 1:
        return Selection((winner,), score)
    present = [number for number, t in enumerate(library.trials) if _is_whole(t)]
    candidates = [library.predictions[number] for number in present]
    if not candidates:
        return Selection((winner,), score)
    counts = greedy_counts(candidates, library.score, ensemble_size)
    # An ensemble is taken to be as lucky as the best trial.
    together = library.score(weighted_mean(candidates, counts))
    score += together - library.score(
        library.predictions[by_number[winner.task.number]]
    )
    members = [
        replace(library.trials[number], weight=count / sum(counts))
        for number, count in zip(present, counts, strict=True)
        if count
    ]
    members.sort(key=lambda member: -member.weight)
    return Selection(tuple(members), score)


def _is_whole(trial: Member) -> bool:
    return Path(trial.variables).exists()


def luck_of(
    winner: int, library: Library, rng: np.random.Generator, ends: float = math.inf
) -> float:
    """Return by how much the score of the winner is too good.

    The best is chosen on rows that are drawn with replacement, and compared on the
    others with the mean of the trials that contend. What the winner gains on all rows
    beyond that was luck. A trial contends that is as good as the best one on one of the
    draws: one that failed to learn had no part in the luck, and a R2 of -1000 would
    drown it.

    Parameters
    ----------
    winner : int
        Where it is among the trials of the library.
    library : Library
        All trials that there are to choose from.
    rng : numpy.random.Generator
        Draws the rows.
    ends : float
        When to draw no further, by `time.monotonic`.
    """
    if len(library.predictions) == 1 or max(library.n_rows) > MANY_ROWS:
        return 0.0
    scores = [library.score(folds) for folds in library.predictions]
    calls = 2 * len(scores) * len(library.n_rows)
    chosen_on: list[list[float]] = []
    compared_on: list[list[float]] = []
    for draw in range(int(np.clip(MOST_SCORES // calls, LEAST_DRAWS, MOST_DRAWS))):
        if draw and time.monotonic() > ends:
            break
        drawn = [rng.integers(n_rows, size=n_rows) for n_rows in library.n_rows]
        others = [
            np.setdiff1d(np.arange(n_rows), rows)
            for n_rows, rows in zip(library.n_rows, drawn, strict=True)
        ]
        try:
            seen = [library.score(p, drawn) for p in library.predictions]
            unseen = [library.score(p, others) for p in library.predictions]
        except Exception:  # as where one class is left; any scorer may be the user's
            continue
        chosen_on.append(seen)
        compared_on.append(unseen)
    if not chosen_on:
        return 0.0
    on_drawn, on_others = np.array(chosen_on), np.array(compared_on)
    leader = int(np.argmax(scores))
    contend = (on_drawn >= on_drawn[:, [leader]]).any(axis=0)
    best = on_drawn.argmax(axis=1)
    gains = on_others[np.arange(len(best)), best] - on_others[:, contend].mean(axis=1)
    usual = float(np.mean(np.array(scores)[contend]))
    return max(0.0, scores[winner] - usual - float(gains.mean()))

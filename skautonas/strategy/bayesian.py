"""Bayesian optimisation by a Gaussian process over configurations."""

import math
from bisect import bisect_left, insort
from operator import itemgetter
from typing import Any

import numpy as np

from skautonas._threads import one_blas_thread
from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.gaussian_process import (
    GaussianProcess,
    Kernel,
    likeliest_kernel,
    normal_scores,
)

# Finished trials before the model decides; the starts are among them. Fewer than the
# 10 of BANANAS, as the starts are known to be good.
INITIAL_POINTS = 8
# Candidates of a suggestion: mutations of the best trials and random ones; 30 % of
# the mutations change two hyperparameters. After BANANAS (White et al. 2021).
N_MUTATIONS, N_RANDOM, N_PARENTS, TWO_CHANGES = 150, 50, 5, 0.3
# The kernel is chosen anew when there are so many times as many trials.
KERNEL_GROWTH = 1.25
# The model sees so many trials, the best and the latest: its cost is cubic.
MOST_TRIALS = 200


class BayesianOracle(SearchOracle):
    """Expected improvement over mutations of the best trials.

    A Gaussian process models the ranks of the scores, with a kernel that falls with
    the number of differing hyperparameters (Hamming; ordered ones count by how far
    they are apart), so that it needs no gradient and an inactive hyperparameter
    does not count. Trials that still run count with their expected score.

    Parameters
    ----------
    initial_points : int, default=8
        Random trials, or starts, before the model decides.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where ``initial_points`` is below 1.

    References
    ----------
    .. [1] White, Neiswanger and Savani (2021), BANANAS: Bayesian optimization with
       neural architectures for neural architecture search.
    """

    # Completed trials, by number and best first, with what they are ordered by.
    _finished: list[tuple[int, Any]]
    _ranked: list[tuple[float, int, Any]]
    # The latest choice of the kernel, and of how many trials.
    _kernel: tuple[int, Kernel] | None

    def __init__(self, initial_points: int = INITIAL_POINTS, **options: Any) -> None:
        super().__init__(**options)
        if initial_points < 1:
            raise ValueError(
                f"Expected initial_points of at least 1; received {initial_points}. "
                "The model needs a trial to learn from."
            )
        self.initial_points = initial_points
        self._forget()

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried.
        """
        rng = self.generator()
        if len(self._finished) < self.initial_points:
            return self.propose(self.draw_new(rng))
        with one_blas_thread():
            return self.propose(self._suggest(rng))

    def learn(self, trial: Any) -> None:
        """Take in a completed trial.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            One that has ended.
        """
        if trial.status != "COMPLETED":
            return
        number = int(trial.trial_id)
        # By number, and best first: in whatever order trials end, it comes to the same.
        place = bisect_left(self._finished, number, key=itemgetter(0))
        self._finished.insert(place, (number, trial))
        insort(self._ranked, (-self.gain(trial), number, trial))
        if self._kernel is not None and place < self._kernel[0]:
            self._kernel = None

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        self._forget()
        super().set_state(state)

    def _forget(self) -> None:
        """Forget what was learned."""
        self._finished, self._ranked, self._kernel = [], [], None

    def _suggest(self, rng: np.random.Generator) -> Configuration | None:
        best = [self.row(trial) for *_, trial in self._ranked[:N_PARENTS]]
        points, scores = self._points(self._ranked, self._finished)
        process = GaussianProcess(points, scores, self._choose_kernel())
        pending = [self.row(trial) for trial in self.ongoing_trials.values()]
        if pending:
            process.believe(self.configurations.encode(np.stack(pending)))
        for row in improving(self.configurations, process, best, scores.max(), rng):
            values = self.configurations.values(row)
            if self.is_new(values):
                return values
        return self.draw_new(rng)

    def _points(
        self, ranked: list[tuple[float, int, Any]], finished: list[tuple[int, Any]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what the model sees: the best trials and the latest.

        Parameters
        ----------
        ranked, finished : list of tuple
            The same trials, best first and by number.

        Returns
        -------
        points : ndarray of shape (n, points)
            Encoded configurations.
        scores : ndarray of shape (n,)
            Quantiles of their scores, greater is better.
        """
        seen = {number: trial for _, number, trial in ranked[: MOST_TRIALS // 2]}
        seen.update(finished[-MOST_TRIALS // 2 :])
        rows = np.stack([self.row(trial) for trial in seen.values()])
        gains = np.array([self.gain(trial) for trial in seen.values()])
        return self.configurations.encode(rows), normal_scores(gains)

    def _choose_kernel(self) -> Kernel:
        """Return the likeliest kernel for the first so many trials.

        For as many as there were when it was last chosen, which is whenever there are a
        quarter more: the choice takes longer than all else.
        """
        count = self.initial_points
        while count * KERNEL_GROWTH <= len(self._finished):
            count = math.ceil(count * KERNEL_GROWTH)
        if self._kernel is None or self._kernel[0] != count:
            chosen = self._finished[:count]
            last = chosen[-1][0]
            ranked = [rank for rank in self._ranked if rank[1] <= last]
            self._kernel = count, likeliest_kernel(*self._points(ranked, chosen))
        return self._kernel[1]


def improving(
    configurations: Configurations,
    process: GaussianProcess,
    best: list[np.ndarray],
    incumbent: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return mutations of the best rows and random ones, the most promising first.

    Parameters
    ----------
    configurations : Configurations
        Of the space.
    process : GaussianProcess
        Of the scores.
    best : list of ndarray of shape (columns,)
        Rows to mutate.
    incumbent : float
        The score to improve on.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    ndarray of shape (n, columns)
        By expected improvement.
    """
    changes = 1 + (rng.random(N_MUTATIONS) < TWO_CHANGES)
    parents = np.resize(best, (N_MUTATIONS, len(best[0])))
    mutated = configurations.mutate(parents, rng, changes)
    candidates = np.concatenate([mutated, configurations.draw(N_RANDOM, rng)])
    points = configurations.encode(candidates)
    improvement = process.expected_improvement(points, incumbent)
    return candidates[np.argsort(-improvement, kind="stable")]

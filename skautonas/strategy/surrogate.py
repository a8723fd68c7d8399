"""What a Gaussian process makes of completed trials."""

import math
from bisect import bisect_left, insort
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from skautonas._threads import one_blas_thread
from skautonas.space.base import Configuration
from skautonas.strategy.gaussian_process import (
    GaussianProcess,
    Kernel,
    likeliest_kernel,
    normal_scores,
)

if TYPE_CHECKING:
    from skautonas.strategy.base import SearchOracle
    from skautonas.strategy.configurations import Configurations

# Trials that it takes to choose a first kernel. Fewer than the 10 of BANANAS, as the
# starts of a search are known to be good.
INITIAL_POINTS = 8
# Candidates of a suggestion: mutations of the best trials and random ones; 30 % of
# the mutations change two hyperparameters. After BANANAS (White et al. 2021).
N_MUTATIONS, N_RANDOM, N_PARENTS, TWO_CHANGES = 150, 50, 5, 0.3
# The kernel is chosen anew when there are so many times as many trials.
KERNEL_GROWTH = 1.25
# The model sees so many trials, the best and the latest: its cost is cubic.
MOST_TRIALS = 200


class Surrogate:
    """Completed trials of one fidelity, and what they suggest to try next.

    Parameters
    ----------
    oracle : SearchOracle
        Whose trials they are.
    """

    def __init__(self, oracle: "SearchOracle") -> None:
        self._oracle = oracle
        # By number, and best first with what they are ordered by: in whatever order
        # trials end, it comes to the same.
        self._finished: list[tuple[int, Any]] = []
        self._ranked: list[tuple[float, int, Any]] = []
        # The latest choice of the kernel, of how many trials and of which space.
        self._kernel: tuple[int, Configurations, Kernel] | None = None

    def __len__(self) -> int:
        return len(self._finished)

    def add(self, trial: Any) -> None:
        """Take in a completed trial."""
        number = int(trial.trial_id)
        place = bisect_left(self._finished, number, key=itemgetter(0))
        self._finished.insert(place, (number, trial))
        insort(self._ranked, (-self._oracle.gain(trial), number, trial))
        if self._kernel is not None and place < self._kernel[0]:
            self._kernel = None

    def suggest(self, rng: np.random.Generator) -> Configuration | None:
        """Return the new configuration of the greatest expected improvement.

        Among mutations of the best trials and random ones; trials that run count with
        their expected score. None where all was tried.
        """
        oracle, space = self._oracle, self._oracle.configurations
        with one_blas_thread():
            points, scores = self._points(self._ranked, self._finished)
            process = GaussianProcess(points, scores, self._choose_kernel())
            pending = [oracle.row(trial) for trial in oracle.ongoing_trials.values()]
            if pending:
                process.believe(space.encode(np.stack(pending)))
            candidates = self._candidates(rng)
            improvement = process.expected_improvement(
                space.encode(candidates), scores.max()
            )
        for index in np.argsort(-improvement, kind="stable"):
            values = space.values(candidates[index])
            if oracle.is_new(values):
                return values
        return oracle.draw_new(rng)

    def _candidates(self, rng: np.random.Generator) -> np.ndarray:
        space = self._oracle.configurations
        best = [self._oracle.row(trial) for *_, trial in self._ranked[:N_PARENTS]]
        changes = 1 + (rng.random(N_MUTATIONS) < TWO_CHANGES)
        parents = np.resize(best, (N_MUTATIONS, len(best[0])))
        mutated = space.mutate(parents, rng, changes)
        return np.concatenate([mutated, space.draw(N_RANDOM, rng)])

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
        rows = np.stack([self._oracle.row(trial) for trial in seen.values()])
        gains = np.array([self._oracle.gain(trial) for trial in seen.values()])
        return self._oracle.configurations.encode(rows), normal_scores(gains)

    def _choose_kernel(self) -> Kernel:
        """Return the likeliest kernel for the first so many trials.

        For as many as there were when it was last chosen, which is whenever there are a
        quarter more: the choice takes longer than all else.
        """
        count = min(INITIAL_POINTS, len(self._finished))
        while count * KERNEL_GROWTH <= len(self._finished):
            count = math.ceil(count * KERNEL_GROWTH)
        space = self._oracle.configurations
        if self._kernel is None or self._kernel[:2] != (count, space):
            chosen = self._finished[:count]
            last = chosen[-1][0]
            ranked = [rank for rank in self._ranked if rank[1] <= last]
            kernel = likeliest_kernel(*self._points(ranked, chosen))
            self._kernel = count, space, kernel
        return self._kernel[2]

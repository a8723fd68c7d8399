"""Bayesian optimisation by a Gaussian process over configurations."""

import math
from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

import keras_tuner
import numpy as np
from scipy import linalg
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from skautonas._threads import one_blas_thread
from skautonas.strategy.configurations import (
    Configuration,
    Configurations,
    distances,
    key,
)

# Finished trials before the model decides; the starts are among them. Fewer than the
# 10 of BANANAS, as the starts are known to be good.
INITIAL_POINTS = 8
# Candidates of a suggestion: mutations of the best trials and random ones; 30 % of
# the mutations change two hyperparameters. After BANANAS (White et al. 2021).
N_MUTATIONS, N_RANDOM, N_PARENTS, TWO_CHANGES = 150, 50, 5, 0.3
# The marginal likelihood chooses among these length scales and shares of noise.
LENGTH_SCALES, NOISES = (0.5, 1.0, 2.0, 4.0, 8.0), (0.01, 0.1, 0.3)
# It chooses anew when there are so many times as many trials.
KERNEL_GROWTH = 1.25
# The model sees so many trials, the best and the latest: its cost is cubic.
MOST_TRIALS = 200
# Ranks become quantiles no further out than this.
TAIL = 0.02


class BayesianOracle(keras_tuner.Oracle):
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
        # A generator a suggestion: what was suggested does not depend on whether the
        # oracle lived through all of the search.
        rng = np.random.default_rng([self.seed or 0, len(self.trials)])
        configurations = self._read_trials()
        if len(self._finished) < self.initial_points:
            values = configurations.draw_new(self._tried, rng)
        else:
            with one_blas_thread():
                values = self._suggest(configurations, rng)
        if values is None:
            return {"status": "STOPPED", "values": None}
        return {"status": "RUNNING", "values": values}

    def _forget(self) -> None:
        """Forget what was read of trials and of the space."""
        self._configurations: Configurations | None = None
        # Of all trials: keys, and rows by identifier.
        self._tried: set[frozenset] = set()
        self._rows: dict[str, np.ndarray] = {}
        # Those that are not finished, by identifier; and the finished ones: by number,
        # and best first, each with what it is ordered by.
        self._open: dict[str, int] = {}
        self._finished: list[tuple[int, Any]] = []
        self._ranked: list[tuple[float, int, Any]] = []
        # The latest choice, and of how many trials.
        self._kernel: tuple[int, Kernel] | None = None

    def _read_trials(self) -> Configurations:
        """Take in what is new since the last suggestion; return what encodes."""
        configurations = self._configurations
        space = self.hyperparameters.space
        if configurations is None or len(configurations.dials) != len(space):
            self._forget()
            configurations = self._configurations = Configurations(self.hyperparameters)
        new = islice(self.trials.items(), len(self._rows), None)
        for trial_id, trial in list(new):
            self._open[trial_id] = len(self._rows)
            values = trial.hyperparameters.values
            self._tried.add(key(values))
            self._rows[trial_id] = configurations.row(values)
        sign = 1.0 if self.objective.direction == "max" else -1.0
        for trial_id, number in list(self._open.items()):
            trial = self.trials[trial_id]
            if trial.status == "FAILED":
                del self._open[trial_id]
            if trial.status != "COMPLETED":
                continue
            del self._open[trial_id]
            place = bisect_left(self._finished, number, key=itemgetter(0))
            self._finished.insert(place, (number, trial))
            insort(self._ranked, (-sign * trial.score, number, trial))
            if self._kernel is not None and place < self._kernel[0]:
                self._kernel = None
        return configurations

    def _suggest(
        self, configurations: Configurations, rng: np.random.Generator
    ) -> Configuration | None:
        best = [self._rows[trial.trial_id] for *_, trial in self._ranked[:N_PARENTS]]
        changes = 1 + (rng.random(N_MUTATIONS) < TWO_CHANGES)
        parents = np.resize(best, (N_MUTATIONS, len(best[0])))
        mutated = configurations.mutate(parents, rng, changes)
        candidates = np.concatenate([mutated, configurations.draw(N_RANDOM, rng)])
        known, scores = self._points(configurations, self._ranked, self._finished)
        process = GaussianProcess(known, scores, self._choose_kernel(configurations))
        pending = [trial.trial_id for trial in self.ongoing_trials.values()]
        if pending:
            rows = np.stack([self._rows[i] for i in pending])
            process.believe(configurations.encode(rows))
        points = configurations.encode(candidates)
        improvement = process.expected_improvement(points, scores.max())
        for index in np.argsort(-improvement, kind="stable"):
            values = configurations.values(candidates[index])
            if key(values) not in self._tried:
                return values
        return configurations.draw_new(self._tried, rng)

    def _points(
        self,
        configurations: Configurations,
        ranked: list[tuple[float, int, Any]],
        finished: list[tuple[int, Any]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what the model sees: the best trials and the latest.

        Parameters
        ----------
        configurations : Configurations
            Of the space.
        ranked, finished : list of tuple
            The same trials, best first and by number.

        Returns
        -------
        known : ndarray of shape (n, points)
            Encoded configurations.
        scores : ndarray of shape (n,)
            Quantiles of their scores, greater is better.
        """
        costs = {trial.trial_id: cost for cost, _, trial in ranked[: MOST_TRIALS // 2]}
        sign = -1.0 if self.objective.direction == "max" else 1.0
        for _, trial in finished[-MOST_TRIALS // 2 :]:
            costs.setdefault(trial.trial_id, sign * trial.score)
        known = configurations.encode(np.stack([self._rows[i] for i in costs]))
        return known, normal_scores(-np.array(list(costs.values())))

    def _choose_kernel(self, configurations: Configurations) -> "Kernel":
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
            points = self._points(configurations, ranked, chosen)
            self._kernel = count, likeliest_kernel(*points)
        return self._kernel[1]


@dataclass(frozen=True, slots=True)
class Kernel:
    """How far the similarity of configurations reaches, and the share of noise."""

    scale: float
    noise: float


class GaussianProcess:
    """A process with zero mean and unit variance over encoded configurations.

    Parameters
    ----------
    known : ndarray of shape (n, points)
        Encoded configurations.
    scores : ndarray of shape (n,)
        Their scores.
    kernel : Kernel
        Of the process.
    """

    def __init__(self, known: np.ndarray, scores: np.ndarray, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known = known
        self._factor = _factor(distances(known, known), kernel)
        self._whitened = linalg.solve_triangular(self._factor, scores, lower=True)
        self._pending: np.ndarray | None = None

    def believe(self, pending: np.ndarray) -> None:
        """Take the expected scores of further configurations for observed.

        They leave what is expected of others as it is, and make it more certain.
        """
        self._pending = pending
        self._explained = self._explain(pending)
        within = self._similarity(pending, pending)
        within += self._kernel.noise * np.eye(len(pending))
        left = within - self._explained.T @ self._explained
        self._pending_factor = linalg.cholesky(left, lower=True)

    def predict(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the scores of configurations."""
        explained = self._explain(encoded)
        mean = explained.T @ self._whitened
        variance = 1.0 - (explained**2).sum(axis=0)
        if self._pending is not None:
            left = self._similarity(self._pending, encoded)
            left -= self._explained.T @ explained
            more = linalg.solve_triangular(self._pending_factor, left, lower=True)
            variance -= (more**2).sum(axis=0)
        return mean, np.sqrt(np.clip(variance, 1e-9, None))

    def expected_improvement(self, encoded: np.ndarray, best: float) -> np.ndarray:
        """Return by how much configurations may be expected to beat ``best``."""
        mean, deviation = self.predict(encoded)
        z = (mean - best) / deviation
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        return deviation * (z * ndtr(z) + density)

    def _similarity(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.exp(-distances(first, second) / self._kernel.scale)

    def _explain(self, encoded: np.ndarray) -> np.ndarray:
        """Return what the known ones tell of others, whose squares add up."""
        similarity = self._similarity(self._known, encoded)
        return linalg.solve_triangular(self._factor, similarity, lower=True)


def likeliest_kernel(known: np.ndarray, scores: np.ndarray) -> Kernel:
    """Return the kernel of the greatest marginal likelihood."""
    apart = distances(known, known)
    grid = [Kernel(scale, noise) for scale in LENGTH_SCALES for noise in NOISES]
    return max(grid, key=lambda kernel: _log_likelihood(apart, scores, kernel))


def normal_scores(scores: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of the ranks of scores.

    Examples
    --------
    >>> normal_scores(np.array([0.1, 0.9, 0.5])).round(2)
    array([-0.97,  0.97,  0.  ])
    """
    share = (rankdata(scores) - 0.5) / len(scores)
    return ndtri(np.clip(share, TAIL, 1 - TAIL))


def _factor(apart: np.ndarray, kernel: Kernel) -> np.ndarray:
    similarity = np.exp(-apart / kernel.scale)
    return linalg.cholesky(similarity + kernel.noise * np.eye(len(apart)), lower=True)


def _log_likelihood(apart: np.ndarray, scores: np.ndarray, kernel: Kernel) -> float:
    factor = _factor(apart, kernel)
    whitened = linalg.solve_triangular(factor, scores, lower=True)
    return float(-0.5 * whitened @ whitened - np.log(np.diag(factor)).sum())

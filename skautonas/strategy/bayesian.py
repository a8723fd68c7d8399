"""Bayesian optimisation by a Gaussian process over configurations."""

import math
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from scipy import linalg
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from skautonas.strategy.configurations import Configuration, Configurations, key

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
        # Of trials, which do not change: keys by identifier, and encoded values.
        self._keys: dict[str, frozenset] = {}
        self._encoded: dict[str, np.ndarray] = {}
        self._configurations: Configurations | None = None
        self._kernel: tuple[list[str], Kernel] | None = None

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
        finished = [t for t in self.trials.values() if t.status == "COMPLETED"]
        tried = set(self._keys.values())
        if len(finished) < self.initial_points:
            values = configurations.draw_new(tried, rng)
        else:
            values = self._suggest(configurations, finished, tried, rng)
        if values is None:
            return {"status": "STOPPED", "values": None}
        return {"status": "RUNNING", "values": values}

    def _read_trials(self) -> Configurations:
        """Encode the trials that are new, and return what did."""
        configurations = self._configurations
        space = self.hyperparameters.space
        if configurations is None or len(configurations.parameters) != len(space):
            configurations = self._configurations = Configurations(self.hyperparameters)
            self._encoded = {}
        for trial_id, trial in self.trials.items():
            if trial_id not in self._encoded:
                self._keys[trial_id] = key(_values(trial))
                self._encoded[trial_id] = configurations.encode(_values(trial))
        return configurations

    def _suggest(
        self,
        configurations: Configurations,
        finished: list[Any],
        tried: set,
        rng: np.random.Generator,
    ) -> Configuration | None:
        sign = 1.0 if self.objective.direction == "max" else -1.0
        ranked = sorted(finished, key=lambda t: -sign * t.score)
        candidates = _candidates(configurations, ranked[:N_PARENTS], tried, rng)
        if not candidates:
            return configurations.draw_new(tried, rng)
        kept = _best_and_latest(ranked, finished)
        known, scores = self._points(kept, sign)
        kernel = self._choose_kernel(configurations, finished, sign)
        process = GaussianProcess(configurations, known, scores, kernel)
        pending = [trial.trial_id for trial in self.ongoing_trials.values()]
        if pending:
            process.believe(np.stack([self._encoded[i] for i in pending]))
        encoded = np.stack([configurations.encode(c) for c in candidates])
        improvement = process.expected_improvement(encoded, scores.max())
        return candidates[int(improvement.argmax())]

    def _points(self, trials: list[Any], sign: float) -> tuple[np.ndarray, np.ndarray]:
        """Return encoded configurations and the quantiles of their scores."""
        known = np.stack([self._encoded[trial.trial_id] for trial in trials])
        return known, normal_scores(np.array([sign * trial.score for trial in trials]))

    def _choose_kernel(
        self, configurations: Configurations, finished: list[Any], sign: float
    ) -> "Kernel":
        """Return the likeliest kernel for the first so many trials.

        For as many as there were when it was last chosen, which is whenever there are a
        quarter more: the choice takes longer than all else.
        """
        count = self.initial_points
        while count * KERNEL_GROWTH <= len(finished):
            count = math.ceil(count * KERNEL_GROWTH)
        chosen = finished[:count]
        ids = [trial.trial_id for trial in chosen]
        if self._kernel is None or self._kernel[0] != ids:
            ranked = sorted(chosen, key=lambda t: -sign * t.score)
            known, scores = self._points(_best_and_latest(ranked, chosen), sign)
            self._kernel = ids, likeliest_kernel(configurations, known, scores)
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
    configurations : Configurations
        Tells distances.
    known : ndarray of shape (n, hyperparameters)
        Encoded configurations.
    scores : ndarray of shape (n,)
        Their scores.
    kernel : Kernel
        Of the process.
    """

    def __init__(
        self,
        configurations: Configurations,
        known: np.ndarray,
        scores: np.ndarray,
        kernel: Kernel,
    ) -> None:
        self._configurations = configurations
        self.scale, self.noise = kernel.scale, kernel.noise
        self._condition(known, scores)

    def believe(self, pending: np.ndarray) -> None:
        """Take the expected scores of further configurations for observed."""
        mean, _ = self.predict(pending)
        self._condition(
            np.concatenate([self._known, pending]),
            np.concatenate([self._scores, mean]),
        )

    def predict(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the scores of configurations."""
        distances = self._configurations.distances(encoded, self._known)
        similarity = np.exp(-distances / self.scale)
        mean = similarity @ self._weights
        explained = linalg.solve_triangular(self._factor, similarity.T, lower=True)
        variance = 1.0 - (explained**2).sum(axis=0)
        return mean, np.sqrt(np.clip(variance, 1e-9, None))

    def expected_improvement(self, encoded: np.ndarray, best: float) -> np.ndarray:
        """Return by how much configurations may be expected to beat ``best``."""
        mean, deviation = self.predict(encoded)
        z = (mean - best) / deviation
        density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        return deviation * (z * ndtr(z) + density)

    def _condition(self, known: np.ndarray, scores: np.ndarray) -> None:
        self._known, self._scores = known, scores
        distances = self._configurations.distances(known, known)
        self._factor = _factor(distances, self.scale, self.noise)
        self._weights = linalg.cho_solve((self._factor, True), scores)


def likeliest_kernel(
    configurations: Configurations, known: np.ndarray, scores: np.ndarray
) -> Kernel:
    """Return the kernel of the greatest marginal likelihood."""
    distances = configurations.distances(known, known)
    grid = [Kernel(scale, noise) for scale in LENGTH_SCALES for noise in NOISES]
    return max(grid, key=lambda kernel: _log_likelihood(distances, scores, kernel))


def _best_and_latest(ranked: list[Any], finished: list[Any]) -> list[Any]:
    """Return the trials that the model sees."""
    best = ranked[: MOST_TRIALS // 2]
    known = {trial.trial_id for trial in best}
    return best + [t for t in finished[-MOST_TRIALS // 2 :] if t.trial_id not in known]


def normal_scores(scores: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of the ranks of scores.

    Examples
    --------
    >>> normal_scores(np.array([0.1, 0.9, 0.5])).round(2)
    array([-0.97,  0.97,  0.  ])
    """
    share = (rankdata(scores) - 0.5) / len(scores)
    return ndtri(np.clip(share, TAIL, 1 - TAIL))


def _factor(distances: np.ndarray, scale: float, noise: float) -> np.ndarray:
    kernel = np.exp(-distances / scale) + noise * np.eye(len(distances))
    return linalg.cholesky(kernel, lower=True)


def _log_likelihood(distances: np.ndarray, scores: np.ndarray, kernel: Kernel) -> float:
    factor = _factor(distances, kernel.scale, kernel.noise)
    whitened = linalg.solve_triangular(factor, scores, lower=True)
    return float(-0.5 * whitened @ whitened - np.log(np.diag(factor)).sum())


def _candidates(
    configurations: Configurations,
    parents: list[Any],
    tried: set,
    rng: np.random.Generator,
) -> list[Configuration]:
    """Return mutations of the parents and random configurations, none tried yet."""
    changes = 1 + (rng.random(N_MUTATIONS) < TWO_CHANGES)
    drawn = [
        configurations.mutate(
            _values(parents[index % len(parents)]), rng, int(changes[index])
        )
        for index in range(N_MUTATIONS)
    ]
    drawn += [configurations.sample(rng) for _ in range(N_RANDOM)]
    return [values for values in drawn if key(values) not in tried]


def _values(trial: Any) -> Configuration:
    return trial.hyperparameters.values

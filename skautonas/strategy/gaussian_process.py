"""A Gaussian process over encoded configurations."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from skautonas.strategy.encoding import distances

# The marginal likelihood chooses among these length scales and shares of noise.
LENGTH_SCALES, NOISES = (0.5, 1.0, 2.0, 4.0, 8.0), (0.01, 0.1, 0.3)
# Ranks become quantiles no further out than this.
TAIL = 0.02


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

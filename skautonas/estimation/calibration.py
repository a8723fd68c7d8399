"""Probabilities that say how often they are right: temperature scaling."""

import math

import numpy as np
from scipy.optimize import minimize_scalar

from skautonas.data.targets import ClassTargets, LabelSetTargets, Targets

# Temperatures that are looked at.
COLDEST, HOTTEST = 0.2, 5.0
# So many validation rows tell it to two hundredths.
MOST_ROWS = 2000
# No probability is taken to be below this.
LEAST = 1e-12


def fit_temperature(
    targets: Targets,
    outputs: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Return what logits are to be divided by [1]_.

    That of the least cross-entropy on validation rows, where what is right is right
    with a probability just below one, as in [2]_: a few rows that are all predicted
    well are no proof of certainty.

    Parameters
    ----------
    targets : Targets
        Meaning of the outputs.
    outputs : ndarray of shape (n, outputs) or (n, members, outputs)
        Of a model for the validation rows.
    y : ndarray of shape (n,) or (n, labels)
        Encoded targets of these rows.
    weights : ndarray of shape (n,), optional
        Of these rows.

    Returns
    -------
    float
        1 where the outputs are no logits.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural
       networks.
    .. [2] Platt (1999), Probabilistic outputs for support vector machines.
    """
    if not isinstance(targets, ClassTargets | LabelSetTargets) or not targets.logits:
        return 1.0
    rows = np.linspace(0, len(y) - 1, min(len(y), MOST_ROWS)).astype(int)
    logits = outputs[rows]
    shares = _shares(targets, y[rows])
    weighed = None if weights is None else weights[rows]

    def cross_entropy(log_temperature: float) -> float:
        scaled = targets.predictions(logits / math.exp(log_temperature))
        if isinstance(targets, LabelSetTargets):
            scaled = np.stack([scaled, 1.0 - scaled], axis=-1)
        logs = np.log(scaled.clip(LEAST))
        losses = -(shares * logs).reshape(len(logs), -1).sum(axis=1)
        return float(np.average(losses, weights=weighed))

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    return math.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x)


def _shares(targets: ClassTargets | LabelSetTargets, y: np.ndarray) -> np.ndarray:
    """Return how probable each class of each row is taken to be.

    Shape (n, classes), or (n, labels, 2) of labels that apply and that do not.
    """
    if isinstance(targets, LabelSetTargets):
        known = np.stack([y, 1.0 - y], axis=-1)
    else:
        known = np.zeros((len(y), targets.n_outputs))
        known[np.arange(len(y)), y] = 1.0
    doubt = 1.0 / (len(y) + 2.0)
    n_classes = known.shape[-1]
    return known * (1.0 - doubt * n_classes / (n_classes - 1)) + doubt / (n_classes - 1)

"""Temperatures: on logits that are too sure, of few rows, and in exported models."""

import numpy as np
import pytest
from scipy.special import softmax

from skautonas.data.targets import ClassTargets, LabelSetTargets, ValueTargets
from skautonas.estimation.calibration import HOTTEST, fit_temperature

CLASSES = ClassTargets(np.arange(4))


def drawn(n_rows, seed=0):
    """Return logits, and labels that are drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n_rows, 4))
    thresholds = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (rng.random((n_rows, 1)) > thresholds).sum(axis=1)


@pytest.mark.parametrize("sureness", [0.5, 1.0, 3.0])
def test_logits_that_are_too_sure_or_not_sure_enough(sureness):
    logits, labels = drawn(5000)
    found = fit_temperature(CLASSES, sureness * logits, labels)
    assert found == pytest.approx(sureness, rel=0.08)


def test_members_are_averaged_as_in_a_prediction():
    logits, labels = drawn(5000)
    members = np.repeat(2.0 * logits[:, None], 3, axis=1)
    assert fit_temperature(CLASSES, members, labels) == pytest.approx(2.0, rel=0.08)


def test_rows_without_weight_do_not_count():
    logits, labels = drawn(2000)
    others = np.random.default_rng(1).integers(4, size=2000)
    found = fit_temperature(
        CLASSES,
        np.tile(logits, (2, 1)),
        np.concatenate([labels, others]),
        np.repeat([1.0, 0.0], 2000),
    )
    assert found == pytest.approx(1.0, rel=0.12)


@pytest.mark.parametrize(("n_rows", "most"), [(10, 0.95), (1000, 0.9995)])
def test_rows_that_are_all_right_are_no_certainty(n_rows, most):
    labels = np.arange(n_rows) % 4
    logits = 5.0 * np.eye(4)[labels]
    found = fit_temperature(CLASSES, logits, labels)
    assert softmax(logits / found, axis=1).max() < most


def test_logits_that_say_nothing_are_damped():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(1000, 4)), rng.integers(4, size=1000)
    assert fit_temperature(CLASSES, 5.0 * logits, labels) == pytest.approx(
        HOTTEST, rel=0.01
    )


def test_sets_of_labels():
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2.0, size=(2000, 3))
    y = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype("float32")
    found = fit_temperature(LabelSetTargets(3), 2.0 * logits, y)
    assert found == pytest.approx(2.0, rel=0.08)


@pytest.mark.parametrize(
    "targets",
    [
        ValueTargets(np.zeros(1), np.ones(1), flat=True),
        ClassTargets(np.arange(4), logits=False),
        LabelSetTargets(4, logits=False),
    ],
)
def test_what_is_no_logit_stays(targets):
    logits, labels = drawn(20)
    assert fit_temperature(targets, logits, labels) == 1.0

"""Points of configurations: how far apart they are is counted by hand."""

import keras_tuner
import numpy as np
import pytest

from skautonas.strategy.configurations import Configurations
from skautonas.strategy.encoding import distances


@pytest.fixture
def configurations():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b", "c"])
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("depth", 1, 9)
    hp.Choice("size", [16, 32, 64, 128])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Boolean("deep")
    return Configurations(hp)


def test_distances_count_what_differs(configurations):
    base = {"kind": "a", "size": 16, "rate": 1e-4, "deep": False}
    others = [
        base,
        base | {"kind": "c"},
        base | {"size": 128},
        base | {"size": 64},
        base | {"rate": 1e-2},
        base | {"kind": "b", "depth": 9},
        base | {"deep": True},
    ]
    points = configurations.encode(np.stack(list(map(configurations.row, others))))
    apart = distances(points[:1], points)[0]
    np.testing.assert_allclose(apart, [0, 1, 1, 2 / 3, 2 / 3, 2, 1], atol=1e-9)


def apart(dial, one, other):
    """Return how far apart two numbers of one hyperparameter are; NaN is inactive."""
    if np.isnan(one) or np.isnan(other):
        return float(np.isnan(one) != np.isnan(other))
    if not dial.ordered:
        return float(one != other)
    return abs(one - other) / max(len(dial.choices) - 1, 1)


def test_distances_are_sums_over_the_hyperparameters(configurations):
    rows = configurations.draw(30, np.random.default_rng(0))
    assert np.isnan(rows).any()
    points = configurations.encode(rows)
    by_hand = [
        [sum(map(apart, configurations.dials, one, other)) for other in rows]
        for one in rows
    ]
    np.testing.assert_allclose(distances(points, points), by_hand, atol=1e-9)

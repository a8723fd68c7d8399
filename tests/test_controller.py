"""The controller of `reinforce`: its gradients, and what it learns."""

import keras_tuner
import numpy as np
import pytest

from skautonas.strategy import ReinforceOracle
from skautonas.strategy.controller import Controller
from tests.asking import run

DECISIONS = [(0, 2), (2, 0), (1, 1)]


def loss(controller, advantage, entropy_weight):
    """Return the loss of `DECISIONS`, written down once more."""
    episode, total = controller.start(), 0.0
    for question, option in DECISIONS:
        chances = episode.chances(question)
        total -= advantage * np.log(chances[option])
        total += entropy_weight * (chances * np.log(chances)).sum()
        episode.take(option)
    return total


@pytest.mark.parametrize(
    ("advantage", "entropy"), [(0.7, 0.0), (0.0, 0.3), (-1.2, 0.1)]
)
def test_gradients_are_those_of_the_loss(advantage, entropy):
    rng = np.random.default_rng(0)
    controller = Controller([3, 2, 4], 5, rng)
    for parameter in controller.parameters.values():
        parameter += rng.normal(size=parameter.shape)
    gradients = controller.gradients(DECISIONS, advantage, entropy)
    for name, parameter in controller.parameters.items():
        expected = np.zeros_like(parameter)
        for index in np.ndindex(parameter.shape):
            before = parameter[index]
            sides = []
            for step in (1e-5, -1e-5):
                parameter[index] = before + step
                sides.append(loss(controller, advantage, entropy))
            parameter[index] = before
            expected[index] = (sides[0] - sides[1]) / 2e-5
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(gradients[name], expected, atol=1e-6)


def test_what_is_rewarded_becomes_likelier():
    controller = Controller([3, 2, 4], 8, np.random.default_rng(0))
    before = loss(controller, 1.0, 0.0)
    for _ in range(20):
        controller.update(DECISIONS, 1.0, 0.0, 0.02)
    assert loss(controller, 1.0, 0.0) < before / 4
    for _ in range(200):
        controller.update(DECISIONS, 0.0, 1.0, 0.02)  # for entropy alone
    np.testing.assert_allclose(controller.start().chances(0), 1 / 3, atol=0.1)


def test_it_finds_what_scores():
    hp = keras_tuner.HyperParameters()
    for index in range(8):
        hp.Choice(f"op{index}", ["a", "b", "c", "d"])
    oracle = ReinforceOracle(
        objective=keras_tuner.Objective("score", "max"),
        hyperparameters=hp,
        max_trials=1000,
        seed=1,
    )
    trials = run(oracle, 300, lambda v: sum(value == "c" for value in v.values()))
    scores = [trial.score for trial in trials]
    # By chance two of eight are right.
    assert np.mean(scores[:10]) < 4
    assert np.mean(scores[-100:]) > 5.5

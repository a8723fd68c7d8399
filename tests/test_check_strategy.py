"""The checks of a strategy find what is wrong with one."""

import random

import numpy as np
import pytest

from skautonas.strategy import (
    EvolutionOracle,
    HyperbandOracle,
    RandomOracle,
    SearchOracle,
)
from skautonas.testing import check_strategy
from skautonas.testing.contracts import CHECKS


class OutOfRange(RandomOracle):
    def populate_space(self, trial_id):
        response = super().populate_space(trial_id)
        if "rate" in (response["values"] or ()):
            response["values"]["rate"] = 5.0
        return response


class BetweenSteps(RandomOracle):
    def populate_space(self, trial_id):
        response = super().populate_space(trial_id)
        if "dropout" in (response["values"] or ()):
            response["values"]["dropout"] += 0.01
        return response


class LeavesAStepOut(RandomOracle):
    def is_new(self, values):
        return values.get("dropout") != 0.5 and super().is_new(values)


class OfAnotherParent(HyperbandOracle):
    def promote(self, trial, shorter):
        response = super().promote(trial, shorter)
        return response | {"values": response["values"] | {"tuner/trial_id": "999"}}


class FromAnotherEpoch(HyperbandOracle):
    def promote(self, trial, shorter):
        response = super().promote(trial, shorter)
        return response | {"values": response["values"] | {"tuner/initial_epoch": 0}}


class PromotesTheWorst(HyperbandOracle):
    def gain(self, trial):
        return -super().gain(trial)


class StopsWhereItShouldWait(HyperbandOracle):
    def populate_space(self, trial_id):
        response = super().populate_space(trial_id)
        if response["status"] == "IDLE":
            response["status"] = "STOPPED"
        return response


class SearchesForTheWorst(EvolutionOracle):
    def gain(self, trial):
        return -super().gain(trial)


class DrawsSevenAtOnce(RandomOracle):
    """What is left of them is saved, the generator is not."""

    def __init__(self, **options):
        super().__init__(**options)
        self.drawn, self.rng = [], np.random.default_rng(self.seed)

    def populate_space(self, trial_id):
        if not self.drawn:
            space = self.configurations
            self.drawn = [space.sample(self.rng) for _ in range(7)]
        return self.propose(self.drawn.pop())

    def get_state(self):
        return super().get_state() | {"drawn": self.drawn}

    def set_state(self, state):
        super().set_state(state)
        self.drawn = list(state["drawn"])


class ForgetsOnceLoaded(RandomOracle):
    def set_state(self, state):
        super().set_state(state)
        self.is_new = lambda values: True


class WithoutRetries(RandomOracle):
    def end_trial(self, trial):
        if trial.status == "INVALID":
            trial.status = "FAILED"
        super().end_trial(trial)


@pytest.fixture
def generators_restored():
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002


class SeedsPython(RandomOracle):
    def populate_space(self, trial_id):
        random.seed(0)
        return super().populate_space(trial_id)


class SeedsNumPy(RandomOracle):
    def populate_space(self, trial_id):
        np.random.seed(0)  # noqa: NPY002
        return super().populate_space(trial_id)


class ReturnsValues(RandomOracle):
    def populate_space(self, trial_id):
        return super().populate_space(trial_id)["values"]


class ProposesNothing(SearchOracle):
    pass


class ComparesScores(EvolutionOracle):
    def gain(self, trial):
        return trial.score


@pytest.mark.parametrize(
    ("check", "broken", "words"),
    [
        ("check_conditions", OutOfRange, "rate=5.0, which is not offered"),
        ("check_direction", SearchesForTheWorst, "scores -0.* maximised, and"),
        ("check_steps", BetweenSteps, "between two steps"),
        ("check_steps", LeavesAStepOut, "never tried"),
        ("check_rungs", OfAnotherParent, "'999', which was not completed"),
        ("check_rungs", FromAnotherEpoch, "from epoch 0"),
        ("check_rungs", PromotesTheWorst, "what goes on scores"),
        (
            "check_outstanding_trials",
            StopsWhereItShouldWait,
            "and then RUNNING",
        ),
        ("check_reload", DrawsSevenAtOnce, "loaded after"),
        ("check_reload_while_running", ForgetsOnceLoaded, "tries again"),
        ("check_retries", WithoutRetries, "not the next"),
        ("check_generators", SeedsPython, "it changed the state"),
        ("check_generators", SeedsNumPy, "it changed the state"),
        ("check_direction", ComparesScores, r"compare by self\.gain\(trial\)"),
        ("check_seeds", ReturnsValues, r"returned \{.* as self\.propose\(values\)"),
        ("check_seeds", ProposesNothing, "no method populate_space"),
    ],
)
def test_what_is_wrong_is_found(check, broken, words, generators_restored):
    with pytest.raises(AssertionError, match=words):
        CHECKS[check](broken)


def test_a_mistake_that_fails_many_checks_is_told_once():
    with pytest.raises(AssertionError) as raised:
        check_strategy(ProposesNothing)
    (line,) = str(raised.value).splitlines()
    assert line.startswith("check_max_trials, check_new_configurations, ")


def test_a_failed_trial_has_no_gain():
    class Greedy(RandomOracle):
        def learn(self, trial):
            self.gain(trial)

    with pytest.raises(ValueError, match=r"Look at trial\.status before"):
        CHECKS["check_failures"](Greedy)


@pytest.mark.parametrize("factory", [RandomOracle(), "random", lambda **options: None])
def test_what_makes_no_oracle_is_refused_before_the_checks(factory):
    with pytest.raises(TypeError, match=r"Expected .*[oO]racle"):
        check_strategy(factory)

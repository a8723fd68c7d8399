"""Wrappers around wrappers, with starts, and after a reload."""

import itertools

import keras_tuner
import numpy as np
import pytest
from keras_tuner import oracles

from skautonas._compat import save_oracle_in, silence_oracle
from skautonas.search.oracle import OracleAdapter
from skautonas.strategy import (
    BayesianOracle,
    DuplicateFilter,
    EvolutionOracle,
    FeasibilityFilter,
    GridOracle,
    MedianStopping,
    RandomFallback,
    RandomOracle,
    RepeatedTrials,
)
from tests.asking import end, run
from tests.faults import loop

OBJECTIVE = keras_tuner.Objective("score", "max")


def space():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b", "c"])
    hp.Int("x", 0, 99)
    return hp


def small_space():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b", "c"])
    hp.Choice("x", [0, 1, 2, 3])
    return hp


def fresh(kind, hp=None, **options):
    options = {"objective": OBJECTIVE, "max_trials": 500, "seed": 1} | options
    return kind(hyperparameters=hp or space(), **options)


def x_of(trials):
    return [trial.hyperparameters.values["x"] for trial in trials]


class Counted(DuplicateFilter):
    n_asked = 0

    def populate_space(self, trial_id):
        self.n_asked += 1
        return super().populate_space(trial_id)


def test_random_draws_are_feasible():
    feasible = FeasibilityFilter(fresh(EvolutionOracle), lambda v: v["x"] % 2 == 0)
    filtered = Counted(feasible)
    oracle = RandomFallback(filtered, 2)
    tried = x_of(run(oracle, 12, lambda values: None))
    # After two failures each is drawn at random.
    assert filtered.n_asked == 2
    assert feasible.oracle.trials.keys() >= {f"{n:04d}" for n in range(12)}
    assert all(x % 2 == 0 for x in tried)
    assert len(set(tried)) > 6


@pytest.mark.parametrize("wrap", [DuplicateFilter, MedianStopping, RandomFallback])
def test_starts_take_no_proposal_away(wrap):
    oracle = wrap(fresh(GridOracle, small_space()))
    adapter = OracleAdapter(oracle, [{"kind": "b", "x": 2}, {"kind": "c", "x": 0}])
    silence_oracle(oracle)
    tried = []
    for number in itertools.count():
        proposal = adapter.ask(number)
        if proposal is None:
            break
        tried.append(tuple(proposal.values.values()))
        # At first all fail, so that some are drawn at random.
        adapter.tell(number, None if number < 5 else 0.5, "no")
    adapter.close()
    assert tried[:2] == [("b", 2), ("c", 0)]
    assert sorted(tried) == sorted(itertools.product("abc", range(4)))


@pytest.mark.parametrize("wrap", [lambda oracle: oracle, DuplicateFilter])
def test_the_grid_of_kerastuner_takes_starts_of_its_grid(wrap):
    hp = small_space()
    hp.Float("rate", 0.0, 1.0, step=0.5)
    oracle = wrap(fresh(oracles.GridSearchOracle, hp))
    starts = [
        {"kind": "b", "x": 2, "rate": 0.123},
        {"kind": "b", "x": 1, "rate": 0.5},
    ]
    adapter = OracleAdapter(oracle, starts)
    silence_oracle(oracle)
    proposals = []
    for number in range(6):
        proposals.append(adapter.ask(number).values)
        adapter.tell(number, 0.5, None)
    adapter.close()
    assert proposals[0] == starts[1]
    assert starts[0] not in proposals


def test_a_mean_is_of_one_configuration():
    inner = fresh(EvolutionOracle)
    scores = {}

    def score(values):
        if len(scores) in (3, 4, 5):
            return scores.setdefault(len(scores), None)
        return scores.setdefault(len(scores), float(values["x"]))

    run(RandomFallback(RepeatedTrials(inner, 3), 2), 30, score)
    told = [t for t in inner.trials.values() if t.status == "COMPLETED"]
    assert len(told) >= 8
    for trial in told:
        assert trial.score == pytest.approx(trial.hyperparameters.values["x"])


def test_a_rule_within_stops_as_it_does_outside():
    def steps(wrap):
        oracle = wrap(MedianStopping(fresh(RandomOracle), startup_trials=3))
        silence_oracle(oracle)
        counts = []
        for scores in ([1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0], [2, 2, 2]):
            trial = oracle.create_trial("one")
            for step, score in enumerate(scores):
                told = oracle.update_trial(trial.trial_id, {"score": score}, step)
                if told.status == "STOPPED":
                    break
            counts.append(step + 1)
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        return counts

    assert steps(DuplicateFilter) == steps(lambda oracle: oracle) == [3, 3, 3, 1, 3]


def test_repetitions_are_not_filtered():
    with pytest.raises(ValueError, match="RepeatedTrials around"):
        DuplicateFilter(FeasibilityFilter(RepeatedTrials(fresh(RandomOracle)), bool))
    oracle = RepeatedTrials(DuplicateFilter(fresh(RandomOracle)), 2)
    tried = x_of(run(oracle, 10, lambda values: 0.5))
    assert tried[::2] == tried[1::2]
    assert len(set(tried)) == 5


@pytest.mark.parametrize("kind", [RandomOracle, BayesianOracle])
def test_repetitions_in_a_search_with_starts(tmp_path, kind):
    objective = keras_tuner.Objective("val_loss", "min")
    template = RepeatedTrials(kind(objective=objective), 3)
    driver = loop.run(tmp_path / "study", 18, strategy=template, seconds=0.0)
    tried = [trial.task.values["x"] for trial in driver.ledger.trials]
    assert len(tried) == 18
    assert driver.stop_reason == "max_trials"


def test_a_start_is_repeated_where_it_takes_a_proposal(tmp_path):
    inner = keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, seed=1)
    inner.hyperparameters = space()
    oracle = RepeatedTrials(inner, 3)
    oracle.max_trials = 100
    starts = [{"x": 10}, {"x": 50}]
    adapter = OracleAdapter(oracle, starts)
    silence_oracle(oracle)
    tried = []
    for number in range(12):
        tried.append(adapter.ask(number).values["x"])
        adapter.tell(number, float(tried[-1]), None)
    adapter.close()
    assert tried[:6] == [10] * 3 + [50] * 3
    assert tried[6:] == [tried[6]] * 3 + [tried[9]] * 3
    told = [trial for trial in inner.trials.values() if trial.score is not None]
    assert [trial.score for trial in told] == [
        trial.hyperparameters.values["x"] for trial in told
    ]
    assert len(told) == 4


WRAPS = {
    "repeats": lambda oracle: RepeatedTrials(oracle, 3),
    "duplicates": DuplicateFilter,
    "feasible": lambda oracle: FeasibilityFilter(oracle, lambda v: v["x"] % 2 == 0),
    "fallback": lambda oracle: RandomFallback(oracle, 2),
    "all": lambda oracle: RandomFallback(
        RepeatedTrials(
            DuplicateFilter(FeasibilityFilter(oracle, lambda v: v["x"] % 2 == 0)), 2
        ),
        2,
    ),
}


@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("count", [1, 4, 9, 17])
def test_a_reload_is_no_turn(tmp_path, name, count):
    def oracle():
        made = WRAPS[name](fresh(EvolutionOracle, population_size=4, tournament_size=2))
        made.verbose, made.max_consecutive_failed_trials = 0, None
        save_oracle_in(made, tmp_path)
        return made

    def score(values):
        return None if values["kind"] == "c" else -abs(values["x"] - 40)

    one = oracle()
    for _ in range(count):
        trial = one.create_trial("one")
        end(one, trial, score(trial.hyperparameters.values))
    running = one.create_trial("one")
    other = oracle()
    other.reload()
    silence_oracle(one)
    silence_oracle(other)
    again = other.create_trial("other")
    assert again.hyperparameters.values == running.hyperparameters.values
    for ours, trial in ((one, running), (other, again)):
        end(ours, trial, score(trial.hyperparameters.values))
    after = [run(ours, 12, lambda v: score(v)) for ours in (one, other)]
    assert x_of(after[0]) == x_of(after[1])


def test_options_of_the_space_are_those_of_the_oracle():
    inner = fresh(RandomOracle, allow_new_entries=False, tune_new_entries=False)
    oracle = DuplicateFilter(inner)
    assert not oracle.allow_new_entries
    assert not oracle.tune_new_entries
    with pytest.raises(RuntimeError):
        oracle.update_space(grown())


def grown():
    hp = space()
    hp.Boolean("deep")
    return hp


def test_means_are_those_of_the_repetitions():
    rng = np.random.default_rng(0)
    inner = fresh(RandomOracle)
    trials = run(RepeatedTrials(inner, 4), 20, lambda values: rng.normal())
    scores = np.reshape([trial.score for trial in trials], (5, 4))
    told = [trial.score for trial in inner.trials.values()]
    assert told == pytest.approx(scores.mean(axis=1))

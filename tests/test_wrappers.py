"""Oracles around oracles: what becomes a trial, and what the inner one is told."""

import json

import keras_tuner
import numpy as np
import pytest
from keras_tuner.engine.trial import Trial

from skautonas._compat import save_oracle_in, silence_oracle
from skautonas.strategy import (
    BayesianOracle,
    DuplicateFilter,
    FeasibilityFilter,
    GridOracle,
    HyperbandOracle,
    MedianStopping,
    RandomFallback,
    RandomOracle,
    RepeatedTrials,
    make,
)
from tests.asking import end, run

OBJECTIVE = keras_tuner.Objective("score", "max")


class Listed(keras_tuner.Oracle):
    """Proposes a list of numbers, and remembers what it is told."""

    def __init__(self, numbers, **options):
        super().__init__(objective=OBJECTIVE, **options)
        self.numbers, self.told = list(numbers), []

    def populate_space(self, trial_id):
        if not self.numbers:
            return {"status": "STOPPED", "values": None}
        return {"status": "RUNNING", "values": {"x": self.numbers.pop(0)}}

    def end_trial(self, trial):
        super().end_trial(trial)
        values = self.trials[trial.trial_id].hyperparameters.values
        self.told.append((values["x"], self.trials[trial.trial_id].score))


def space():
    hp = keras_tuner.HyperParameters()
    hp.Int("x", 0, 99)
    return hp


def listed(*numbers):
    return Listed(numbers, hyperparameters=space(), seed=1)


def search(oracle, score=float, count=100):
    """Return the numbers that were tried, one after the other."""
    trials = run(oracle, count, lambda values: score(values["x"]))
    return [trial.hyperparameters.values["x"] for trial in trials]


def test_duplicates_are_told_and_not_tried():
    inner = listed(3, 5, 3, 3, 7, 5)
    scores = {3: 0.3, 5: None, 7: 0.7}
    assert search(DuplicateFilter(inner), scores.get) == [3, 5, 7]
    assert inner.told == [(3, 0.3), (5, None), (3, 0.3), (3, 0.3), (7, 0.7), (5, None)]


def test_a_duplicate_of_a_trial_that_runs_is_told_when_that_ends():
    inner = listed(3, 3, 4)
    oracle = DuplicateFilter(inner)
    silence_oracle(oracle)
    first, second = (oracle.create_trial(slot) for slot in "ab")
    assert second.hyperparameters.values == {"x": 4}
    end(oracle, second, 0.4)
    assert inner.told == [(4, 0.4)]
    assert oracle.create_trial("b").status == "STOPPED"
    end(oracle, first, 0.3)
    assert inner.told == [(4, 0.4), (3, 0.3), (3, 0.3)]


def test_what_is_not_feasible_is_told_as_a_failure():
    inner = listed(*range(10))
    oracle = FeasibilityFilter(inner, lambda values: values["x"] % 3 == 0)
    assert search(oracle) == [0, 3, 6, 9]
    assert inner.told[:4] == [(0, 0.0), (1, None), (2, None), (3, 3.0)]


def test_a_grid_of_which_nothing_is_feasible_ends():
    hp = keras_tuner.HyperParameters()
    for name in "abcdefgh":
        hp.Int(name, 0, 9)
    inner = GridOracle(objective=OBJECTIVE, hyperparameters=hp)
    assert run(FeasibilityFilter(inner, lambda values: values["a"] > 0), 1, len) == []


def test_a_grid_goes_on_behind_much_that_is_not_feasible(tmp_path):
    def make_oracle():
        hp = keras_tuner.HyperParameters()
        for name in "abcdef":
            hp.Int(name, 0, 9)
        inner = GridOracle(objective=OBJECTIVE, hyperparameters=hp)
        ends = "cdef"
        oracle = FeasibilityFilter(inner, lambda v: not any(v[n] for n in ends))
        save_oracle_in(oracle, str(tmp_path))
        return oracle

    oracle, loaded = make_oracle(), make_oracle()
    for _ in range(5):
        end(oracle, oracle.create_trial("one"), 0.0)
    loaded.reload()
    (trial,) = run(loaded, 1, lambda values: 0.0)
    assert (trial.hyperparameters.values["a"], trial.hyperparameters.values["b"]) == (
        0,
        5,
    )


def test_a_constraint_sees_the_configuration_alone():
    hp = keras_tuner.HyperParameters()
    hp.Int("x", 0, 9)
    hp.Int("y", 0, 9)
    for name in ("local", "hyperband"):
        inner = make(name, objective=OBJECTIVE, hyperparameters=hp, seed=1)
        oracle = FeasibilityFilter(inner, lambda values: sum(values.values()) < 9)
        trials = run(oracle, 30, lambda values: values["x"])
        assert len(trials) == 30
        assert len(inner.trials) == 30


def test_a_start_that_is_not_feasible_goes_on():
    inner = HyperbandOracle(objective=OBJECTIVE, hyperparameters=space(), seed=1)
    oracle = FeasibilityFilter(inner, lambda values: values["x"] < 50)
    silence_oracle(oracle)
    populate = oracle.populate_space

    def start(trial_id):
        values = populate(trial_id)["values"]
        return {"status": "RUNNING", "values": values | {"x": 99}}

    oracle.populate_space = start
    first = oracle.create_trial("one")
    oracle.populate_space = populate
    end(oracle, first, 99.0)
    rest = run(oracle, 3, lambda values: values["x"])
    values = rest[-1].hyperparameters.values
    assert (values["x"], values["tuner/trial_id"]) == (99, first.trial_id)


def test_a_constraint_without_a_return_is_refused():
    oracle = FeasibilityFilter(
        RandomOracle(objective=OBJECTIVE, hyperparameters=space()), lambda values: None
    )
    with pytest.raises(TypeError, match=r"received None\. Add a return"):
        search(oracle)


def test_nothing_feasible_ends_the_search():
    oracle = FeasibilityFilter(
        RandomOracle(objective=OBJECTIVE, hyperparameters=space()), lambda values: False
    )
    assert search(oracle) == []


@pytest.mark.parametrize("name", ["bayesian", "evolution", "local", "hyperband"])
def test_a_search_goes_on_where_the_best_is_not_feasible(name):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    inner = make(name, objective=OBJECTIVE, hyperparameters=hp, seed=1)
    oracle = DuplicateFilter(FeasibilityFilter(inner, lambda v: v["x"] + v["y"] < 0.5))
    trials = run(oracle, 60, lambda values: values["x"] + values["y"])
    assert len(trials) == 60
    assert max(trial.score for trial in trials) < 0.5
    # What cannot be tried is not proposed.
    assert all(trial.status == "COMPLETED" for trial in inner.trials.values())


def test_one_in_a_thousand_is_found():
    hp = keras_tuner.HyperParameters()
    hp.Float("first", 0.0, 1.0)
    hp.Float("second", 0.0, 1.0)
    inner = RandomOracle(objective=OBJECTIVE, hyperparameters=hp, seed=1)
    oracle = FeasibilityFilter(inner, lambda values: values["first"] < 1e-3)
    assert len(run(oracle, 100, lambda values: values["second"])) == 100


def test_another_oracle_that_finds_nothing_feasible_is_helped():
    inner = listed(*range(50, 99), *range(50, 99), *[50] * 400)
    tried = search(FeasibilityFilter(inner, lambda values: values["x"] < 3))
    assert sorted(tried) == [0, 1, 2]


def test_another_oracle_that_repeats_itself_is_helped():
    inner = listed(*[5] * 45)
    tried = search(DuplicateFilter(inner), count=5)
    assert len(set(tried)) == 5


def test_repeats_are_told_as_their_mean():
    inner = listed(1, 2)
    scores = iter([0.1, 0.2, 0.6, None, 0.8, None])
    assert search(RepeatedTrials(inner, 3), lambda x: next(scores)) == [1] * 3 + [2] * 3
    assert inner.told == [(1, pytest.approx(0.3)), (2, 0.8)]


def test_repeats_run_at_once():
    inner = listed(1, 2)
    oracle = RepeatedTrials(inner, 2)
    silence_oracle(oracle)
    trials = [oracle.create_trial(slot) for slot in "abcd"]
    assert [t.hyperparameters.values["x"] for t in trials] == [1, 1, 2, 2]
    for trial, score in zip(trials, (0.0, 1.0, 0.5, 0.7), strict=True):
        end(oracle, trial, score)
    assert inner.told == [(1, 0.5), (2, 0.6)]


def test_a_trial_goes_on_with_the_one_that_stands_for_its_parent():
    inner = listed(3, 3, 4)
    populate = inner.populate_space

    def going_on(trial_id):
        response = populate(trial_id)
        if response["values"] == {"x": 4}:
            response["values"]["tuner/trial_id"] = list(inner.trials)[1]
        return response

    inner.populate_space = going_on
    oracle = DuplicateFilter(inner)
    first, second = run(oracle, 2, lambda values: 1.0)
    assert second.hyperparameters.values["tuner/trial_id"] == first.trial_id


def test_repeats_of_rungs_are_refused():
    with pytest.raises(ValueError, match="without rungs"):
        RepeatedTrials(HyperbandOracle())


def test_repeats_of_what_is_stopped_are_refused():
    with pytest.raises(ValueError, match="Put MedianStopping around RepeatedTrials"):
        RepeatedTrials(DuplicateFilter(MedianStopping(RandomOracle())))


def test_hyperband_of_kerastuner_is_refused():
    with pytest.raises(TypeError, match=r"that of skautonas\.strategy"):
        DuplicateFilter(keras_tuner.oracles.HyperbandOracle(objective="val_loss"))


def test_after_failures_it_draws_at_random_until_one_succeeds():
    inner = listed(1, 2, 3, 4)
    outcomes = iter([1.0, None, None, None, 0.5, 2.0])
    tried = search(RandomFallback(inner, 2), lambda x: next(outcomes))
    assert tried[:3] + tried[5:] == [1, 2, 3, 4]
    assert set(tried[3:5]).isdisjoint({1, 2, 3, 4})
    # It is no oracle of ours, and is told of its own.
    assert inner.told == [(1, 1.0), (2, None), (3, None), (4, 2.0)]


def test_a_fallback_comes_before_the_search_is_given_up(tmp_path):
    oracle = RandomFallback(listed(1, 1, 1, 1, 1, 1, 1, 1))
    save_oracle_in(oracle, str(tmp_path))
    for _ in range(5):
        end(oracle, oracle.create_trial("one"), None)
    tried = [t.hyperparameters.values["x"] for t in oracle.trials.values()]
    assert tried[:3] == [1, 1, 1]
    assert 1 not in tried[3:]
    with pytest.raises(RuntimeError, match="consecutive failures"):
        end(oracle, oracle.create_trial("one"), None)


def curve(oracle, scores):
    """Report the steps of a trial; return how many it ran."""
    trial = oracle.create_trial("one")
    for step, score in enumerate(scores):
        shown = oracle.update_trial(trial.trial_id, {"score": score}, step=step)
        if shown.status == "STOPPED":
            break
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    return step + 1


@pytest.mark.parametrize("direction", ["max", "min"])
def test_a_trial_below_the_median_is_stopped(direction):
    sign = 1 if direction == "max" else -1
    inner = listed(*range(20))
    inner.objective = keras_tuner.Objective("score", direction)
    oracle = MedianStopping(inner)
    silence_oracle(oracle)
    for best in (1, 2, 3, 4, 5):
        assert curve(oracle, [0, sign * best, sign * best]) == 3
    # Averages until the second step: 0.5, 1, 1.5, 2, 2.5.
    assert curve(oracle, [0, sign * 1.6, 0]) == 3
    assert curve(oracle, [0, sign * 1.2, sign * 9]) == 2
    assert len(inner.told) == 7


def test_trials_that_were_stopped_do_not_lower_the_median():
    oracle = MedianStopping(RandomOracle(objective=OBJECTIVE, hyperparameters=space()))
    silence_oracle(oracle)
    for top in np.linspace(0.5, 1.0, 6):
        curve(oracle, [top / 2, top, top, top])
    for _ in range(8):
        assert curve(oracle, [0.01, 0.01]) == 1
    assert curve(oracle, [0.5, 0.2, 0.2]) == 2


def test_trials_that_were_stopped_are_known_after_a_reload():
    def make_oracle():
        oracle = MedianStopping(
            RandomOracle(objective=OBJECTIVE, hyperparameters=space(), seed=1)
        )
        silence_oracle(oracle)
        return oracle

    oracle, loaded = make_oracle(), make_oracle()
    for top in np.linspace(0.5, 1.0, 6):
        curve(oracle, [top / 2, top])
    for _ in range(8):
        curve(oracle, [0.01, 0.01])
    states = {i: trial.get_state() for i, trial in oracle.trials.items()}
    loaded.trials = {i: Trial.from_state(state) for i, state in states.items()}
    loaded.set_state(json.loads(json.dumps(oracle.get_state())))
    assert curve(loaded, [0.01, 0.01]) == 1


@pytest.mark.filterwarnings("ignore:All-NaN axis")
def test_a_score_that_is_no_number_is_left_out_of_the_median():
    oracle = MedianStopping(RandomOracle(objective=OBJECTIVE, hyperparameters=space()))
    silence_oracle(oracle)
    curve(oracle, [np.nan, 0.9])
    for _ in range(5):
        curve(oracle, [0.9, 0.9])
    assert curve(oracle, [0.95, np.nan, 0.1]) == 3
    assert curve(oracle, [0.1, np.nan, 0.95]) == 1
    assert curve(oracle, [np.nan, 0.95]) == 1


@pytest.mark.parametrize("wrap", [DuplicateFilter, RandomFallback, MedianStopping])
def test_a_rung_goes_on_with_a_trial_of_the_outside(wrap):
    hp = space()
    inner = HyperbandOracle(objective=OBJECTIVE, hyperparameters=hp, seed=1)
    oracle = wrap(inner)
    silence_oracle(oracle)
    assert oracle.longest_rung == 3
    promoted = []
    for number in range(30):
        resumable = oracle.resumable()
        trial = oracle.create_trial("one")
        values = trial.hyperparameters.values
        if "tuner/trial_id" in values:
            parent = oracle.trials[values["tuner/trial_id"]]
            assert parent.hyperparameters.values["x"] == values["x"]
            promoted.append(parent.trial_id)
            assert parent.trial_id in resumable
        # One fails now and then, so that the numbers of the two do not agree.
        end(oracle, trial, None if number % 4 == 1 else values["x"])
    assert promoted
    assert oracle.resumable() <= set(oracle.trials)


def test_a_wrapped_oracle_learns_of_what_it_did_not_propose():
    inner = BayesianOracle(objective=OBJECTIVE, hyperparameters=space(), seed=1)
    oracle = DuplicateFilter(inner)
    silence_oracle(oracle)
    populate, oracle.populate_space = oracle.populate_space, lambda trial_id: start
    start = {"status": "RUNNING", "values": {"x": 77}}
    trial = oracle.create_trial("one")
    oracle.populate_space = populate
    end(oracle, trial, 0.9)
    (known,) = inner.trials.values()
    assert known.hyperparameters.values == {"x": 77}
    assert known.score == 0.9


@pytest.mark.parametrize("thing", ["bayesian", BayesianOracle])
def test_what_is_no_oracle_is_refused(thing):
    with pytest.raises(TypeError, match=r"such as BayesianOracle\(\)"):
        DuplicateFilter(thing)


def test_several_objectives_are_refused():
    both = [OBJECTIVE, keras_tuner.Objective("size", "min")]
    with pytest.raises(ValueError, match=r"one objective.*'size'"):
        RepeatedTrials(keras_tuner.oracles.RandomSearchOracle(objective=both))


def test_a_used_oracle_is_refused():
    inner = listed(1)
    search(inner)
    with pytest.raises(ValueError, match="fresh oracle"):
        DuplicateFilter(inner)


@pytest.mark.parametrize(
    ("wrap", "words"),
    [
        (lambda o: RepeatedTrials(o, 0), "repeats of at least 1"),
        (lambda o: RandomFallback(o, 0), "failures of at least 1"),
        (lambda o: MedianStopping(o, 0), "startup_trials of at least 1"),
    ],
)
def test_options_out_of_range_are_refused(wrap, words):
    with pytest.raises(ValueError, match=words):
        wrap(listed(1))


def test_a_wrapped_oracle_of_kerastuner():
    from keras_tuner import oracles

    inner = oracles.RandomSearchOracle(
        objective=OBJECTIVE, hyperparameters=space(), max_trials=80, seed=1
    )
    tried = search(DuplicateFilter(inner), count=60)
    assert len(set(tried)) == len(tried) == 60
    assert np.mean(tried) == pytest.approx(50, abs=15)

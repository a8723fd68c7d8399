"""What each strategy proposes, beyond the contracts that all of them keep."""

import keras_tuner
import numpy as np
import pytest

from skautonas._compat import save_oracle_in, silence_oracle
from skautonas.strategy import STRATEGIES, DuplicateFilter, make
from skautonas.strategy.configurations import Configurations
from tests.asking import end, run

OBJECTIVE = keras_tuner.Objective("score", "max")


@pytest.fixture
def hp():
    hp = keras_tuner.HyperParameters()
    hp.Choice("block/kind", ["a", "b"])
    with hp.conditional_scope("block/kind", ["b"]):
        hp.Int("block/depth", 1, 3)
    hp.Choice("recipe/optimizer", ["sgd", "adam", "lamb"])
    hp.Float("recipe/rate", 0.0, 1.0)
    return hp


def oracle_of(name, hp, **options):
    oracle = make(
        name, objective=OBJECTIVE, hyperparameters=hp, max_trials=500, seed=1, **options
    )
    silence_oracle(oracle)
    return oracle


def rate(values):
    return values["recipe/rate"]


def differences(one, other):
    names = {*one, *other}
    return {n for n in names if one.get(n) != other.get(n)}


def test_a_child_of_evolution_has_a_parent_in_the_population(hp):
    oracle = oracle_of(
        "evolution", hp, population_size=6, tournament_size=3, crossover=0.0
    )
    values = [trial.hyperparameters.values for trial in run(oracle, 40, rate)]
    for number in range(6, 40):
        apart = [differences(values[number], v) for v in values[number - 6 : number]]
        # One is changed, and what that activates or not.
        assert any(len(names - {"block/depth"}) <= 1 for names in apart)
    assert np.mean(list(map(rate, values[-10:]))) > np.mean(list(map(rate, values[:6])))


def test_a_child_of_two_has_what_they_have(hp):
    space, rng = Configurations(hp), np.random.default_rng(0)
    one = {"block/kind": "a", "recipe/optimizer": "sgd", "recipe/rate": 0.25}
    two = {
        "block/kind": "b",
        "block/depth": 3,
        "recipe/optimizer": "adam",
        "recipe/rate": 0.5,
    }
    seen = set()
    for _ in range(50):
        child = space.values(space.cross(space.row(one), space.row(two), rng))
        assert set(child) - {"block/depth"} == set(one)
        assert all(value in (one.get(name), two[name]) for name, value in child.items())
        assert ("block/depth" in child) == (child["block/kind"] == "b")
        seen.add(tuple(child.values()))
    assert len(seen) == 8


def test_local_search_climbs_and_starts_again_at_the_top():
    hp = keras_tuner.HyperParameters()
    for index in range(5):
        hp.Choice(f"op{index}", list("abcd"))

    def score(values):
        return sum(value == "c" for value in values.values())

    def chosen(trial):
        values = trial.hyperparameters.values
        return {name: v for name, v in values.items() if name.startswith("op")}

    trials = run(oracle_of("local", hp, initial_points=3), 120, score)
    values = list(map(chosen, trials))
    top = max(values[:3], key=score)
    for number in range(3, 120):
        if trials[number].hyperparameters.values["tuner/climb"]:
            break
        # Always a neighbour of the best so far.
        assert len(differences(values[number], top)) == 1
        top = max(top, values[number], key=score)
    assert score(top) == 5
    # All 15 neighbours of the top were tried before it starts elsewhere.
    neighbours = [v for v in values[:number] if len(differences(v, top)) == 1]
    assert len(neighbours) == 15
    assert number < 70


def test_local_search_never_moves_down():
    hp = keras_tuner.HyperParameters()
    for index in range(5):
        hp.Choice(f"op{index}", list("abcd"))
    oracle = oracle_of("local", hp, initial_points=3)

    def climb(trial):
        return trial.hyperparameters.values["tuner/climb"]

    run(oracle, 3, lambda values: 0.5)
    # A neighbour of the first climb ends when another climb has begun.
    late, trial = oracle.create_trial("late"), oracle.create_trial("one")
    while climb(trial) == climb(late):
        end(oracle, trial, 0.1)
        trial = oracle.create_trial("one")
    end(oracle, trial, 0.3)
    end(oracle, late, 0.9)
    end(oracle, oracle.create_trial("one"), 0.4)
    top = late.hyperparameters.values
    for trial in run(oracle, 5, lambda values: 0.1):
        changed = differences(trial.hyperparameters.values, top)
        assert len(changed - {"tuner/climb"}) == 1


def test_greedy_search_changes_one_part(hp):
    oracle = oracle_of("greedy", hp, initial_points=4)
    trials = run(oracle, 40, rate)
    values = [trial.hyperparameters.values for trial in trials]
    parts = []
    for number in range(4, 40):
        best = max(values[:number], key=rate)
        names = differences(values[number], best)
        parts.append({name.partition("/")[0] for name in names})
        assert len(parts[-1]) == 1
    assert {"block"} in parts
    assert {"recipe"} in parts


def test_a_grid_goes_through_its_levels_in_order(hp):
    oracle = oracle_of("grid", hp, levels=2)
    values = [tuple(t.hyperparameters.values.values()) for t in run(oracle, 500, rate)]
    rates, optimizers = (0.25, 0.75), ("sgd", "adam", "lamb")
    assert values == [
        *[("a", o, r) for o in optimizers for r in rates],
        *[("b", d, o, r) for d in (1, 3) for o in optimizers for r in rates],
    ]


def test_asha_promotes_the_best_third_as_they_come(hp):
    oracle = oracle_of("asha", hp, rungs=3)
    for _ in range(60):
        completed = [t for t in oracle.trials.values() if t.status == "COMPLETED"]
        (trial,) = run(oracle, 1, rate)
        values = trial.hyperparameters.values
        parent = values.get("tuner/trial_id")
        if parent is None:
            assert values["tuner/epochs"] == 1
            continue
        epochs = values["tuner/initial_epoch"]
        assert values["tuner/epochs"] == 3 * epochs
        rung = [
            t for t in completed if t.hyperparameters.values["tuner/epochs"] == epochs
        ]
        rung.sort(key=lambda t: t.score, reverse=True)
        assert parent in [t.trial_id for t in rung[: len(rung) // 3]]
    counts = [t.hyperparameters.values["tuner/epochs"] for t in oracle.trials.values()]
    assert counts.count(1) > 2 * counts.count(3) > 4 * counts.count(9) > 0


def test_asha_never_waits(hp):
    oracle = oracle_of("asha", hp)
    running = [oracle.create_trial(f"slot{n}") for n in range(50)]
    assert all(trial.status == "RUNNING" for trial in running)


def test_asha_trains_something_in_full_where_the_space_is_small():
    hp = keras_tuner.HyperParameters()
    hp.Choice("x", [1, 2])
    trials = run(oracle_of("asha", hp), 10, lambda values: values["x"])
    epochs = [t.hyperparameters.values["tuner/epochs"] for t in trials]
    assert epochs == [1, 1, 3]


def test_bohb_looks_where_scores_are_better(hp):
    def share(name):
        trials = run(oracle_of(name, hp), 80, rate)
        new = [t for t in trials if "tuner/trial_id" not in t.hyperparameters.values]
        return np.mean([rate(t.hyperparameters.values) > 0.8 for t in new[-30:]])

    assert share("hyperband") < 0.4
    assert share("bohb") > 0.5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("evolution", {"tournament_size": 30}),
        ("evolution", {"crossover": 2.0}),
        ("local", {"steps": 0}),
        ("greedy", {"initial_points": 0}),
        ("grid", {"levels": 0}),
        ("bohb", {"random_share": -1}),
        ("reinforce", {"learning_rate": 0}),
        ("reinforce", {"baseline_decay": 1.0}),
        ("asha", {"factor": 1}),
    ],
)
def test_options_out_of_range_are_refused(name, options, hp):
    with pytest.raises(ValueError, match=rf"Expected .*{next(iter(options))}"):
        oracle_of(name, hp, **options)


def test_neighbours_differ_in_one(hp):
    space, rng = Configurations(hp), np.random.default_rng(0)
    values = {"block/kind": "a", "recipe/optimizer": "sgd", "recipe/rate": 0.25}
    rows = space.neighbours(space.row(values), rng, 4)
    found = [differences(space.values(row), values) for row in rows]
    assert sorted(map(sorted, found)) == [
        ["block/depth", "block/kind"],
        ["recipe/optimizer"],
        ["recipe/optimizer"],
        *4 * [["recipe/rate"]],
    ]


@pytest.mark.parametrize(
    ("declare", "offered"),
    [
        (lambda hp: hp.Float("x", 0.0, 1.0, step=0.1), np.arange(11) / 10),
        (lambda hp: hp.Float("x", 0.25, 0.45, step=0.05), np.arange(5, 10) / 20),
        (lambda hp: hp.Float("x", 1.0, 2.0, step=0.2), np.arange(5, 11) / 5),
        (
            lambda hp: hp.Float("x", 0.01, 10.0, step=10, sampling="log"),
            [0.01, 0.1, 1, 10],
        ),
        (lambda hp: hp.Int("x", 4, 32, step=2, sampling="log"), [4, 8, 16, 32]),
        (
            lambda hp: hp.Int("x", 4, 32, step=2, sampling="reverse_log"),
            [4, 20, 28, 32],
        ),
        (lambda hp: hp.Int("x", 2, 9, step=3), [2, 5, 8]),
        # Neither default nor start has to be one of the steps.
        (lambda hp: hp.Int("x", 0, 100, step=50, default=20), [0, 50, 100]),
    ],
)
@pytest.mark.parametrize("name", ["random", "grid", "evolution", "bayesian"])
def test_each_value_of_steps_is_tried(declare, offered, name):
    hp = keras_tuner.HyperParameters()
    declare(hp)
    options = {"levels": 20} if name == "grid" else {}
    trials = run(oracle_of(name, hp, **options), 30, lambda values: values["x"])
    tried = sorted(trial.hyperparameters.values["x"] for trial in trials)
    assert tried == pytest.approx(offered)


def test_a_value_comes_back_as_it_was(hp):
    hp.Float("log", 1e-5, 1e-1, sampling="log")
    space, rng = Configurations(hp), np.random.default_rng(0)
    for _ in range(50):
        values = space.sample(rng)
        assert space.values(space.row(values)) == values


# Before a strategy has drawn neighbours or chosen a kernel, and just before a reload.
@pytest.mark.parametrize("grown", [9, 19])
@pytest.mark.parametrize("name", sorted({*STRATEGIES} - {"auto", "optuna"}))
def test_a_space_that_grows_is_learned_again(hp, tmp_path, name, grown):
    def oracle():
        small = keras_tuner.HyperParameters()
        small.Choice("recipe/optimizer", ["sgd", "adam", "lamb"])
        small.Float("recipe/rate", 0.0, 1.0)
        made = make(
            name, objective=OBJECTIVE, hyperparameters=small, max_trials=99, seed=1
        )
        made.verbose = 0
        save_oracle_in(made, tmp_path)
        return made

    one, other = oracle(), oracle()
    for number in range(20):
        trial = one.create_trial("one")
        if number >= grown:
            one.update_space(hp)
        end(one, trial, rate(trial.hyperparameters.values))
    other.reload()
    for ours in (one, other):
        silence_oracle(ours)
    # A grid begins anew, with what was tried passed over.
    after = [run(ours, 5, rate) for ours in (one, other)]
    values = [[trial.hyperparameters.values for trial in trials] for trials in after]
    assert values[0] == values[1]
    assert any("block/kind" in v for v in values[0])


def test_a_trial_counts_as_what_it_tried():
    """A start takes the place of a proposal, after it was made."""
    hp = keras_tuner.HyperParameters()
    hp.Int("x", 0, 99)
    oracle = oracle_of("bayesian", hp)
    first = oracle.create_trial("one")
    oracle.create_trial("two")
    proposed = first.hyperparameters.values["x"]
    first.hyperparameters.values = {"x": 99 - proposed}
    oracle.create_trial("three")
    assert not oracle.is_new({"x": 99 - proposed})
    first.hyperparameters.values = {"x": (proposed + 50) % 100}
    end(oracle, first, 0.5)
    assert oracle.is_new({"x": proposed})
    assert oracle.configurations.values(oracle.row(first)) == {
        "x": (proposed + 50) % 100
    }


@pytest.mark.parametrize("wrap", [lambda oracle: oracle, DuplicateFilter])
def test_what_is_not_tuned_makes_no_difference(wrap):
    hp = keras_tuner.HyperParameters()
    hp.Choice("x", [0, 1, 2])
    oracle = wrap(oracle_of("random", hp, tune_new_entries=False))

    def score(values):
        oracle.trials[list(oracle.trials)[-1]].hyperparameters.values["y"] = 5
        return values["x"]

    trials = run(oracle, 10, score)
    assert sorted(trial.hyperparameters.values["x"] for trial in trials) == [0, 1, 2]


def test_a_retry_is_tried_once_after_a_reload(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Int("x", 0, 99)

    def fresh():
        options = {"hyperparameters": hp, "seed": 1, "max_retries_per_trial": 1}
        oracle = make("random", objective=OBJECTIVE, **options)
        save_oracle_in(oracle, str(tmp_path))
        return oracle

    oracle = fresh()
    end(oracle, oracle.create_trial("one"), None, "INVALID")
    again = fresh()
    again.reload()
    names = [again.create_trial(worker).trial_id for worker in ("one", "two")]
    assert len(set(names)) == 2


def test_an_unknown_option_is_refused_by_name(hp):
    with pytest.raises(TypeError, match=r"population_size.*popsize"):
        oracle_of("evolution", hp, popsize=3)

import keras_tuner
import pytest
from keras_tuner import oracles

from skautonas._compat import silence_oracle
from skautonas.search.oracle import OracleAdapter
from skautonas.strategy import (
    STRATEGIES,
    DuplicateFilter,
    EvolutionOracle,
    make_oracle,
)


@pytest.fixture
def hp():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("depth", 1, 9)
    return hp


def make(strategy, hp, *, seed=1, starts=(), max_trials=20, max_epochs=9):
    oracle = make_oracle(
        strategy, hp, max_trials=max_trials, max_epochs=max_epochs, seed=seed
    )
    return OracleAdapter(oracle, starts)


def search(adapter, count):
    values = []
    while len(values) < count:
        number = len(values)
        proposal = adapter.ask(number)
        if proposal is None:
            break
        values.append((proposal.values, proposal.share))
        adapter.tell(number, proposal.values["x"], None)
    adapter.close()
    return values


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_follows_its_seed(strategy, hp):
    one, same, other = (search(make(strategy, hp, seed=seed), 8) for seed in (5, 5, 6))
    assert one == same
    assert (one == other) == (strategy == "grid")  # in which nothing is drawn


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_starts_come_first(strategy, hp):
    starts = [{"x": 0.5, "kind": "b", "depth": 3}, {"x": 0.25, "kind": "a"}]
    values = search(make(strategy, hp, starts=starts), 6)
    assert [v for v, _ in values[:2]] == starts
    assert values[2][0] not in starts


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_inactive_hyperparameters_have_no_value(strategy, hp):
    for values, _ in search(make(strategy, hp), 12):
        assert ("depth" in values) == (values["kind"] == "b")


@pytest.mark.parametrize(
    "strategy",
    [
        EvolutionOracle,
        oracles.RandomSearchOracle,
        lambda **options: DuplicateFilter(EvolutionOracle(**options)),
    ],
)
def test_a_class_or_a_factory_makes_the_oracle(strategy, hp):
    one, same, other = (search(make(strategy, hp, seed=seed), 8) for seed in (5, 5, 6))
    assert len(one) == 8
    assert one == same != other


def test_a_factory_of_something_else_is_refused(hp):
    with pytest.raises(TypeError, match=r"return a keras_tuner\.Oracle.*received dict"):
        make(dict, hp)
    used = oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("score", "max"), hyperparameters=hp, seed=1
    )
    silence_oracle(used)
    used.create_trial("one")
    with pytest.raises(ValueError, match="has 1 trials"):
        make(lambda **options: used, hp)


def test_max_trials_exhausts_the_oracle(hp):
    adapter = make("random", hp, max_trials=3)
    assert len(search(adapter, 10)) == 3
    assert adapter.exhausted


def test_hyperband_promotes_to_the_full_epochs(hp):
    shares = [share for _, share in search(make("hyperband", hp, max_trials=60), 60)]
    assert set(shares) == {1 / 3, 1.0}


def test_a_template_is_copied_for_each_fit(hp):
    template = oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("val_loss", "min"), max_trials=3
    )
    search(make(template, hp, max_trials=5), 5)
    assert not template.trials
    assert len(search(make(template, hp, max_trials=5), 9)) == 5


def test_a_template_with_trials_is_refused(hp):
    adapter = make("random", hp)
    adapter.ask(0)
    with pytest.raises(ValueError, match="1 trials"):
        make(adapter.oracle, hp)


def test_an_unknown_strategy_is_refused_by_name(hp):
    with pytest.raises(ValueError, match="bayesain"):
        make("bayesain", hp)


def test_a_failed_trial_does_not_end_the_search(hp):
    adapter = make("random", hp)
    for number in range(6):
        adapter.ask(number)
        adapter.tell(number, None, "ValueError: no")
    assert adapter.ask(6) is not None
    adapter.close()


def test_an_exception_in_the_oracle_does_not_keep_its_lock(hp):
    from keras_tuner.src.engine import oracle as module

    adapter = make("random", hp)
    adapter._populate = lambda trial_id: 1 / 0
    with pytest.raises(ZeroDivisionError):
        adapter.ask(0)
    assert adapter.oracle not in module.LOCKS


def test_a_closed_oracle_is_forgotten_by_keras_tuner(hp):
    from keras_tuner.src.engine import oracle as module

    adapter = make("random", hp)
    search(adapter, 2)
    assert adapter.oracle not in module.LOCKS
    assert adapter.oracle not in module.THREADS

"""Every strategy keeps the contracts that `skautonas.testing` checks."""

import pickle
import re
from pathlib import Path

import keras_tuner
import optuna
import pytest
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.strategy import (
    STRATEGIES,
    BayesianOracle,
    DuplicateFilter,
    EvolutionOracle,
    FeasibilityFilter,
    MedianStopping,
    RandomFallback,
    make,
    strategy_names,
)
from skautonas.testing import check_strategy
from skautonas.testing.contracts import CHECKS
from tests.faults import loop
from tests.faults.fit import QUICK

# The generator of a sampler of Optuna's is its own, and is not saved.
EXPECTED_TO_FAIL = {("optuna", "check_reload")}

NAMES = sorted(set(STRATEGIES) - {"auto"})


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_keeps_its_contracts(name, check):
    more = {}
    if (name, check) == ("optuna", "check_growth"):
        # Optuna's default takes three minutes for 2000 trials, all its own.
        more["sampler"] = optuna.samplers.RandomSampler(seed=0)

    def factory(**options):
        return make(name, **options, **more)

    if (name, check) in EXPECTED_TO_FAIL:
        with pytest.raises(AssertionError, match="loaded after"):
            CHECKS[check](factory)
    else:
        CHECKS[check](factory)


def test_the_strategy_of_the_documentation_keeps_its_contracts():
    text = (Path(__file__).parent.parent / "docs/strategies.md").read_text("utf-8")
    names = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)
    assert names["oracle"].population_size == 10
    check_strategy(names["HillOracle"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [3, 11])
def test_a_search_that_goes_on_is_the_one_that_never_stopped(tmp_path, name, count):
    def tried(driver):
        return [(t.number, t.task.values, t.score) for t in driver.ledger.trials]

    whole = loop.run(tmp_path / "whole", 18, strategy=name, seconds=0.0)
    loop.run(tmp_path / "study", count, strategy=name, seconds=0.0)
    rest = loop.run(tmp_path / "study", 18, strategy=name, seconds=0.0)
    assert tried(rest) == tried(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_searches_in_a_fit(name):
    search = TabularSearchClassifier(**QUICK, max_trials=9, strategy=name, n_jobs=2)
    search.fit(*load_wine(return_X_y=True))
    assert [trial.status for trial in search.trials_] == 9 * ["completed"]
    assert search.score(*load_wine(return_X_y=True)) > 0.5


@pytest.mark.parametrize("startup_trials", [5, 14])
def test_a_template_around_another_searches_in_a_fit(startup_trials):
    inner = EvolutionOracle(population_size=4, tournament_size=2)
    template = MedianStopping(
        FeasibilityFilter(DuplicateFilter(inner), lambda v: v["mlp/layers"] == 1),
        startup_trials,
    )
    more = QUICK | {"max_epochs": 40}
    search = TabularSearchClassifier(**more, max_trials=14, strategy=template, n_jobs=1)
    search.fit(*load_wine(return_X_y=True))
    # All but the known starts, which are tried in any case.
    own = [trial.params["mlp/layers"] for trial in search.trials_[6:]]
    assert own == 8 * [1]
    # The rule begins after so many, of fourteen.
    stops = "stopped" in {trial.status for trial in search.trials_}
    assert stops == (startup_trials == 5)
    assert not template.trials


def test_the_documentation_has_the_table_of_strategies():
    text = (Path(__file__).parent.parent / "docs/strategies.md").read_text("utf-8")
    table, _ = text.split("## How they compare")
    rows = re.findall(r"^\| `(\w+)`.*\| (.*) \| (.*)\|$", table, re.MULTILINE)
    assert {row[0] for row in rows} == set(NAMES)
    for name, purpose, options in rows:
        assert purpose == STRATEGIES[name].purpose
        assert tuple(re.findall(r"`(\w+)`", options)) == STRATEGIES[name].options


def is_small(values):
    return values["x"] < 0.5


@pytest.mark.parametrize(
    "oracle",
    [
        EvolutionOracle(population_size=7),
        FeasibilityFilter(DuplicateFilter(BayesianOracle()), is_small),
        DuplicateFilter(keras_tuner.oracles.RandomSearchOracle(objective="val_loss")),
        keras_tuner.oracles.RandomSearchOracle(objective="val_loss"),
    ],
)
def test_an_estimator_pickles_with_an_oracle(oracle):
    search = TabularSearchClassifier(strategy=oracle)
    again = pickle.loads(pickle.dumps(search)).strategy
    assert type(again) is type(oracle)
    assert getattr(again, "population_size", 7) == 7
    assert [f.__self__ is again for f in getattr(again, "constraints", ())] == [
        True for _ in getattr(oracle, "constraints", ())
    ]


def test_an_unknown_name_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"bayesian.*received 'bayes'"):
        make("bayes", objective="val_loss")


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="max_trials of at least 1; received 0"):
        make("random", objective="val_loss", max_trials=0)
    with pytest.raises(ValueError, match="seed of at least 0; received -1"):
        make("random", objective="val_loss", seed=-1)
    with pytest.raises(ValueError, match="levels of at most 10000; received 1000000"):
        make("grid", objective="val_loss", levels=10**6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("random", {"max_trials": "10"}),
        ("random", {"max_trials": True}),
        ("random", {"seed": 1.5}),
        ("random", {"hyperparameters": {"x": 1}}),
        ("evolution", {"population_size": 6.5}),
        ("evolution", {"crossover": None}),
        ("asha", {"rungs": 1.5}),
        ("optuna", {"sampler": "tpe"}),
        ("optuna", {"sampler": optuna.samplers.TPESampler}),
    ],
)
def test_options_of_another_type_are_refused(name, options):
    with pytest.raises(TypeError, match=rf"Expected .*{next(iter(options))}"):
        make(name, objective="val_loss", **options)


def test_another_package_registers_a_strategy(tmp_path, monkeypatch):
    code = (
        "from skautonas.strategy import RandomOracle\nclass Hill(RandomOracle): pass\n"
    )
    (tmp_path / "hill.py").write_text(code)
    info = tmp_path / "hill-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hill\nVersion: 1")
    (info / "entry_points.txt").write_text("[skautonas.strategies]\nhill = hill:Hill\n")
    search = TabularSearchClassifier(**QUICK, max_trials=2, strategy="hill")
    with pytest.raises(ValueError, match="strategy to be one of"):
        search.fit(*load_wine(return_X_y=True))
    monkeypatch.syspath_prepend(tmp_path)
    assert "hill" in strategy_names()
    assert type(make("hill", objective="val_loss")).__name__ == "Hill"
    assert search.fit(*load_wine(return_X_y=True)).n_trials_ == 2


def test_a_wrapped_strategy_keeps_its_contracts():
    def factory(**options):
        inner = FeasibilityFilter(EvolutionOracle(**options), lambda values: True)
        return MedianStopping(RandomFallback(DuplicateFilter(inner)))

    check_strategy(factory)

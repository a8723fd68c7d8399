"""A study's directory: fits that go on, and fits that are refused."""

import copy

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner import oracles
from sklearn.datasets import load_wine
from sklearn.metrics import make_scorer

from skautonas import SkautonasWarning, TabularSearchClassifier
from skautonas.estimators._fingerprint import _describe, _source
from skautonas.exceptions import StudyExistsError
from skautonas.search.journal import Asked, Ended, Finished, Journal
from skautonas.space import TabularSpace
from skautonas.strategy import (
    DuplicateFilter,
    EvolutionOracle,
    FeasibilityFilter,
    GridOracle,
    HyperbandOracle,
    RandomOracle,
)
from tests.faults.fit import search, told

X, Y = load_wine(return_X_y=True)


def events(directory, kind):
    journal = Journal(directory / "journal.jsonl", durable=False)
    journal.close()
    return [event for event in journal.events if isinstance(event, kind)]


def kerastuner(kind):
    return kind(objective=keras_tuner.Objective("val_loss", "min"), max_trials=99)


STRATEGIES = {
    "random": "random",
    "bayesian": "bayesian",
    "hyperband": "hyperband",
    "KerasTuner's random search": kerastuner(oracles.RandomSearchOracle),
    "KerasTuner's Bayesian optimization": kerastuner(
        oracles.BayesianOptimizationOracle
    ),
    "KerasTuner's grid search": kerastuner(oracles.GridSearchOracle),
    "KerasTuner's Hyperband": oracles.HyperbandOracle(
        objective=keras_tuner.Objective("val_loss", "min"),
        max_epochs=3,
        hyperband_iterations=9,
    ),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_strategy_goes_on_to_more_trials(tmp_path, name):
    more = {"strategy": STRATEGIES[name], "max_epochs": 3}
    expected = told(search(None, 8, **more).fit(X, Y))
    for max_trials in (3, 8):
        fitted = search(tmp_path, max_trials, **more).fit(X, Y)
    assert told(fitted) == expected
    assert len(events(tmp_path, Asked)) == 8


def test_what_is_finished_is_only_loaded(tmp_path):
    first = search(tmp_path, 3, refit=True).fit(X, Y)
    again = search(tmp_path, 3, refit=True).fit(X, Y)
    assert told(again) == told(first)
    assert again.refitted_
    assert len(events(tmp_path, Ended)) == 1
    more = search(tmp_path, 4, refit=True).fit(X, Y)
    assert more.n_trials_ == 4


def test_the_time_budget_counts_what_earlier_fits_spent(tmp_path):
    long = {"max_epochs": 200}
    first = search(tmp_path, 12, **long).fit(X, Y)
    # Enough for further trials, were it not spent.
    assert first.search_time_ > 3
    spent = search(tmp_path, None, time_budget=first.search_time_, **long).fit(X, Y)
    assert spent.stop_reason_ == "time_budget"
    assert spent.n_trials_ == 12
    left = search(tmp_path, None, time_budget=spent.search_time_ + 4, **long).fit(X, Y)
    assert left.stop_reason_ == "time_budget"
    assert left.n_trials_ > 12
    assert spent.search_time_ < left.search_time_ < spent.search_time_ + 8


def test_a_larger_budget_keeps_the_splits(tmp_path):
    # From 15 s on, a new study of so few rows has five.
    first = search(tmp_path, 1, time_budget=14, refit=True).fit(X, Y)
    fitted = search(tmp_path, 2, time_budget=60, refit=True).fit(X, Y)
    assert [len(trial.scores) for trial in first.trials_] == [1]
    assert [len(trial.scores) for trial in fitted.trials_] == [1, 1]
    again = search(tmp_path, 3, time_budget=None, refit=True).fit(X, Y)
    assert [len(trial.scores) for trial in again.trials_] == [1, 1, 1]


DIFFERENT = {
    "data": (lambda: (X + 1, Y), {}),
    "data in another order": (lambda: (X[::-1], Y[::-1]), {}),
    "labels": (lambda: (X, (Y + 1) % 3), {}),
    "space": (lambda: (X, Y), {"space": TabularSpace(architectures=("residual",))}),
    "strategy": (lambda: (X, Y), {"strategy": "random"}),
    "metric": (lambda: (X, Y), {"scoring": "balanced_accuracy"}),
    "seed": (lambda: (X, Y), {"random_state": 1}),
    "max_epochs": (lambda: (X, Y), {"max_epochs": 4}),
    "splits": (lambda: (X, Y), {"validation_fraction": 0.5}),
    "class_weight": (lambda: (X, Y), {"class_weight": "balanced"}),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kept")
    search(directory, 1).fit(X, Y)
    return directory


@pytest.mark.parametrize("name", DIFFERENT)
def test_another_study_is_refused_by_what_differs(kept, name):
    data, more = DIFFERENT[name]
    before = (kept / "journal.jsonl").read_bytes()
    named = name.split(maxsplit=1)[0]
    with pytest.raises(StudyExistsError, match=rf"another .*{named}.*overwrite=True"):
        search(kept, 1, **more).fit(*data())
    assert (kept / "journal.jsonl").read_bytes() == before


def first_build(hp):
    return keras.Sequential([keras.layers.Dense(hp.Int("units", 2, 4))])


def other_build(hp):
    return keras.Sequential([keras.layers.Dense(1 + hp.Int("units", 2, 4))])


def scaled(factor):
    def score(y, predicted):
        return factor * float(np.mean(y == predicted))

    return score


class Builder(keras_tuner.HyperModel):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def build(self, hp):
        return keras.Sequential([keras.layers.Dense(self.width)])


def named(function, name):
    function.__qualname__ = name
    return function


def test_what_users_wrote_is_told_from_another_by_what_it_says():
    values = [named(build, "build") for build in (first_build, other_build)]
    values += [*map(scaled, (1, 2)), *map(Builder, (64, 128))]
    values += [make_scorer(scaled(1)), make_scorer(scaled(2))]
    assert len({(type(v), _source(v)) for v in values}) == len(values)
    assert _source(scaled(1)) == _source(scaled(1))
    assert _source(Builder(64)) == _source(Builder(64))


def test_a_strategy_around_another_is_told_from_one_around_a_third():
    strategies = [
        DuplicateFilter(RandomOracle()),
        DuplicateFilter(GridOracle()),
        DuplicateFilter(GridOracle(levels=3)),
        FeasibilityFilter(RandomOracle(), lambda values: values["layers"] == 1),
        FeasibilityFilter(RandomOracle(), lambda values: values["layers"] == 2),
    ]
    assert len(set(map(_describe, strategies))) == len(strategies)
    assert _describe(strategies[2]) == _describe(copy.deepcopy(strategies[2]))


def test_a_strategy_is_described_as_it_is_in_studies_on_disk():
    common = {
        "allow_new_entries": True,
        "max_consecutive_failed_trials": 3,
        "max_retries_per_trial": 0,
        "multi_worker": False,
        "should_report": True,
        "tune_new_entries": True,
    }
    own = {"crossover": 0.2, "population_size": 7, "tournament_size": 6}
    within = f"EvolutionOracle {dict(sorted((common | own).items()))}"
    described = _describe(DuplicateFilter(EvolutionOracle(population_size=7)))
    assert described == f"DuplicateFilter {common} {within}"


def test_comments_and_layout_make_no_other_study(tmp_path):
    described = []
    for number, body in enumerate(
        ("return hp+1", "return (hp  + 1)  # why", "return 2")
    ):
        file = tmp_path / f"m{number}.py"
        file.write_text(f"def build(hp):\n    {body}\n")
        scope = {}
        exec(compile(file.read_text(), str(file), "exec"), scope)
        described.append(_source(scope["build"]))
    assert described[0] == described[1] != described[2]


def test_weights_are_part_of_the_data(kept):
    with pytest.raises(StudyExistsError, match=r"another .*weights"):
        search(kept, 1).fit(X, Y, sample_weight=np.linspace(1, 2, len(Y)))


def test_an_estimator_of_another_kind_is_refused(kept):
    regressor = search(kept, 1)
    regressor = type("Other", (TabularSearchClassifier,), {})(**regressor.get_params())
    with pytest.raises(StudyExistsError, match="another estimator"):
        regressor.fit(X, Y)


def test_overwrite_starts_another_study(tmp_path):
    search(tmp_path, 2).fit(X, Y)
    before = [event.outcome.checkpoint for event in events(tmp_path, Finished)]
    fitted = search(tmp_path, 1, overwrite=True, random_state=1).fit(X, Y)
    assert fitted.n_trials_ == 1
    assert len(events(tmp_path, Asked)) == 1
    # What a process of before still writes is no file of the new study.
    (finished,) = events(tmp_path, Finished)
    assert finished.number == 0
    assert finished.outcome.checkpoint not in before


def test_without_a_seed_the_study_keeps_its_own(tmp_path):
    first = search(tmp_path, 2, random_state=None).fit(X, Y)
    more = search(tmp_path, 4, random_state=None).fit(X, Y)
    assert [t.params for t in more.trials_[:2]] == [t.params for t in first.trials_]
    assert more.n_trials_ == 4


def test_a_study_of_other_versions_warns(tmp_path):
    search(tmp_path, 1).fit(X, Y)
    facts = (tmp_path / "study.json").read_text()
    import keras

    assert f'"keras": "{keras.__version__}"' in facts
    changed = facts.replace(f'"keras": "{keras.__version__}"', '"keras": "3.0.0"')
    (tmp_path / "study.json").write_text(changed)
    with pytest.warns(SkautonasWarning, match=r"began with keras 3\.0\.0, now"):
        search(tmp_path, 1).fit(X, Y)


def test_folds_and_rungs_go_on(tmp_path):
    more = {"cv": 2, "refit": True, "strategy": "hyperband"}
    expected = told(search(None, 12, **more).fit(X, Y))
    for max_trials in (5, 12):
        fitted = search(tmp_path, max_trials, **more).fit(X, Y)
    assert told(fitted) == expected


def test_rungs_of_rows_train_as_long_as_the_recipe_says():
    strategy = HyperbandOracle(fidelity="rows")
    fitted = search(None, 13, strategy=strategy, max_epochs=None).fit(X, Y)
    assert {trial.fidelity for trial in fitted.trials_} == {1 / 3, 1.0}
    assert max(trial.epochs for trial in fitted.trials_) > 9
    best = fitted.trials_[fitted.best_index_]
    assert best.fidelity == 1.0


@pytest.mark.parametrize(
    "name", ["random", "bayesian", "hyperband", "KerasTuner's random search"]
)
def test_the_median_rule_stops_trials_of_any_strategy(name):
    more = {"strategy": STRATEGIES[name], "pruner": "median", "max_epochs": 60}
    fitted = search(None, 25, **more).fit(X, Y)
    stopped = [t for t in fitted.trials_ if t.status == "stopped"]
    assert any(t.epochs < 60 * t.fidelity for t in stopped)
    assert all(t.epochs <= 60 * t.fidelity for t in stopped)
    best = fitted.trials_[fitted.best_index_]
    assert (best.status, best.fidelity) == ("completed", 1.0)
    assert np.isfinite(fitted.cv_results_["mean_test_score"]).all()


def test_state_and_checkpoints_stay_small(tmp_path):
    # In the middle of a bracket, whose members may still go on.
    search(tmp_path, 50, strategy="hyperband", n_jobs=2).fit(X, Y)
    model = (tmp_path / "model.keras").stat().st_size
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    rest = sum(f.stat().st_size for f in files if f.name != "model.keras")
    assert rest < 10 * model

"""Models that are trained again by calls that were compiled before."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

from skautonas import ImageSearchClassifier, TabularSearchClassifier
from skautonas.estimation import compiled
from skautonas.estimation.checkpoint import read_arrays
from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.study import encode_fold, read_study, write_study
from skautonas.estimation.task import TrialTask
from skautonas.space.base import complete
from skautonas.space.candidate import Candidate, SpaceSource, user_recipe


def study_file(search, X, y, folder):
    """Write a study as a fit does; return its file and the space's first start."""
    from skautonas.data.rows import Rows
    from skautonas.estimation.scoring import make_scorer
    from skautonas.estimators._study import make_study

    search.scorer_ = make_scorer("accuracy")
    rows = Rows(search._check_X(X, reset=True), search._check_y(y))
    study = make_study(search, rows, rows, None, 0, str(folder))
    file = folder / "study.pickle"
    write_study(study, file)
    for fold in range(len(study.folds)):
        encode_fold(str(file), fold)
    source = study.folds[0].source
    return str(file), complete(source.declare(), source.starts[0])


@pytest.fixture(params=["table", "images"])
def trained(request, tmp_path):
    """Yield a function that trains, and the values of a start with dropout."""
    if request.param == "table":
        X, y = load_wine(return_X_y=True)
        search = TabularSearchClassifier(cv=3, max_trials=1)
    else:
        digits = load_digits()
        X, y = digits.images[:300], digits.target[:300]
        search = ImageSearchClassifier(max_trials=1)
    file, values = study_file(search, X, y, tmp_path)
    compiled.forget_compiled()

    def train(number, **changes):
        task = TrialTask(
            number, 0, values | changes, 3, file, str(tmp_path), max_epochs=2
        )
        outcome = evaluate(task)
        assert outcome.status == "completed", outcome.traceback
        return outcome, read_arrays(str(tmp_path / outcome.checkpoint))

    yield train
    compiled.forget_compiled()


def table_with_words(n_rows=150):
    """Return a table whose splits see other levels and words each."""
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(80)]
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "place": rng.choice([f"place{n}" for n in range(30)], n_rows),
            "name": [" ".join(rng.choice(words, 6)) for _ in range(n_rows)],
        }
    )
    return frame, np.tile(["a", "b", "c"], n_rows // 3)


def test_folds_with_other_levels_and_words_are_compiled_once(tmp_path):
    X, y = table_with_words()
    search = TabularSearchClassifier(cv=3, max_trials=1)
    file, _ = study_file(search, X, y, tmp_path)
    study = read_study(file)
    encoders = [fold.encoder for fold in (*study.folds, study.whole)]
    assert len({len(encoder.levels_[0]) for encoder in encoders}) > 1
    assert len({len(encoder.texts_[0].terms) for encoder in encoders}) > 1
    compiled.forget_compiled()
    values = complete(study.whole.source.declare(), {"architecture": "mlp"})
    outcome = evaluate(TrialTask(0, 0, values, 3, file, str(tmp_path), max_epochs=2))
    assert outcome.status == "completed", outcome.traceback
    assert len(outcome.scores) == 3
    assert len(compiled._kept) == 1
    compiled.forget_compiled()


@pytest.fixture
def builds(monkeypatch):
    """Return a list that has one entry for each model that a space built."""
    counted, build = [], SpaceSource.build

    def counts(self, values):
        counted.append(values)
        return build(self, values)

    monkeypatch.setattr(SpaceSource, "build", counts)
    return counted


TABLES = {"numbers": load_wine(return_X_y=True), "words": table_with_words()}


@pytest.mark.parametrize(
    ("table", "architecture"),
    [
        ("numbers", "mlp"),
        ("words", "linear"),
        ("words", "packed"),
        ("words", "residual"),
    ],
)
def test_a_model_that_serves_on_all_folds_trains_as_those_built_for_each(
    table, architecture, tmp_path, builds, monkeypatch
):
    # 178 and 150 rows: folds of as many rows and of one more.
    X, y = TABLES[table]
    search = TabularSearchClassifier(cv=4, max_trials=1)
    file, _ = study_file(search, X, y, tmp_path)
    source = read_study(file).folds[0].source
    start = {"model": "linear"}
    if architecture != "linear":
        start = {"model": "network", "architecture": architecture}
    values = complete(source.declare(), start)

    def train():
        compiled.forget_compiled()
        builds.clear()
        task = TrialTask(0, 0, values, 3, file, str(tmp_path), max_epochs=3)
        outcome = evaluate(task)
        assert outcome.status == "completed", outcome.traceback
        outputs = read_arrays(str(tmp_path / outcome.outputs))
        return outcome, outputs, len(builds)

    outcome, outputs, n_builds = train()
    monkeypatch.setattr(SpaceSource, "builds_as", lambda self, other, values: False)
    other, others, n_others = train()
    assert (n_builds, n_others) == (1, 4)
    assert outcome.scores == other.scores
    assert outcome.curve == other.curve
    for one, two in zip(outputs, others, strict=True):
        np.testing.assert_array_equal(one, two)
    compiled.forget_compiled()


def test_images_of_each_fold_are_scaled_by_its_own_rows(tmp_path, builds):
    digits = load_digits()
    X, y = digits.images[:120], digits.target[:120]
    search = ImageSearchClassifier(cv=3, max_trials=1)
    file, values = study_file(search, X, y, tmp_path)
    facts = [fold.source.space.facts for fold in read_study(file).folds]
    assert len({f.mean for f in facts}) == 3
    outcome = evaluate(TrialTask(0, 0, values, 3, file, str(tmp_path), max_epochs=1))
    assert outcome.status == "completed", outcome.traceback
    assert len(builds) == 3
    compiled.forget_compiled()


def test_a_compiled_model_trains_as_a_fresh_one_to_the_last_bit(trained):
    first, variables = trained(0)
    (kept,) = compiled._kept.values()
    again, same = trained(1)
    assert list(compiled._kept.values()) == [kept]
    assert again.scores == first.scores
    assert again.curve == first.curve
    for one, other in zip(variables, same, strict=True):
        np.testing.assert_array_equal(one, other)
    compiled.forget_compiled()
    fresh, _ = trained(2)
    assert fresh.scores == first.scores


def test_what_a_step_depends_on_is_compiled_anew(trained):
    first, _ = trained(0)
    trained(1, **{"recipe/batch_size": 48})
    assert len(compiled._kept) == 2
    for number in range(2, 8):
        trained(number, **{"recipe/batch_size": 8 + number})
    assert len(compiled._kept) == compiled.KEPT_MODELS
    again, _ = trained(8)
    assert again.scores == first.scores


def test_large_models_are_not_kept_beside_the_latest(trained, monkeypatch):
    monkeypatch.setattr(compiled, "KEPT_BYTES", 1000)
    trained(0)
    trained(1, **{"recipe/batch_size": 48})
    assert len(compiled._kept) == 1


def test_a_failed_trial_frees_what_is_kept(trained, monkeypatch):
    trained(0)

    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(SpaceSource, "build", fail)
    with pytest.raises(AssertionError, match="MemoryError"):
        trained(1)
    assert not compiled._kept


def key_of(rate, learning_rate=1e-3, batch=32):
    keras.utils.clear_session()
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(rate)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    data = np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32")
    candidate = Candidate(model, model, user_recipe(learning_rate))
    return compiled._key(candidate, data, batch)


def test_a_key_tells_graphs_apart_but_no_weights_or_rates_of_learning():
    assert key_of(0.1) == key_of(0.1, learning_rate=1e-2)
    assert key_of(0.1) != key_of(0.2)
    assert key_of(0.1) != key_of(0.1, batch=64)

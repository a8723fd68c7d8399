"""Models of the user: whatever Keras can train, save and load."""

import inspect
import pickle

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.datasets import load_docstrings
from skautonas.space.candidate import check_loads
from tests.test_export import run_card
from tests.test_user_checks import wine_model

QUICK = {"max_trials": 2, "max_epochs": 5, "time_budget": None, "random_state": 0}
WINE = load_wine(return_X_y=True)


def without_input(hp):
    model = keras.Sequential(
        [
            keras.layers.Dense(hp.Choice("units", [8, 16]), activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("refit", [True, False])
def test_a_model_without_an_input_is_built_by_the_data(refit):
    search = TabularSearchClassifier(space=without_input, refit=refit, **QUICK)
    search.fit(*WINE)
    assert [trial.status for trial in search.trials_] == ["completed"] * 2
    assert list(search.best_model_.input) == ["numeric"]
    assert search.best_model_.get_layer("core").input_shape == (None, 13)


def test_a_model_without_weights_is_checked_without_a_warning():
    check_loads(without_input(keras_tuner.HyperParameters()))


def scheduled(hp):
    model = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(hp.Choice("units", [1]))]
    )
    # Zero from the first epoch on: whoever sets a rate moves the weights.
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([11], [0.1, 0.0])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def test_the_users_schedule_sets_the_learning_rate():
    X, y = load_diabetes(return_X_y=True)
    short, long = (
        TabularSearchRegressor(
            space=scheduled,
            **QUICK | {"max_trials": 1, "refit": False, "max_epochs": epochs},
        ).fit(X[:400], y[:400])
        for epochs in (3, 9)
    )
    assert long.trials_[0].epochs > short.trials_[0].epochs
    np.testing.assert_array_equal(short.predict(X), long.predict(X))


def images_in_a_sequential(hp):
    model = keras.Sequential(
        [
            keras.layers.Rescaling(1 / 16),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.03])),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def images_under_another_name(hp):
    pixels = keras.Input((8, 8, 1), name="pixels")
    # Integers would wrap around below zero.
    x = keras.layers.Flatten()((pixels - 8) / 8)
    model = keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.03])),
        "sparse_categorical_crossentropy",
    )
    return model


@keras.saving.register_keras_serializable("tests")
class Subclass(keras.Model):
    """Takes the images as they come: nothing converts them for it."""

    def __init__(self, **config):
        super().__init__(**config)
        self.head = keras.layers.Dense(10, activation="softmax")

    def call(self, images):
        assert keras.backend.standardize_dtype(images.dtype) == "float32"
        return self.head(keras.ops.reshape((images - 8) / 8, (-1, 64)))


def unregistered_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def images_in_a_subclass(hp):
    model = Subclass()
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.03])), unregistered_loss
    )
    return model


@pytest.mark.parametrize(
    ("build", "dtype"),
    [(images_in_a_sequential, "float64"), (images_under_another_name, "uint8")],
)
def test_images_reach_the_users_model_and_its_card(build, dtype, tmp_path):
    digits = load_digits()
    X = digits.images.astype(dtype)
    search = ImageSearchClassifier(space=build, **QUICK).fit(X, digits.target)
    assert search.score(X, digits.target) > 0.8
    assert [t.name for t in search.best_model_.inputs] == ["image"]
    outputs = run_card(search, X[:50], tmp_path)
    np.testing.assert_allclose(outputs, search.predict_proba(X[:50]), atol=1e-5)


def test_images_reach_a_subclass_of_model_as_floats(tmp_path):
    digits = load_digits()
    X = digits.images.astype("uint8")
    search = ImageSearchClassifier(space=images_in_a_subclass, **QUICK)
    search.fit(X, digits.target)
    assert search.score(X, digits.target) > 0.8
    search.export_model(tmp_path / "best.keras")
    assert "the layers `tests>Subclass`" in (tmp_path / "best.md").read_text()


TEXTS, LIBRARIES = load_docstrings()
TEXTS, LIBRARIES = list(TEXTS[::4]), np.asarray(LIBRARIES)[::4]
WORDS = ["array", "estimator", "layer", "tensor", "matrix", "model", "fit"]


def texts_by_vocabulary(hp):
    sentence = keras.Input((), dtype="string", name="sentence")
    x = keras.layers.TextVectorization(vocabulary=WORDS, output_mode="multi_hot")(
        sentence
    )
    return _text_model(hp, sentence, x)


def texts_of_one_column(hp):
    sentence = keras.Input((1,), dtype="string")
    words = keras.layers.TextVectorization(max_tokens=500, output_mode="multi_hot")
    words.adapt(TEXTS)
    return _text_model(hp, sentence, words(sentence))


def _text_model(hp, sentence, x):
    n_classes = len(np.unique(LIBRARIES))
    outputs = keras.layers.Dense(n_classes, activation="softmax")(x)
    model = keras.Model(sentence, outputs)
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.1])),
        "sparse_categorical_crossentropy",
    )
    return model


@pytest.mark.parametrize("build", [texts_by_vocabulary, texts_of_one_column])
def test_texts_reach_the_users_model_and_its_card(build, tmp_path):
    search = TextSearchClassifier(space=build, **QUICK).fit(TEXTS, LIBRARIES)
    assert [t.name for t in search.best_model_.inputs] == ["text"]
    expected = search.predict_proba(TEXTS[:50])
    assert np.ptp(expected, axis=0).max() > 0.01
    outputs = run_card(search, TEXTS[:50], tmp_path)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


COLUMNS = [
    "trial",
    "score",
    "status",
    "fidelity",
    "seconds",
    "epochs",
    "parameters",
    "error",
]


def with_names_of_columns(hp):
    for name in COLUMNS:
        hp.Choice(name, [1, 2])
    return wine_model(hp, [keras.Input((13,))])


def test_hyperparameters_may_be_called_like_columns():
    search = TabularSearchClassifier(space=with_names_of_columns, **QUICK).fit(*WINE)
    board = search.leaderboard()
    assert list(board)[: len(COLUMNS)] == COLUMNS
    assert {f"param_{name}" for name in COLUMNS} < set(board)
    assert set(board["status"]) == {"completed"}
    assert board["score"].max() == search.trials_[search.best_index_].score


def of_one_sigmoid(hp):
    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.1])), "binary_crossentropy"
    )
    return model


def mean_of_first_class(estimator, X, y):
    return float(estimator.predict_proba(X)[:, 0].mean())


def test_the_card_tells_one_sigmoid_and_a_callable_scorer(tmp_path):
    data = load_breast_cancer()
    y = data.target_names[data.target]
    search = TabularSearchClassifier(
        space=of_one_sigmoid, scoring=mean_of_first_class, **QUICK
    ).fit(data.data, y)
    outputs = run_card(search, data.data[:20], tmp_path)
    assert outputs.shape == (20, 1)
    np.testing.assert_allclose(
        outputs[:, 0], search.predict_proba(data.data[:20])[:, 1], atol=1e-5
    )
    card = (tmp_path / "model.md").read_text()
    assert "the probability of `'malignant'`, shape (n, 1)" in card
    assert "['benign', 'malignant']" in card
    assert "in order" not in card
    assert "validation score (mean_of_first_class)" in card


def build_with_a_lambda_as_loss(hp):
    # Without an Input it is saved as it is, with its loss.
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss=lambda y, p: keras.ops.mean(p))
    return model


def test_a_loss_that_cannot_be_saved_is_refused_as_such():
    # As of a notebook: its source is not in a file.
    code = compile(inspect.getsource(build_with_a_lambda_as_loss), "<cell>", "exec")
    names = {"keras": keras}
    exec(code, names)
    search = TabularSearchClassifier(
        space=names["build_with_a_lambda_as_loss"], max_trials=1, time_budget=None
    )
    with pytest.raises(ValueError, match="that Keras can save"):
        search.fit(*load_wine(return_X_y=True))


class Unregistered(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred)


def test_what_a_worker_cannot_read_is_named():
    loss = Unregistered()

    def build(hp):
        head = keras.layers.Dense(3, activation="softmax")
        model = keras.Sequential([keras.Input((13,)), head])
        model.compile("sgd", loss=loss)
        return model

    search = TabularSearchClassifier(space=build, max_trials=1, time_budget=None)
    with pytest.raises(pickle.UnpicklingError, match=r"Unregistered|MyLoss"):
        search.fit(*load_wine(return_X_y=True))


def test_a_rare_gap_and_a_rare_level_have_columns_in_each_split():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    table.loc[7, "b"] = np.nan
    table["kind"] = ["usual"] * 194 + ["rare"] * 3 + ["other"] * 3
    n_columns = 3 + 1 + 2 + 3  # numbers, a flag, missing and unknown, levels

    def build(hp):
        model = keras.Sequential(
            [keras.Input((n_columns,)), keras.layers.Dense(1, activation="sigmoid")]
        )
        model.compile("adam", "binary_crossentropy")
        return model

    search = TabularSearchClassifier(space=build, **QUICK)
    search.fit(table, np.arange(200) % 2)
    assert [trial.status for trial in search.trials_] == ["completed"]
    assert search.refitted_

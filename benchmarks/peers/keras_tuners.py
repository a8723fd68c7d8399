"""KerasTuner's Hyperband as its guide teaches it, and AutoKeras.

The guide: declare a model in ``build(hp)``, search with early stopping, then train the
best configuration again. It knows no budget; here the search is ended after six
tenths of it, and the last training at its end.
"""

import tempfile
import time
from contextlib import suppress

import numpy as np
from keras_net import Network, until

PACKAGES = ("autokeras", "keras-tuner", "keras", "tensorflow-cpu")
SEARCH_SHARE = 0.6
MAX_EPOCHS, FACTOR, PATIENCE = 10, 3, 5
# Of AutoKeras: its search has so many times the budget.
TIMES, MOST_TRIALS = 10, 100


def prepare(problem):
    """Import TensorFlow and what searches."""
    import autokeras  # noqa: F401
    import keras_tuner  # noqa: F401


def fit(system, problem, X, y, budget, seed):
    """Return a fitted model."""
    start = time.monotonic()
    if system == "hyperband":
        return HyperbandNetwork(problem, seed, start + SEARCH_SHARE * budget).fit(
            X, y, start + budget
        )
    return AutoKeras(problem, seed).fit(X, y, start + TIMES * budget)


class HyperbandNetwork(Network):
    """A network whose widths, depth and learning rate are searched."""

    def __init__(self, problem, seed, end_of_search):
        super().__init__(problem, seed)
        self.end_of_search = end_of_search

    def fit(self, X, y, end):
        """Search, then train the best again."""
        import keras
        import keras_tuner

        keras.utils.set_random_seed(self.seed)
        targets = self._fit_targets(y)
        X = self._fit_inputs(X)
        order = np.random.default_rng(self.seed).permutation(len(targets))
        X, targets = X[order], targets[order]

        class Ended(keras_tuner.errors.FatalError):
            """The time of the search is up; other errors count as failed trials."""

        class Clock(keras.callbacks.Callback):
            def on_train_batch_end(clock, batch, logs=None):
                if time.monotonic() >= self.end_of_search:
                    raise Ended

        with tempfile.TemporaryDirectory() as folder:
            tuner = keras_tuner.Hyperband(
                lambda hp: self.build(hp, X.shape[1:]),
                objective="val_loss",
                max_epochs=MAX_EPOCHS,
                factor=FACTOR,
                seed=self.seed,
                directory=folder,
                project_name="search",
            )
            stop = keras.callbacks.EarlyStopping(patience=PATIENCE)
            with suppress(Ended):
                tuner.search(
                    X,
                    targets,
                    epochs=50,
                    validation_split=0.2,
                    callbacks=[stop, Clock()],
                    verbose=0,
                )
            ended = [t for t in tuner.oracle.trials.values() if t.score is not None]
            n_trials = len(ended)
            # Without a finished trial, what `build` takes as defaults.
            best = keras_tuner.HyperParameters()
            if ended:
                (best,) = tuner.get_best_hyperparameters(1)
            self.model = self.build(best, X.shape[1:])
        self.model.fit(
            X,
            targets,
            epochs=1000,
            validation_split=0.2,
            callbacks=[
                until(end),
                keras.callbacks.EarlyStopping(
                    patience=PATIENCE, restore_best_weights=True
                ),
            ],
            verbose=0,
        )
        self.facts = {"trials": n_trials, "best": best.values}
        return self

    def build(self, hp, shape):
        """Build and compile a model."""
        import keras

        layers = keras.layers
        model = keras.Sequential([keras.Input(shape)])
        if self.problem.modality == "image":
            model.add(layers.Rescaling(1 / 255))
            for stage in range(hp.Int("stages", 1, 3, default=2)):
                filters = hp.Int(f"filters_{stage}", 32, 128, step=32)
                model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
                model.add(layers.MaxPooling2D())
            model.add(layers.Flatten())
        elif self.problem.modality == "text":
            width = hp.Int("width", 32, 128, step=32)
            model.add(layers.Embedding(20_000, width))
            filters = hp.Int("filters", 32, 128, step=32)
            model.add(layers.Conv1D(filters, 5, activation="relu"))
            model.add(layers.GlobalMaxPooling1D())
        else:
            for layer in range(hp.Int("layers", 1, 3)):
                units = hp.Int(f"units_{layer}", 32, 512, step=32)
                model.add(layers.Dense(units, activation="relu"))
        if hp.Boolean("dropout"):
            model.add(layers.Dropout(0.25))
        loss, activation = {
            "classification": ("sparse_categorical_crossentropy", "softmax"),
            "multilabel": ("binary_crossentropy", "sigmoid"),
            "regression": ("mse", None),
        }[self.problem.task]
        model.add(layers.Dense(self.n_outputs, activation=activation))
        rate = hp.Choice("learning_rate", [1e-2, 1e-3, 1e-4], default=1e-3)
        model.compile(keras.optimizers.Adam(rate), loss)
        return model


class AutoKeras:
    """AutoKeras with its defaults, whose search ends when the time is up.

    The training of its best model, which follows, takes what it takes.
    """

    def __init__(self, problem, seed):
        self.problem = problem
        self.seed = seed

    def fit(self, X, y, end):
        """Search until the end; AutoKeras itself counts trials only."""
        import autokeras
        import keras

        modality = {"tabular": "StructuredData"}.get(
            self.problem.modality, self.problem.modality.title()
        )
        kind = "Regressor" if self.problem.task == "regression" else "Classifier"

        # Needed until the prediction; where the process runs is deleted after it.
        folder = tempfile.mkdtemp(dir=".")
        search = self.search = getattr(autokeras, f"{modality}{kind}")(
            max_trials=MOST_TRIALS, directory=folder, seed=self.seed, overwrite=True
        )

        class Clock(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                oracle = search.tuner.oracle
                if time.monotonic() >= end and oracle.max_trials == MOST_TRIALS:
                    # The last trial ends here, and no other one begins.
                    oracle.max_trials = 1
                    self.model.stop_training = True

        search.fit(self._inputs(X), y, callbacks=[Clock()], verbose=0)
        trials = search.tuner.oracle.trials.values()
        self.facts = {"trials": sum(trial.score is not None for trial in trials)}
        return self

    def predict(self, X):
        """Return labels or values, by AutoKeras' own way back from outputs."""
        return self.search.predict(self._inputs(X), verbose=0)

    def _inputs(self, X):
        if self.problem.modality == "text":
            return np.array([str(text) for text in X])
        return np.asarray(X)  # AutoKeras 3.0.0 refuses a DataFrame

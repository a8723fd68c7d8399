"""The network that one writes by hand: one architecture, early stopping."""

import math
import time

import numpy as np

PACKAGES = ("keras", "tensorflow", "scikit-learn")
VALIDATION_SHARE, PATIENCE, BATCH_SIZE, MOST_EPOCHS = 0.15, 10, 64, 1000
WORDS, LENGTH = 20_000, 200


def prepare(problem):
    """Import TensorFlow."""
    import keras  # noqa: F401


def fit(system, problem, X, y, budget, seed):
    """Return a fitted network."""
    return Network(problem, seed).fit(X, y, time.monotonic() + budget)


class Network:
    """Preprocessing, a network and the names of classes."""

    def __init__(self, problem, seed):
        self.problem = problem
        self.seed = seed

    def fit(self, X, y, end):
        """Train until the end, or until it does not get better."""
        import keras

        keras.utils.set_random_seed(self.seed)
        targets = self._fit_targets(y)
        X = self._fit_inputs(X)
        self.model = self._build(X)
        loss = {
            "classification": "sparse_categorical_crossentropy",
            "multilabel": "binary_crossentropy",
            "regression": "mse",
        }[self.problem.task]
        self.model.compile(keras.optimizers.Adam(1e-3), loss)
        order = np.random.default_rng(self.seed).permutation(len(targets))
        n_validation = math.ceil(VALIDATION_SHARE * len(targets))
        validation, train = order[:n_validation], order[n_validation:]
        stop = keras.callbacks.EarlyStopping(
            patience=PATIENCE, restore_best_weights=True
        )
        history = self.model.fit(
            X[train],
            targets[train],
            validation_data=(X[validation], targets[validation]),
            batch_size=BATCH_SIZE,
            epochs=MOST_EPOCHS,
            callbacks=[until(end), stop],
            verbose=0,
        )
        self.facts = {"epochs": len(history.epoch)}
        return self

    def predict(self, X):
        """Return labels or values."""
        outputs = self._outputs(X)
        if self.problem.task == "classification":
            return self.classes[outputs.argmax(axis=1)]
        if self.problem.task == "multilabel":
            return (outputs > 0.5).astype(int)
        return self.scaler.inverse_transform(outputs)

    def predict_proba(self, X):
        """Return probabilities, of classes in order."""
        return self._outputs(X)

    def _outputs(self, X):
        return self.model.predict(self._inputs(X), batch_size=1024, verbose=0)

    def _fit_targets(self, y):
        if self.problem.task == "classification":
            self.classes, codes = np.unique(y, return_inverse=True)
            self.n_outputs = len(self.classes)
            return codes
        y = y.reshape(len(y), -1).astype("float32")
        self.n_outputs = y.shape[1]
        if self.problem.task == "multilabel":
            return y
        from sklearn.preprocessing import StandardScaler

        self.scaler = StandardScaler().fit(y)
        return self.scaler.transform(y).astype("float32")

    def _fit_inputs(self, X):
        if self.problem.modality == "tabular":
            from baselines import table_columns

            self.columns = table_columns().fit(X)
        if self.problem.modality == "text":
            from keras import layers

            self.words = layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
            self.words.adapt([str(text) for text in X])
        return self._inputs(X)

    def _inputs(self, X):
        """Return rows as arrays of numbers."""
        if self.problem.modality == "image":
            return X.reshape(*X.shape[:3], -1).astype("float32")
        if self.problem.modality == "text":
            import tensorflow as tf

            return self.words(tf.constant([str(text) for text in X])).numpy()
        columns = self.columns.transform(X)
        if hasattr(columns, "toarray"):
            columns = columns.toarray()
        return np.nan_to_num(columns.astype("float32"))

    def _build(self, X):
        import keras

        hidden = {"image": convolutions, "text": words, "tabular": dense}
        activation = {"classification": "softmax", "multilabel": "sigmoid"}
        head = keras.layers.Dense(
            self.n_outputs, activation=activation.get(self.problem.task)
        )
        layers = hidden[self.problem.modality](keras.layers)
        return keras.Sequential([keras.Input(X.shape[1:]), *layers, head])


def convolutions(layers):
    """Three stages of two convolutions with batch normalisation."""
    stack = [layers.Rescaling(1 / 255)]
    for filters in (32, 64, 128):
        for _ in range(2):
            stack += [
                layers.Conv2D(filters, 3, padding="same", use_bias=False),
                layers.BatchNormalization(momentum=0.9),
                layers.ReLU(),
            ]
        stack.append(layers.MaxPooling2D())
    return [*stack, layers.GlobalAveragePooling2D(), layers.Dropout(0.4)]


def words(layers):
    """One convolution over an embedding."""
    return [
        layers.Embedding(WORDS, 128),
        layers.Conv1D(128, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dropout(0.4),
    ]


def dense(layers):
    """Three dense layers with dropout."""
    return [
        layer
        for _ in range(3)
        for layer in (layers.Dense(256, activation="relu"), layers.Dropout(0.1))
    ]


def until(end):
    """Return a callback that stops a training, amid an epoch if need be."""
    import keras

    class Until(keras.callbacks.Callback):
        """Stops at the end."""

        def on_train_batch_end(self, batch, logs=None):
            """Look at the clock."""
            if time.monotonic() >= end:
                self.model.stop_training = True

    return Until()

"""Our compiled epochs beside `model.fit`: same model, data, batch size, one thread.

Then single layers, forward and back: as Keras computes them, and as training here does.

Run: ``python benchmarks/trainer.py``. Every way trains in a process of its own, in
turns; the table gives medians over the rounds and ratios to plain `model.fit`.
The numbers of rows are multiples of the batch size, so that all take the same steps.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace

ROUNDS = 3
EPOCHS = 10
WAYS = ("fit", "fit, steps_per_execution=50", "ours")
MODELS = ("mlp", "cnn")


def make_data(name):
    """Return inputs and labels: 16 000 x 10 numbers, or 1 984 images of 28 x 28."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (16_000, 10) if name == "mlp" else (1_984, 28, 28, 1)
    x = rng.normal(size=shape).astype("float32")
    y = (x.reshape(len(x), -1)[:, :10].sum(axis=1) > 0).astype("int32")
    return x, y


def make_model(name):
    """Return the compiled model."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    if name == "mlp":
        stack = [
            keras.Input((10,), name="x"),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(2),
        ]
    else:
        stack = [
            keras.Input((28, 28, 1), name="x"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    model = keras.Sequential(stack)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, keras.optimizers.Adam(1e-3), loss


def train(name, way, epochs):
    """Train one way; return seconds of the first epoch and of each later one."""
    import keras

    x, y = make_data(name)
    model, optimizer, loss = make_model(name)
    batch = 64
    if way == "ours":
        return train_ours(model, optimizer, loss, x, y, batch, epochs)
    per_execution = 50 if "50" in way else 1
    model.compile(optimizer, loss, steps_per_execution=per_execution)
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            times.append(time.perf_counter())

    start = time.perf_counter()
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=[Clock()])
    return [b - a for a, b in zip([start, *times], times, strict=False)]


def train_ours(model, optimizer, loss, x, y, batch, epochs):
    """Train in the package's trainer, as a trial does."""
    from skautonas.estimation.compiled import CompiledModel
    from skautonas.estimation.plan import Plan
    from skautonas.estimation.trainer import Trainer
    from skautonas.space.candidate import Candidate, user_recipe

    start = time.perf_counter()
    model.compile(optimizer, loss, jit_compile=False)
    recipe = replace(user_recipe(1e-3), batch_size=batch, patience=10_000)
    candidate = Candidate(model, model, recipe)
    trainer = Trainer(CompiledModel(candidate, (x, y), batch), (x, y), recipe, 0)
    times = []

    def validate():
        times.append(time.perf_counter())
        return 0.0, x[:0]

    trainer.fit(Plan(epochs), validate)
    return [b - a for a, b in zip([start, *times], times, strict=False)]


def layers_alone():
    """Return by layer and shape the seconds as Keras computes it, and as we do."""
    import contextlib

    import keras
    import numpy as np
    import tensorflow as tf

    from skautonas.estimation.fused import fused_layers

    kinds = {
        "batch normalisation": keras.layers.BatchNormalization,
        "layer normalisation": keras.layers.LayerNormalization,
        "dropout": lambda: keras.layers.Dropout(0.2),
        "GELU": lambda: keras.layers.Activation("gelu"),
    }
    seconds = {}
    for shape in ((256,), (28, 28, 32)):
        x = tf.constant(np.random.default_rng(0).normal(size=(64, *shape)), tf.float32)
        for kind, make in kinds.items():
            model = keras.Sequential([keras.Input(shape), make()])

            def run(x, model=model):
                total = tf.constant(0.0)
                for _ in tf.range(20):
                    with tf.GradientTape() as tape:
                        tape.watch(x)
                        outputs = model(x, training=True)
                    variables = [x, *model.trainable_variables]
                    first, *rest = tape.gradient(outputs, variables, output_gradients=x)
                    x += 0.1 * first
                    total += tf.add_n([tf.reduce_sum(g) for g in rest] or [total])
                return x, total

            pair = []
            for way in (contextlib.nullcontext(), fused_layers(model)):
                with way:
                    call = tf.function(run).get_concrete_function(x)
                call(x)
                times = []
                for _ in range(9):
                    start = time.perf_counter()
                    call(x)
                    times.append((time.perf_counter() - start) / 20)
                pair.append(statistics.median(times))
            seconds[f"{kind}, 64 x {' x '.join(map(str, shape))}"] = pair
    return seconds


def parts_of_a_trial():
    """Run one search of each modality; return the share of each part of a trial."""
    import numpy as np
    from sklearn.datasets import load_diabetes, load_digits

    from skautonas import (
        ImageSearchClassifier,
        TabularSearchRegressor,
        TextSearchClassifier,
    )
    from skautonas.datasets import load_docstrings

    digits = load_digits()
    problems = {
        "table": (TabularSearchRegressor, *load_diabetes(return_X_y=True)),
        "image": (ImageSearchClassifier, digits.images, digits.target),
        "text": (TextSearchClassifier, *load_docstrings()),
    }
    shares = {}
    for name, (estimator, X, y) in problems.items():
        search = estimator(max_trials=3, time_budget=None, random_state=0)
        search.fit(X, y)
        parts = {}
        for trial in search.trials_:
            for part, seconds in trial.parts.items():
                parts[part] = parts.get(part, 0.0) + seconds
        total = parts.pop("total")
        parts["other"] = total - sum(parts.values())
        shares[name] = {part: seconds / total for part, seconds in parts.items()}
        shares[name]["seconds a trial"] = total / np.size(search.trials_)
    return shares


def run_apart(*arguments):
    """Run this file in a process of its own, on one thread; return its JSON."""
    env = os.environ | {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    result = subprocess.run(
        [sys.executable, __file__, *arguments],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def report():
    """Print the tables."""
    for name in MODELS:
        first, steady, total = ({way: [] for way in WAYS} for _ in range(3))
        for _ in range(ROUNDS):
            for way in WAYS:
                epochs = run_apart("--model", name, "--way", way)
                first[way].append(epochs[0])
                steady[way].append(statistics.median(epochs[1:]))
                total[way].append(sum(epochs))
        print(f"\n{name}: seconds, medians of {ROUNDS}; in brackets: times faster")
        print(f"{'':30s}{'first epoch':>16s}{'later epoch':>18s}{'10 epochs':>18s}")
        for way in WAYS:
            cells = []
            for column in (first, steady, total):
                value = statistics.median(column[way])
                ratio = statistics.median(column["fit"]) / value
                cells.append(f"{value:9.3f} ({ratio:4.2f})")
            print(f"{way:30s}{cells[0]:>16s}{cells[1]:>18s}{cells[2]:>18s}")
    print("\nms of a layer, forward and back: Keras, ours")
    for name, (keras_seconds, our_seconds) in run_apart("--layers").items():
        print(f"{name:40s}{1e3 * keras_seconds:8.2f}{1e3 * our_seconds:8.2f}")
    print("\nshare of a trial's wall time by part, three trials of each modality")
    for name, shares in run_apart("--parts").items():
        seconds = shares.pop("seconds a trial")
        row = "  ".join(f"{part} {100 * share:.1f} %" for part, share in shares.items())
        print(f"{name:6s} {seconds:6.2f} s a trial: {row}")


def main():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--parts", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--layers", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.parts:
        print(json.dumps(parts_of_a_trial()))
    elif arguments.layers:
        print(json.dumps(layers_alone()))
    elif arguments.way:
        print(json.dumps(train(arguments.model, arguments.way, EPOCHS)))
    else:
        report()


if __name__ == "__main__":
    main()

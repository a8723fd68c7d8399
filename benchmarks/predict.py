"""Milliseconds of `predict`, beside the bare Keras model on ready arrays.

Run: ``python benchmarks/predict.py``. For each of the six estimators, fitted to data
that comes with the dependencies: medians at 1, 100 and 10 000 rows of ``predict``, of
``model.predict`` and of the model as a `tf.function` over batches of 256 rows, the two
latter on tensors that are ready. The overhead is that beyond the faster of the two.
"""

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZES = (1, 100, 10_000)
REPEATS = {1: 60, 100: 30, 10_000: 5}
BATCH = 256


def problems():
    """Yield name, estimator class, inputs and targets."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

    import skautonas
    from skautonas.datasets import load_docstrings

    digits = load_digits()
    yield (
        "image classifier",
        skautonas.ImageSearchClassifier,
        digits.images,
        digits.target,
    )
    values = digits.target * 1.0
    yield "image regressor", skautonas.ImageSearchRegressor, digits.images, values
    texts, libraries = load_docstrings()
    texts = np.array(texts, dtype=object)
    yield "text classifier", skautonas.TextSearchClassifier, texts, libraries
    lengths = np.log([len(text) for text in texts])
    yield "text regressor", skautonas.TextSearchRegressor, texts, lengths
    cancer = load_breast_cancer()
    yield (
        "table classifier",
        skautonas.TabularSearchClassifier,
        cancer.data,
        cancer.target,
    )
    X, y = load_diabetes(return_X_y=True)
    yield "table regressor", skautonas.TabularSearchRegressor, X, y


def bare(model, inputs):
    """Return the two ways to call a Keras model on ready tensors."""
    import numpy as np
    import tensorflow as tf

    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    n_rows = len(next(iter(inputs.values())))
    compiled = tf.function(lambda batch: model(batch, training=False))
    batches = [
        {name: tensor[start : start + BATCH] for name, tensor in tensors.items()}
        for start in range(0, n_rows, BATCH)
    ]

    def call():
        return np.concatenate([compiled(batch).numpy() for batch in batches])

    def predict():
        return model.predict(tensors, batch_size=BATCH, verbose=0)

    return call, predict


def milliseconds(functions, repeats):
    """Return the median time of each function, called in turns."""
    times = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(repeats):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(1000 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]


def main():
    """Print the table."""
    import numpy as np

    print(
        f"{'estimator':18s} {'rows':>6s} {'ours':>9s} {'compiled':>9s} "
        f"{'predict':>9s}  overhead"
    )
    for name, estimator, X, y in problems():
        search = estimator(max_trials=1, max_epochs=1, time_budget=None, random_state=0)
        search.fit(X, y)
        for size in SIZES:
            rows = np.resize(np.arange(len(X)), size)
            raw = X[rows]
            inputs = search._encoder.to_inputs(raw)
            functions = [
                lambda search=search, raw=raw: search.predict(raw),
                *bare(search.best_model_, inputs),
            ]
            ours, *others = milliseconds(functions, REPEATS[size])
            beyond = ours - min(others)
            print(
                f"{name:18s} {size:6d} {ours:9.2f} {others[0]:9.2f} {others[1]:9.2f}"
                f"  {beyond:+8.2f} ms {beyond / min(others):+7.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Trials a minute beside KerasTuner's own search, over the same configurations.

Run: ``SKAUTONAS_DATA=... python benchmarks/throughput.py`` (the folder's layout is that
of ``problems.py``; KerasTuner 1.4.8 needs ``pip install tensorboard``). Both sides
train the same list of plain models of our spaces for the same number of epochs, on
two cores: ours as a fit with its oracle, journal, checkpoints and scorer, on two warm
workers; KerasTuner's as its documentation teaches it, a `keras_tuner.GridSearch` over
the list, whose data are encoded beforehand. Side by side, three times; medians. Then
the efficiency of a warm search of 60 seconds with rungs: seconds in training steps by
workers and wall time, from the first trial's begin to the last one's end.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import problems
from ours import search

# Modality: data set, rows, configurations, epochs, required and aimed-at ratio.
CASES = {
    "tabular": ("adult", 12_800, 20, 20, 7.0, 10.0),
    "image": ("mnist5k", 4_000, 8, 6, 2.0, 3.0),
    "text": ("trec6", 4_000, 8, 6, 2.0, 3.0),
}
EFFICIENCY = {"tabular": 0.65, "image": 0.80, "text": 0.80}
N_WORKERS, N_TURNS = 2, 3
# Both sides take it; in between of Keras' default, 32, and those of our recipes.
BATCH_SIZE = 64


def spaces():
    """Return spaces of plain models: MLPs, small CNNs, CNNs of words."""
    from skautonas.space import ImageSpace, TabularSpace, TextSpace

    return {
        "tabular": TabularSpace(architectures=("mlp",)),
        "image": ImageSpace(
            blocks=("plain",),
            stages=(1, 3),
            blocks_per_stage=(1, 1),
            filters=(16, 32),
            kernel_sizes=(3,),
            augmentations=("none",),
        ),
        "text": TextSpace(encoders=("convolution",)),
    }


def open_case(modality):
    """Return estimator class, rows, labels, and the study that they make."""
    import skautonas
    from skautonas.data.rows import Rows
    from skautonas.estimation.scoring import make_scorer
    from skautonas.estimation.study import encode_fold, write_study
    from skautonas.estimators._study import make_study

    name, n_rows, *_ = CASES[modality]
    X, y = problems.read(name)
    X, y = problems.take(X, slice(n_rows)), y[:n_rows]
    estimator = getattr(skautonas, f"{modality.capitalize()}SearchClassifier")
    like = estimator(space=spaces()[modality], refit=False)
    like.scorer_ = make_scorer("accuracy")
    folder = tempfile.mkdtemp()
    rows = Rows(like._check_X(X, reset=True), like._check_y(y))
    study = make_study(like, rows, rows, None, 0, folder)
    file = f"{folder}/study.pickle"
    write_study(study, Path(file))
    encode_fold(file, 0)
    return estimator, X, y, study


def draw(source, count, epochs):
    """Return random configurations that all train for the same epochs."""
    from skautonas.strategy.configurations import Configurations

    hp = source.declare()
    rng = np.random.default_rng(0)
    fixed = {"recipe/patience": 64, "recipe/restore_best_epoch": True}
    drawn = []
    while len(drawn) < count:
        values = Configurations(hp).sample(rng)
        drawn.append(values | {k: v for k, v in fixed.items() if k in values})
    longest = {p.name: p.values for p in hp.space if hasattr(p, "values")}
    for values in drawn:
        values["recipe/epochs"] = max(longest["recipe/epochs"])
        values["recipe/batch_size"] = BATCH_SIZE
        if values["recipe/epochs"] < epochs:
            sys.exit(f"The space's recipes have fewer than {epochs} epochs.")
    return drawn


def list_oracle(configurations):
    """Return an oracle that proposes a list."""
    import keras_tuner

    class ListOracle(keras_tuner.Oracle):
        def populate_space(self, trial_id):
            if len(self.trials) >= len(configurations):
                return {"status": "STOPPED", "values": None}
            # Named as promoted, so that no known start takes its place.
            values = configurations[len(self.trials)] | {"tuner/trial_id": "none"}
            return {"status": "RUNNING", "values": values}

    return ListOracle(objective=keras_tuner.Objective("score", "max"))


def ours(estimator, X, y, space, configurations, epochs):
    """Return the seconds of a fit over the list, and those of cold workers."""
    with tempfile.TemporaryDirectory() as folder:
        fitted = estimator(
            space=space,
            strategy=list_oracle(configurations),
            max_trials=len(configurations),
            max_epochs=epochs,
            time_budget=None,
            refit=False,
            n_jobs=N_WORKERS,
            directory=f"{folder}/study",
        ).fit(X, y)
    failed = [t.error for t in fitted.trials_ if t.status == "failed"]
    if failed:
        sys.exit(f"A trial failed: {failed[0]}")
    return fitted.search_time_, fitted.cold_start_time_


def kerastuner(study, configurations, epochs):
    """Return the seconds of KerasTuner's search over the list."""
    import keras
    import keras_tuner

    from skautonas.estimation.study import read_examples

    (fold,) = study.folds
    examples = read_examples(fold.folder)
    x = {name: np.array(a) for name, a in fold.source.arrange(examples.x).items()}
    train, rest = slice(fold.n_rows), slice(fold.n_rows, None)

    class Hyper(keras_tuner.HyperModel):
        def build(self, hp):
            index = hp.Choice("index", list(range(len(configurations))))
            model = fold.source.build(configurations[index]).model
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile("adam", loss, metrics=["accuracy"])
            return model

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(
            Hyper(), objective="val_accuracy", directory=folder, project_name="list"
        )
        start = time.monotonic()
        tuner.search(
            {name: array[train] for name, array in x.items()},
            examples.y[train],
            validation_data=(
                {name: array[rest] for name, array in x.items()},
                examples.y[rest],
            ),
            epochs=epochs,
            batch_size=BATCH_SIZE,
            verbose=0,
        )
        seconds = time.monotonic() - start
        if len(tuner.oracle.trials) != len(configurations):
            sys.exit("KerasTuner did not try all configurations.")
    return seconds


def efficiency(modality, X, y, budget):
    """Return a fitted search, and the seconds from its first trial on."""
    from skautonas.search.journal import Asked, Finished, Journal

    estimator = search(problems.problem(CASES[modality][0]), budget, 0)
    with tempfile.TemporaryDirectory() as folder:
        estimator.set_params(
            strategy="hyperband",
            n_jobs=N_WORKERS,
            refit=False,
            directory=f"{folder}/study",
        )
        estimator.fit(X, y)
        journal = Journal(Path(folder) / "study/journal.jsonl", durable=False)
        journal.close()
    began = min(e.elapsed for e in journal.events if isinstance(e, Asked))
    ended = max(e.elapsed for e in journal.events if isinstance(e, Finished))
    return estimator, ended - began


def main():
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--budget", type=float, default=60.0)
    arguments = parser.parse_args()
    print("modality  trials a minute: ours  KerasTuner  ratio (cold)  required  aim")
    for modality in arguments.cases:
        _, _, count, epochs, required, aim = CASES[modality]
        estimator, X, y, study = open_case(modality)
        space = spaces()[modality]
        configurations = draw(study.folds[0].source, count, epochs)
        first, cold = ours(estimator, X, y, space, configurations, epochs)
        turns = []
        for _ in range(N_TURNS):
            theirs = kerastuner(study, configurations, epochs)
            seconds, _ = ours(estimator, X, y, space, configurations, epochs)
            turns.append((seconds, theirs))
            print(f"  {seconds:.1f} s, KerasTuner {theirs:.1f} s", flush=True)
        seconds = statistics.median(turn[0] for turn in turns)
        theirs = statistics.median(turn[1] for turn in turns)
        ratio = statistics.median(turn[1] / turn[0] for turn in turns)
        print(
            f"{modality:9s} {60 * count / seconds:21.1f} {60 * count / theirs:11.1f} "
            f"{ratio:6.2f} ({theirs / first:.2f}, {cold:.1f} s) {required:8.1f} "
            f"{aim:5.1f} {'reached' if ratio >= required else 'MISSED'}",
            flush=True,
        )
    print(f"efficiency of a warm search of {arguments.budget:.0f} s with rungs")
    for modality in arguments.cases:
        _, X, y, _ = open_case(modality)
        fitted, wall = efficiency(modality, X, y, arguments.budget)
        parts = Counter()
        for trial in fitted.trials_:
            parts.update(trial.parts)
        print(
            f"{modality:9s} {parts['steps'] / (wall * N_WORKERS):.2f}, required "
            f"{EFFICIENCY[modality]:.2f}; {len(fitted.trials_)} trials in {wall:.1f} s "
            f"of {fitted.search_time_:.1f}, seconds of both workers by part: "
            + " ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()

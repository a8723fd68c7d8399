"""Record learning curves of random configurations, for `strategies.py` to replay.

Run: ``SKAUTONAS_DATA=... python benchmarks/record_curves.py --directory D`` (the data
have the layout of ``problems.py``). Trains random configurations of our default spaces
in full and writes their validation scores by epoch to ``benchmarks/curves``. It takes
three hours on two cores; a run that is stopped goes on.
"""

import argparse
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from problems import read as read_set
from problems import take

FOLDER = Path(__file__).parent / "curves"
# Set: estimator, rows (None: all), configurations, most epochs.
SETS = {
    "california_housing": ("TabularSearchRegressor", None, 400, 60),
    "letter": ("TabularSearchClassifier", 5_000, 400, 30),
    "mnist5k": ("ImageSearchClassifier", 2_000, 150, 9),
}
DAYS = 7 * 86_400.0


def describe(estimator, X, y):
    """Return the space of an estimator for some data: its declaration, and starts."""
    from skautonas.data.rows import Rows
    from skautonas.estimation.scoring import make_scorer
    from skautonas.estimators._study import make_study

    like = estimator()
    like.scorer_ = make_scorer(like._default_scoring)
    rows = Rows(like._check_X(X, reset=True), like._check_y(y))
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(like, rows, rows, None, 0, folder)
    source = study.folds[0].source  # what trials are of: up to 5000 rows not the whole
    return source.declare(), list(source.starts)


def record(name, directory):
    """Train the configurations of a set; return space, configurations and curves."""
    import skautonas

    kind, n_rows, count, epochs = SETS[name]
    X, y = read_set(name)
    if n_rows is not None:
        chosen = np.random.default_rng(0).permutation(len(y))[:n_rows]
        X, y = take(X, chosen), y[chosen]
    hp, starts = describe(getattr(skautonas, kind), X, y)
    fitted = getattr(skautonas, kind)(
        strategy="random",
        max_trials=count + len(starts),
        max_epochs=epochs,
        time_budget=DAYS,  # without one, a worker may wait for an earlier trial
        refit=False,
        n_jobs=2,
        random_state=0,
        directory=directory / name,
        verbose=1,
    ).fit(X, y)
    # What is known to be good is no random configuration.
    drawn = fitted.trials_[len(starts) :]
    trials = [trial for trial in drawn if trial.status == "completed"]
    curves = np.full((len(trials), epochs), np.nan, "float32")
    for row, trial in zip(curves, trials, strict=True):
        for epoch, _, score in trial.curve:
            row[round(epoch) - 1] = score
    return hp.get_config(), [trial.params for trial in trials], curves


def write(path, space, configurations, curves):
    """Write one set; a file of the repository, so that it is small."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("space.json", json.dumps(space))
        archive.writestr("configurations.json", json.dumps(configurations))
        with archive.open("curves.npy", "w") as file:
            np.save(file, curves.astype("float32"))


def read(path):
    """Return space, configurations, and scores of shape (configurations, epochs)."""
    with zipfile.ZipFile(path) as archive:
        space, configurations = (
            json.loads(archive.read(f"{name}.json"))
            for name in ("space", "configurations")
        )
        with archive.open("curves.npy") as file:
            return space, configurations, np.load(file).astype("float64")


def main():
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--directory", type=Path, required=True, help="of the studies")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.sets:
        space, configurations, curves = record(name, arguments.directory)
        write(FOLDER / f"{name}.zip", space, configurations, curves)
        print(
            f"{name}: {len(configurations)} of {SETS[name][2]} configurations were "
            "completed",
            flush=True,
        )


if __name__ == "__main__":
    main()

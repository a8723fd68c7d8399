"""Record learning curves of random configurations, for `strategies.py` to replay.

Run: ``SKAUTONAS_DATA=... python benchmarks/record_curves.py --directory D`` (the data
have the layout of ``accuracy.py``). Trains random configurations of our default spaces
in full and writes their validation scores by epoch to ``benchmarks/curves``. It takes
an hour on two cores; a run that is stopped goes on.
"""

import argparse
import json
import zipfile
from pathlib import Path

import numpy as np
from accuracy import open_data

FOLDER = Path(__file__).parent / "curves"
# Set: estimator, configurations, most epochs.
SETS = {
    "california_housing": ("TabularSearchRegressor", 400, 60),
    "letter": ("TabularSearchClassifier", 400, 60),
    "mnist5k": ("ImageSearchClassifier", 150, 20),
}


def record(name, directory):
    """Train the configurations of a set; return them and their curves."""
    import skautonas
    from skautonas.strategy import RandomOracle

    kind, count, epochs = SETS[name]
    X, y = open_data().load(name)
    fitted = getattr(skautonas, kind)(
        strategy=RandomOracle(),
        max_trials=count,
        max_epochs=epochs,
        time_budget=None,
        refit=False,
        n_jobs=2,
        random_state=0,
        directory=directory / name,
        verbose=1,
    ).fit(X, np.asarray(y))
    trials = [t for t in fitted.trials_ if t.status == "completed"]
    curves = np.full((len(trials), epochs), np.nan, "float32")
    for row, trial in zip(curves, trials, strict=True):
        for epoch, _, score in trial.curve:
            row[round(epoch) - 1] = score
    return [trial.params for trial in trials], curves


def write(path, configurations, curves):
    """Write one set; a file of the repository, so that it is small."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("configurations.json", json.dumps(configurations))
        with archive.open("curves.npy", "w") as file:
            np.save(file, curves.astype("float16"))


def read(path):
    """Return configurations and curves, scores of shape (configurations, epochs)."""
    with zipfile.ZipFile(path) as archive:
        configurations = json.loads(archive.read("configurations.json"))
        with archive.open("curves.npy") as file:
            return configurations, np.load(file).astype("float64")


def main():
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--directory", type=Path, required=True, help="of the studies")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.sets:
        configurations, curves = record(name, arguments.directory)
        write(FOLDER / f"{name}.zip", configurations, curves)
        print(f"{name}: {len(configurations)} configurations", flush=True)


if __name__ == "__main__":
    main()

"""What all trials of one search share."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from skautonas.data.encoder import Arrays, Encoder
from skautonas.data.rows import Rows
from skautonas.data.store import open_arrays, write_arrays
from skautonas.data.targets import Targets
from skautonas.space.candidate import CandidateSource

# Names of arrays beside the encoded inputs, and the file of the labels.
TARGETS, WEIGHTS = "y", "row_weights"
LABELS = "labels.npy"


@dataclass(frozen=True, slots=True)
class Fold:
    """One split of the rows, with what was learnt from those that train.

    Parameters
    ----------
    source : CandidateSource
        Builds the compiled candidates of the space.
    encoder : Encoder
        Fitted encoder; its preprocessing stands in front of the exported model.
    targets : ClassTargets or ValueTargets
        Meaning of the model's outputs.
    folder : str
        Holds the encoded arrays of each part, ``train`` and ``validation``, and the
        labels of the validation rows, as the user gave them.
    n_rows : int
        Number of rows that train.
    """

    source: CandidateSource
    encoder: Encoder
    targets: Targets
    folder: str
    n_rows: int


@dataclass(frozen=True, slots=True)
class Study:
    """Space, data and objective of a search; travels to a worker once.

    Parameters
    ----------
    folds : tuple of Fold
        What each trial is trained and scored on.
    whole : Fold
        What the winner is refitted on: all rows. The only fold's encoder serves, or
        with several folds one of its own.
    scorer : callable
        scikit-learn scorer, the objective.
    folder : str
        Where the trials' files go.
    """

    folds: tuple[Fold, ...]
    whole: Fold
    scorer: Any
    folder: str


@dataclass(frozen=True, slots=True)
class Tensors:
    """Encoded rows in memory: tensors, and the rows' weights as an array or None."""

    x: Any
    y: Any
    weights: np.ndarray | None = None


def write_part(fold: Fold, part: str, arrays: Arrays, rows: Rows) -> None:
    """Write the encoded inputs, targets and weights of one part of a fold."""
    arrays = arrays | {TARGETS: fold.targets.encode(rows.y)}
    if rows.weights is not None:
        arrays[WEIGHTS] = rows.weights
    write_arrays(Path(fold.folder) / part, arrays)


def write_labels(fold: Fold, labels: np.ndarray) -> None:
    """Write the validation rows' labels or values, as the user gave them."""
    np.save(Path(fold.folder) / LABELS, labels)


def read_labels(fold: Fold) -> np.ndarray:
    """Return what `write_labels` wrote."""
    return np.load(Path(fold.folder) / LABELS)


def write_study(study: Study, path: Path) -> None:
    """Write a study for the workers."""
    path.write_bytes(cloudpickle.dumps(study))


@lru_cache(maxsize=1)
def read_study(path: str) -> Study:
    """Read a study; a worker keeps the latest one."""
    return cloudpickle.loads(Path(path).read_bytes())


@lru_cache(maxsize=2)
def read_tensors(folder: str, part: str) -> Tensors:
    """Load a part of a fold ("train" or "validation"), the inputs by name."""
    import tensorflow as tf

    arrays = open_arrays(Path(folder) / part)
    y = tf.constant(np.asarray(arrays.pop(TARGETS)))
    weights = arrays.pop(WEIGHTS, None)
    x = {name: tf.constant(np.asarray(array)) for name, array in arrays.items()}
    return Tensors(x, y, None if weights is None else np.array(weights))


def forget_study() -> None:
    """Free the latest study and its rows."""
    for read in (read_tensors, read_study):
        read.cache_clear()

"""What all trials of one search share."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from skautonas.data.encoder import Encoder
from skautonas.data.store import open_arrays
from skautonas.data.targets import Targets
from skautonas.space.candidate import CandidateSource


@dataclass(frozen=True, slots=True)
class Study:
    """Space, data and objective of a search; travels to a worker once.

    Parameters
    ----------
    source : CandidateSource
        Builds the compiled candidates of the space.
    encoder : Encoder
        Fitted encoder; its preprocessing stands in front of the exported model.
    targets : ClassTargets or ValueTargets
        Meaning of the model's outputs.
    scorer : callable
        scikit-learn scorer, the objective.
    folder : str
        Holds the arrays ``train/`` and ``validation/``, each with ``y.npy``, the
        encoded targets, and ``validation/labels.npy``, the user's.
    """

    source: CandidateSource
    encoder: Encoder
    targets: Targets
    scorer: Any
    folder: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the study in memory: inputs and targets as tensors."""

    x: Any
    y: Any


def write_study(study: Study, path: Path) -> None:
    """Write a study for the workers."""
    path.write_bytes(cloudpickle.dumps(study))


@lru_cache(maxsize=1)
def read_study(path: str) -> Study:
    """Read a study; a worker keeps the latest one."""
    return cloudpickle.loads(Path(path).read_bytes())


@lru_cache(maxsize=2)
def read_rows(path: str, part: str) -> Rows:
    """Load the rows of ``part`` ("train" or "validation") into tensors."""
    import tensorflow as tf

    study = read_study(path)
    arrays = open_arrays(Path(study.folder) / part)
    y = tf.constant(np.asarray(arrays.pop("y")))
    tensors = {name: tf.constant(np.asarray(a)) for name, a in arrays.items()}
    return Rows(study.source.arrange(tensors), y)


@lru_cache(maxsize=1)
def read_labels(path: str) -> np.ndarray:
    """Return the validation rows' labels or values, as the user gave them."""
    return np.load(Path(read_study(path).folder) / "labels.npy")


def forget_study() -> None:
    """Free the latest study and its rows."""
    for read in (read_rows, read_labels, read_study):
        read.cache_clear()

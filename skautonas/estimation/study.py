"""What all trials of one search share."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from skautonas.data.encode import encode_folder
from skautonas.data.encoder import Arrays, Encoder
from skautonas.data.rows import Rows, chunks_of_rows, take_rows
from skautonas.data.store import open_arrays, write_arrays
from skautonas.data.targets import Targets
from skautonas.space.candidate import CandidateSource

# What is in the folder of a fold.
RAW, ENCODED = "raw", "encoded"
TARGETS, WEIGHTS, LABELS = "targets.npy", "weights.npy", "labels.npy"
FRESH_LABELS = "fresh_labels.npy"


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
        Holds the encoded rows: those that train, then those that validate.
    n_rows : int
        Number of rows that train.
    weighs_validation : bool
        Whether the score takes weights of the validation rows.
    order : ndarray of int, optional
        Numbers of the rows that train, then of the others, where the rows in the folder
        have another order.
    labels : str
        File there with the labels of the validation rows.
    """

    source: CandidateSource
    encoder: Encoder
    targets: Targets
    folder: str
    n_rows: int
    weighs_validation: bool = False
    order: np.ndarray | None = None
    labels: str = LABELS

    @property
    def trains(self) -> slice | np.ndarray:
        """Which of the rows in the folder train."""
        return slice(self.n_rows) if self.order is None else self.order[: self.n_rows]

    @property
    def validates(self) -> slice | np.ndarray:
        """Which of the rows in the folder validate."""
        if self.order is None:
            return slice(self.n_rows, None)
        return self.order[self.n_rows :]

    def at(self, folder: Path) -> "Fold":
        """Return the same fold, whose files are in a part of another folder."""
        return replace(self, folder=str(folder / Path(self.folder).name))


@dataclass(frozen=True, slots=True)
class Study:
    """Space, data and objective of a search; travels to a worker once.

    Parameters
    ----------
    folds : tuple of Fold
        What each trial is trained and scored on.
    whole : Fold
        What the winner is refitted on: all rows. With several folds, or with few
        rows, it has an encoder of its own; else that of the only fold serves.
    scorer : callable
        scikit-learn scorer, the objective.
    folder : str
        Where the folds' files are.
    fresh : tuple of Fold
        One at most: another split of the rows of the only fold, for the best trials.
    """

    folds: tuple[Fold, ...]
    whole: Fold
    scorer: Any
    folder: str
    fresh: tuple[Fold, ...] = ()

    def at(self, folder: Path) -> "Study":
        """Return the same study, whose files are in another folder."""
        return replace(
            self,
            folds=tuple(fold.at(folder) for fold in self.folds),
            whole=self.whole.at(folder),
            fresh=tuple(fold.at(folder) for fold in self.fresh),
            folder=str(folder),
        )

    def trial_files(self) -> list[Path]:
        """Return the files that trials read: of each fold all but the raw rows."""
        return [
            path
            for fold in self.folds
            for part in (Path(fold.folder), Path(fold.folder) / ENCODED)
            for path in sorted(part.iterdir())
            if path.is_file()
        ]


@dataclass(frozen=True, slots=True)
class Examples:
    """Encoded rows: inputs by name, targets, and weights or None."""

    x: Arrays
    y: np.ndarray
    weights: np.ndarray | None = None

    def part(self, rows: slice | np.ndarray) -> "Examples":
        """Return some of the rows: views of a slice, copies of numbered ones."""
        return Examples(
            {name: array[rows] for name, array in self.x.items()},
            self.y[rows],
            None if self.weights is None else self.weights[rows],
        )


def write_fold(fold: Fold, train: Rows, validation: Rows | None) -> None:
    """Write raw inputs, targets and weights: the rows that train, then the others.

    The labels of the validation rows are written as the user gave them, too.
    """
    folder = Path(fold.folder)
    parts = [train] if validation is None else [train, validation]
    chunks = raw_chunks(fold.encoder, [part.X for part in parts])
    write_arrays(folder / RAW, chunks, sum(map(len, parts)))
    targets = [fold.targets.encode(part.y) for part in parts]
    np.save(folder / TARGETS, np.concatenate(targets))
    if any(part.weights is not None for part in parts):
        weights = [
            np.ones(len(part)) if part.weights is None else part.weights
            for part in parts
        ]
        np.save(folder / WEIGHTS, np.concatenate(weights))
    if validation is not None:
        np.save(folder / LABELS, validation.y)


def raw_chunks(encoder: Encoder, tables: list[Any]) -> Iterator[Arrays]:
    """Yield the raw inputs of several X, one after another, as of one dtype.

    Images may be bytes in one and floats in the other.
    """
    heads = [encoder.to_inputs(take_rows(X, np.arange(1))) for X in tables]
    dtypes = {
        name: np.result_type(*(head[name].dtype for head in heads)) for name in heads[0]
    }
    for X in tables:
        for chunk in chunks_of_rows(X):
            yield {
                name: array.astype(dtypes[name], copy=False)
                for name, array in encoder.to_inputs(chunk).items()
            }


def encode_fold(study: str, index: int | None) -> None:
    """Encode the raw inputs of a fold, or of all rows; runs in a worker."""
    read = read_study(study)
    fold = read.whole if index is None else read.folds[index]
    folder = Path(fold.folder)
    encode_folder(fold.encoder, fold.source.plain, folder / RAW, folder / ENCODED)


def write_study(study: Study, path: Path) -> None:
    """Write a study for the workers."""
    path.write_bytes(cloudpickle.dumps(study))


@lru_cache(maxsize=1)
def read_study(path: str) -> Study:
    """Read a study whose rows lie beside it; a worker keeps the latest one."""
    return cloudpickle.loads(Path(path).read_bytes()).at(Path(path).parent)


@cache
def read_examples(folder: str) -> Examples:
    """Map the rows of a fold: those that train, then those that validate."""
    weights = Path(folder) / WEIGHTS
    return Examples(
        open_arrays(Path(folder) / ENCODED),
        np.load(Path(folder) / TARGETS),
        np.load(weights) if weights.exists() else None,
    )


def read_labels(fold: Fold) -> np.ndarray:
    """Return the validation rows' labels or values, as the user gave them."""
    return np.load(Path(fold.folder) / fold.labels)


def forget_study() -> None:
    """Free the latest study and its rows."""
    for read in (read_examples, read_study):
        read.cache_clear()

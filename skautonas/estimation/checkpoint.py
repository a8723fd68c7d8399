"""What a trial leaves on disk: what it kept, and where its training stopped."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from skautonas._files import written_atomically
from skautonas.estimation.training import TrainingState
from skautonas.exceptions import DamagedFileError

LISTS = ("variables", "optimizer", "kept", "outputs")
NUMBERS = (
    "done",
    "total",
    "anchor",
    "score",
    "best_epoch",
    "best",
    "best_at",
    "curve",
    "seconds",
)


def write_kept(
    path: Path, variables: list[np.ndarray], outputs: list[np.ndarray]
) -> None:
    """Write what a trial kept.

    Parameters
    ----------
    path : Path
        Of the file.
    variables : list of ndarray
        Of the model of the first fold.
    outputs : list of ndarray
        Of the model of each fold for its validation rows.
    """
    arrays = _numbered("outputs", outputs) | _numbered("variables", variables)
    with written_atomically(path) as file:
        np.savez(file, **arrays)


def read_variables(path: str | Path) -> list[np.ndarray]:
    """Return the variables of the model that a trial kept.

    Raises
    ------
    DamagedFileError
        Where the file is absent, cut off or otherwise damaged.
    """
    return _list(_read(path, "variables"), "variables")


def read_outputs(path: str | Path) -> list[np.ndarray]:
    """Return what the models of a trial put out for each fold's validation rows.

    Raises
    ------
    DamagedFileError
        Where the file is absent, cut off or otherwise damaged.
    """
    return _list(_read(path, "outputs"), "outputs")


def write_state(path: Path, state: TrainingState) -> None:
    """Write where a training stopped."""
    arrays: dict[str, Any] = {}
    for name in LISTS:
        arrays |= _numbered(name, getattr(state, name))
    numbers = json.dumps({name: getattr(state, name) for name in NUMBERS})
    with written_atomically(path) as file:
        np.savez(file, numbers=np.frombuffer(numbers.encode(), np.uint8), **arrays)


def read_state(path: str | Path) -> TrainingState:
    """Return where a training stopped.

    Raises
    ------
    DamagedFileError
        Where the file is absent, cut off or otherwise damaged.
    """
    arrays = _read(path)
    try:
        numbers = json.loads(arrays.pop("numbers").tobytes())
        numbers["anchor"] = tuple(numbers["anchor"])
        numbers["curve"] = [tuple(point) for point in numbers["curve"]]
        lists: dict[str, Any] = {name: _list(arrays, name) for name in LISTS}
        return TrainingState(**numbers, **lists)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(
            f"Expected the state of a training in {str(path)!r}; received another file "
            f"({error})."
        ) from error


def _numbered(name: str, arrays: list[np.ndarray]) -> dict[str, Any]:
    return {f"{name}{index}": array for index, array in enumerate(arrays)}


def _list(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    length = sum(key.startswith(name) for key in arrays)
    return [arrays[f"{name}{index}"] for index in range(length)]


def _read(path: str | Path, prefix: str = "") -> dict[str, Any]:
    """Return the arrays of a file whose names begin so."""
    try:
        # An archive of arrays without pickles; each of them has a checksum.
        with Path(path).open("rb") as file, np.load(file) as stored:
            names = [name for name in stored.files if name.startswith(prefix)]
            return {name: stored[name] for name in names}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
        raise DamagedFileError(
            f"Expected a checkpoint in {str(path)!r}; it cannot be read "
            f"({type(error).__name__}: {error})."
        ) from error

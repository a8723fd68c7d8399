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


def write_arrays(path: Path, arrays: list[np.ndarray]) -> None:
    """Write arrays, such as the variables of a model."""
    with written_atomically(path) as file:
        np.savez(file, *arrays)


def read_arrays(path: str | Path) -> list[np.ndarray]:
    """Return the arrays of a file.

    Raises
    ------
    DamagedFileError
        Where the file is absent, cut off or otherwise damaged.
    """
    arrays = _read(path)
    return [arrays[f"arr_{index}"] for index in range(len(arrays))]


def write_state(path: Path, state: TrainingState) -> None:
    """Write where a training stopped."""
    arrays = {
        f"{name}{index}": array
        for name in LISTS
        for index, array in enumerate(getattr(state, name))
    }
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
        if lists["kept"] and not lists["outputs"]:
            raise ValueError("an earlier version wrote no outputs")
        return TrainingState(**numbers, **lists)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(
            f"Expected the state of a training in {str(path)!r}; received another file "
            f"({error})."
        ) from error


def _list(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    length = sum(key.startswith(name) for key in arrays)
    return [arrays[f"{name}{index}"] for index in range(length)]


def _read(path: str | Path) -> dict[str, Any]:
    try:
        # An archive of arrays without pickles; each of them has a checksum.
        with Path(path).open("rb") as file, np.load(file) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
        raise DamagedFileError(
            f"Expected a checkpoint in {str(path)!r}; it cannot be read "
            f"({type(error).__name__}: {error})."
        ) from error

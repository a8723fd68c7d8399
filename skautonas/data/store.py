"""Arrays on disk, mapped while a worker copies them into its tensors."""

from pathlib import Path

import numpy as np

from skautonas.data.encoder import Arrays


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Write each array to ``folder`` as ``<name>.npy``; strings as bytes.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    arrays : dict of str to ndarray
        Arrays that share their first axis.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        if array.dtype == object:
            array = np.array([text.encode("utf-8") for text in array])
        np.save(folder / f"{name}.npy", array)


def open_arrays(folder: Path) -> Arrays:
    """Map the arrays of a folder into memory, read-only."""
    return {
        path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))
    }

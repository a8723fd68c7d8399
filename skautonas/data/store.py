"""Arrays on disk, mapped while a worker copies them into its tensors."""

from pathlib import Path

import numpy as np

from skautonas.data.encoder import Arrays

ENDS = "-ends"


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Write each array to ``folder`` as ``<name>.npy``.

    Texts become two files: all their bytes, and where each of them ends. An array of
    strings would pad every one of them to the longest.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    arrays : dict of str to ndarray
        Arrays that share their first axis.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        if array.dtype != object:
            np.save(folder / f"{name}.npy", array)
            continue
        texts = [text.encode("utf-8") for text in array]
        np.save(folder / f"{name}.npy", np.frombuffer(b"".join(texts), "uint8"))
        np.save(folder / f"{name}{ENDS}.npy", np.cumsum([len(text) for text in texts]))


def open_arrays(folder: Path) -> Arrays:
    """Map the arrays of a folder into memory, read-only; texts are read as bytes."""
    arrays = {}
    for path in folder.glob("*.npy"):
        if path.stem.endswith(ENDS):
            continue
        arrays[path.stem] = np.load(path, mmap_mode="r")
        ends = path.with_stem(path.stem + ENDS)
        if ends.exists():
            joined = arrays[path.stem].tobytes()
            stops = np.load(ends)
            starts = [0, *stops[:-1]]
            texts = [joined[a:b] for a, b in zip(starts, stops, strict=True)]
            arrays[path.stem] = np.array(texts, dtype=object)
    return arrays

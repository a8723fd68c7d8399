"""Arrays on disk: written row by row, mapped into memory where they are read."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from skautonas.data.encoder import Arrays

ENDS, BYTES = "-ends.npy", ".bytes"


def write_arrays(folder: Path, chunks: Iterable[Arrays], n_rows: int) -> None:
    """Write arrays that come in chunks of their rows, each to ``<name>.npy``.

    Texts become two files: all their bytes, and where each of them ends. An array of
    strings would pad every one of them to the longest.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    chunks : iterable of dict of str to ndarray
        Consecutive rows of the same arrays, of one dtype and shape behind the rows.
    n_rows : int
        Rows of all chunks together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {}
    kinds: dict[str, tuple] = {}
    lengths: dict[str, list[np.ndarray]] = {}
    with ExitStack() as stack:
        for chunk in chunks:
            for name, array in chunk.items():
                is_text = array.dtype == object
                kind = (array.dtype, array.shape[1:])
                if kinds.setdefault(name, kind) != kind:
                    raise ValueError(
                        f"Expected chunks of {name!r} alike; received {kind} after "
                        f"{kinds[name]}."
                    )
                if name not in files:
                    path = folder / f"{name}{BYTES if is_text else '.npy'}"
                    files[name] = stack.enter_context(path.open("wb"))
                    if not is_text:
                        _write_header(files[name], array, n_rows)
                if is_text:
                    texts = [text.encode("utf-8") for text in array.flat]
                    sizes = np.reshape([len(text) for text in texts], array.shape)
                    lengths.setdefault(name, []).append(sizes)
                    files[name].write(b"".join(texts))
                else:
                    files[name].write(np.ascontiguousarray(array).data)
    for name, parts in lengths.items():
        sizes = np.concatenate(parts)
        np.save(folder / f"{name}{ENDS}", np.cumsum(sizes).reshape(sizes.shape))


def _write_header(file: Any, array: np.ndarray, n_rows: int) -> None:
    header = np.lib.format.header_data_from_array_1_0(array[:0])
    header["shape"] = (n_rows, *array.shape[1:])
    header["fortran_order"] = False
    np.lib.format.write_array_header_1_0(file, header)


def open_arrays(folder: Path) -> Arrays:
    """Map the arrays of a folder into memory, read-only; texts are read as bytes."""
    arrays = {
        path.stem: np.load(path, mmap_mode="r")
        for path in folder.glob("*.npy")
        if not path.name.endswith(ENDS)
    }
    for path in folder.glob(f"*{BYTES}"):
        joined = path.read_bytes()
        ends = np.load(path.with_name(f"{path.stem}{ENDS}"))
        stops = ends.ravel().tolist()
        texts = [joined[a:b] for a, b in zip([0, *stops], stops, strict=False)]
        arrays[path.stem] = np.array(texts, dtype=object).reshape(ends.shape)
    return arrays

"""TensorFlow, started without its lines on the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def start_tensorflow() -> None:
    """Import TensorFlow and run a first operation; nothing is done where it runs."""
    if "tensorflow" in sys.modules:
        return
    with silent_stderr():
        import keras

        keras.ops.ones(1)


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what is written to file descriptor 2.

    TensorFlow 2.21 reports missing GPU drivers before it reads its own log level; an
    error of the import is raised all the same.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no such file, as in a daemon
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

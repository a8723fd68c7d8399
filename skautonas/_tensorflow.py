"""TensorFlow, started without its lines on the terminal."""

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Two threads that both redirect stderr would restore it wrongly.
_lock = threading.Lock()
# Whether it was imported here, and nothing of it has run.
_only_imported = False


def start_tensorflow() -> None:
    """Import TensorFlow and run a first operation; nothing is done where it runs.

    Raises
    ------
    RuntimeError
        Where Keras runs on another backend.
    """
    import_tensorflow()
    with _lock:
        _run_first_operation()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Expected Keras with the backend 'tensorflow'; received "
            f"{keras.backend.backend()!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow before keras is imported."
        )


def import_tensorflow() -> None:
    """Import TensorFlow and run nothing of it, so that this process can be forked."""
    global _only_imported
    with _lock:
        if "tensorflow" not in sys.modules:
            with silent_stderr(), paused_garbage_collection():
                import tensorflow  # noqa: F401
            _only_imported = True


def _run_first_operation() -> None:
    global _only_imported
    if _only_imported:
        import tensorflow as tf

        with silent_stderr():
            # Otherwise each process claims all the memory of a GPU.
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
            tf.ones(1)
        _only_imported = False


@contextmanager
def paused_garbage_collection() -> Iterator[None]:
    """Collect garbage afterwards only: to look for it amid imports took them 0.4 s."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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

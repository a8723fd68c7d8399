"""What a trial needs, imported ahead of it."""

import gc

from skautonas._tensorflow import import_tensorflow, paused_garbage_collection


def preload() -> None:
    """Import what a trial needs, and run nothing of TensorFlow."""
    with paused_garbage_collection():
        import_tensorflow()
        import skautonas.estimation.evaluate
        import skautonas.estimation.finish  # noqa: F401
    # A trial ends with a collection of garbage. It took 0.2 s where it went through all
    # that these imports made. And what it leaves alone is not copied for each fork.
    gc.freeze()

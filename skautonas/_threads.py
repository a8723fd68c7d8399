"""Linear algebra on one thread."""

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager:
    """Return a context in which BLAS has one thread; small products only lose by more.

    Their threads wait for each other in loops, and take the cores from the workers: a
    product of 0.1 ms took 4 ms beside a busy process. The limit is of the whole
    process, so only its main thread sets it: two threads could not tell who lifts it.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()

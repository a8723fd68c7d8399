"""BLAS is limited in the body alone, and by the main thread alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np  # noqa: F401 - loads BLAS
from threadpoolctl import threadpool_info, threadpool_limits

from skautonas._threads import one_blas_thread


def blas_threads():
    return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}


def threads_in_a_body():
    with one_blas_thread():
        return blas_threads()


def test_one_thread_in_the_body_alone():
    with threadpool_limits(2, user_api="blas"):
        assert threads_in_a_body() == {1}
        assert blas_threads() == {2}


def test_other_threads_set_no_limit():
    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as executor:
        assert executor.submit(threads_in_a_body).result() == {2}
        assert blas_threads() == {2}

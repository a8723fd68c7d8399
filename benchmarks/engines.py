"""What an engine costs: the same trials on local workers, threads, Dask and Ray.

Run: ``python benchmarks/engines.py`` (``pip install "skautonas[dask,ray]"``). Thirty
trials of one epoch each, on 100 000 rows of 20 numbers. For each engine: seconds until
a cluster of two single-threaded processes on this machine is there; of the first fit,
whose workers are cold; of the median of three later ones; and the milliseconds by which
a trial takes longer than with local workers, with two at once. On other machines the
network comes on top.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext

import joblib
import numpy as np

N_ROWS, N_TRIALS, N_WORKERS, N_TURNS = 100_000, 30, 2, 3


@contextmanager
def threads():
    """Yield parameters for a pool of threads."""
    with ThreadPoolExecutor(N_WORKERS) as executor:
        yield {"executor": executor}


@contextmanager
def dask():
    """Yield parameters inside of a Dask cluster."""
    from distributed import Client, LocalCluster

    options = {"n_workers": N_WORKERS, "threads_per_worker": 1}
    with (
        LocalCluster(**options, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        yield {}


@contextmanager
def ray():
    """Yield parameters inside of a Ray cluster."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=N_WORKERS, include_dashboard=False, log_to_driver=False)
    register_ray()
    with joblib.parallel_config(backend="ray"):
        yield {}
    ray.shutdown()


ENGINES = {
    "local workers": lambda: nullcontext({"n_jobs": N_WORKERS}),
    "threads": threads,
    "Dask": dask,
    "Ray": ray,
}


def fit(parameters, X, y):
    """Return the seconds of a fit."""
    from skautonas import TabularSearchClassifier
    from skautonas.space import TabularSpace

    space = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
    start = time.monotonic()
    search = TabularSearchClassifier(
        space=space,
        strategy="random",
        max_trials=N_TRIALS,
        max_epochs=1,
        time_budget=None,
        refit=False,
        random_state=0,
        **parameters,
    ).fit(X, y)
    seconds = time.monotonic() - start
    if search.n_trials_ != N_TRIALS:
        raise RuntimeError(f"{search.n_trials_} trials instead of {N_TRIALS}.")
    failed = [trial.error for trial in search.trials_ if trial.status == "failed"]
    if failed:
        raise RuntimeError(failed[0])
    return seconds


def main():
    """Print the table."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, 20), dtype="float32")
    y = (X[:, 0] > 0).astype(int)
    fit({"n_jobs": N_WORKERS}, X[:1000], y[:1000])  # imports
    print("engine         cluster s  first fit s  later fit s  ms more a trial")
    local = None
    for name, engine in ENGINES.items():
        start = time.monotonic()
        with ExitStack() as stack:
            parameters = stack.enter_context(engine())
            there = time.monotonic() - start
            first = fit(parameters, X, y)
            later = statistics.median(fit(parameters, X, y) for _ in range(N_TURNS))
        local = later if local is None else local
        more = 1000 * (later - local) * N_WORKERS / N_TRIALS
        print(
            f"{name:14s} {there:9.1f} {first:12.1f} {later:12.1f} {more:16.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

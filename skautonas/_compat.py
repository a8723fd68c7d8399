"""Private names of dependencies, each with its reason and the version it is from."""

import copy
import math
import multiprocessing
import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any

# joblib 1.6: its vendored loky, whose workers start anew, are killed one by one and get
# an environment before they import; a second loky would be a second pool.
from joblib.externals import loky

# joblib 1.6: says whether this runs inside of a parallel call; not exported at the top.
from joblib.parallel import get_active_backend

# scikit-learn 1.9: the declared parameter constraints that all its estimators, and
# its contrib template, use; the modules are private by name only.
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

# scikit-learn 1.9: how its own estimators check weights.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "CALLBACKS",
    "HasMethods",
    "Interval",
    "StartableProcess",
    "StrOptions",
    "callback_context",
    "check_sample_weight",
    "children_allowed",
    "client_of",
    "copy_space_cheaply",
    "fit_context",
    "forget_gradients",
    "get_active_backend",
    "has_project",
    "lift_worker_memory_limit",
    "loky",
    "make_picklable",
    "metric_of",
    "pool_size",
    "reading_process",
    "release_oracle",
    "reset_layer_names",
    "run_process",
    "save_oracle_in",
    "seed_layers",
    "seed_oracle",
    "silence_oracle",
    "without_ended",
]


# scikit-learn 1.9: where `set_callbacks` keeps them.
CALLBACKS = "_skl_callbacks"


def callback_context(estimator: Any, max_subtasks: int | None) -> Any:
    """Set the callbacks of an estimator up, and return the context of its fit.

    scikit-learn 1.9's guide for developers names the method as its way, private though
    it is. Subtasks may end in any order.
    """
    return estimator._init_callback_context(
        max_subtasks=max_subtasks, sequential_subtasks=False
    )


class StartableProcess(loky.backend.process.LokyProcess):
    """A process of joblib 1.6's loky, whose way to start can be overridden."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        return process_obj.popen()

    def popen(self) -> Any:
        """Start a new interpreter, and return what multiprocessing asks of it."""
        return loky.backend.process.LokyProcess._Popen(self)


@contextmanager
def reading_process() -> Iterator[None]:
    """Let a process object be unpickled, as Python 3.11's multiprocessing has it."""
    current: Any = multiprocessing.current_process()
    current._inheriting = True
    try:
        yield
    finally:
        del current._inheriting


def run_process(process_obj: Any) -> int:
    """Be a process that was unpickled; return its status at the end.

    Python 3.11's multiprocessing has no public way.
    """
    return process_obj._bootstrap()


def lift_worker_memory_limit() -> None:
    """Let this loky worker grow; called inside the worker.

    joblib 1.6's loky restarts a worker that has grown by 300 MB since its first
    task, where psutil is installed. TensorFlow grows by more than that while it
    loads data, and each restart costs its import again.
    """
    loky.process_executor._MAX_MEMORY_LEAK_SIZE = math.inf


_daemon_lock = threading.Lock()


def _renew_daemon_lock() -> None:
    """Have a lock that no thread holds: a forked child has none of its parent's."""
    global _daemon_lock
    _daemon_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_daemon_lock)


@contextmanager
def children_allowed() -> Iterator[None]:
    """Let a daemonic process start workers, as those of Dask and of pools are.

    Python 3.11's multiprocessing refuses it, as the children of one that is ended
    would stay; our workers end by themselves.
    """
    settings = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    with _daemon_lock:
        daemon = settings.get("daemon")
        settings["daemon"] = False
        try:
            yield
        finally:
            settings["daemon"] = daemon


def client_of(executor: Executor) -> Any:
    """Return the client of a Dask executor, None of another one.

    distributed 2026.8 has no public way from the executor to its client.
    """
    if type(executor).__module__ == "distributed.cfexecutor":
        return executor._client  # type: ignore[attr-defined]
    return None


def pool_size(executor: Executor) -> int | None:
    """Return how many workers an executor has, where it says so.

    Those of Python 3.11, loky and mpi4py do so by a private name only.
    """
    size = getattr(executor, "_max_workers", None)
    return size if isinstance(size, int) else None


def release_oracle(oracle: Any) -> None:
    """Release the lock of an oracle, and forget the oracle.

    KerasTuner 1.4.8's ``synchronized`` keeps its lock where a method raised, and
    keeps every oracle, with all its trials, in two module globals.
    """
    from keras_tuner.src.engine import oracle as oracle_module

    lock = oracle_module.LOCKS.pop(oracle, None)
    if lock is not None and lock.locked():
        lock.release()
    oracle_module.THREADS.pop(oracle, None)


def seed_layers(seed: int) -> None:
    """Seed the weights and the random states of the next standard layers.

    Keras 3.15 draws their seeds from Python's generator. Its ``set_random_seed`` also
    seeds TensorFlow, which then drops its optimised graphs: a compiled function takes
    0.1 s more at its next call.
    """
    random.seed(seed)


def score_function(scorer: Any) -> Any:
    """Return the metric that a scorer was made of, or None.

    scikit-learn 1.9 has no public name for it.
    """
    return getattr(scorer, "_score_func", None)


def metric_of(scorer: Any) -> Any:
    """Return the metric that a scorer applies to predictions as it is, or None.

    scikit-learn 1.9 tells metric, sign, response and arguments in its ``repr`` alone.
    """
    facts = getattr(scorer, "__dict__", {})
    plain = {"_sign": 1, "_kwargs": {}, "_response_method": "predict"}
    metric = score_function(scorer)
    is_plain = plain.items() <= facts.items() and isinstance(metric, FunctionType)
    return metric if is_plain else None


def reset_layer_names() -> None:
    """Have the next layers named as the first ones.

    Keras 3.15 has ``clear_session`` for it, which also drops TensorFlow's optimised
    graphs.
    """
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("object_name_uids", None)


@contextmanager
def forget_gradients() -> Iterator[None]:
    """Forget the custom gradients that are traced within the block.

    TensorFlow 2.21 registers one at each trace, by a name of its own, and never forgets
    it, nor the graph that it holds. What is traced has no need of it.
    """
    from tensorflow.python.framework import ops

    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in set(registered) - before:
            if name.startswith("CustomGradient-"):
                registered.pop(name, None)


def silence_oracle(oracle: Any) -> None:
    """Stop an oracle from printing and from writing files.

    KerasTuner 1.4.8 writes two files, not atomically, at every ask and tell, and
    needs a project directory for them; the trials are recorded by the driver. It also
    goes through all trials at each tell, to count failures, which the driver does.
    """
    oracle.verbose = 0
    oracle.save = _do_nothing
    oracle._save_trial = _do_nothing
    oracle._check_consecutive_failures = _do_nothing


def has_project(oracle: Any) -> bool:
    """Tell whether an oracle was told where to save itself."""
    return hasattr(oracle, "_directory")


def make_picklable(oracle: Any) -> None:
    """Put functions with names in place of those that KerasTuner 1.4.8 does not name.

    In an oracle that is wrapped by another, too.
    """
    oracle._run_times.default_factory = int
    oracle._id_to_hash.default_factory = _do_nothing
    if hasattr(oracle, "oracle"):
        make_picklable(oracle.oracle)


def copy_space_cheaply(hp: Any) -> None:
    """Have copies of declared hyperparameters share what is declared.

    KerasTuner 1.4.8 writes and reads the whole space as a configuration for each trial,
    of which only the values are ever changed: 10 ms for 40 hyperparameters.
    """
    hp.copy = partial(_with_own_values, hp)


def _with_own_values(hp: Any) -> Any:
    twin = copy.copy(hp)
    del twin.copy  # back to the method of the class
    twin.values = dict(hp.values)
    return twin


def _do_nothing(*arguments: Any) -> None:
    """Stand in for a method; a module function, so that deepcopy keeps it."""


def save_oracle_in(oracle: Any, folder: str) -> None:
    """Have an oracle write its files, and read them, in a folder.

    KerasTuner 1.4.8 leaves it to its tuner to say so.
    """
    oracle._set_project_dir(folder, "study")


def without_ended(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of an oracle without trials that run though they ended.

    KerasTuner 1.4.8 saves at the end of a trial before it takes it from those that run,
    and tries it again after a reload; one that is to be retried twice.
    """
    running = state["ongoing_trials"].items()
    ended = {*state["end_order"], *state["retry_queue"]}
    return state | {"ongoing_trials": {s: i for s, i in running if i not in ended}}


def seed_oracle(oracle: Any, seed: int) -> None:
    """Seed a copied oracle; KerasTuner 1.4.8 seeds only in its constructor."""
    import numpy as np

    oracle.seed = seed
    oracle._seed_state = seed
    if hasattr(oracle, "_random_state"):
        oracle._random_state = np.random.RandomState(seed)
    if hasattr(oracle, "gpr"):
        oracle.gpr.random_state = seed

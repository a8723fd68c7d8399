"""Real processes: warm, killed, orphaned."""

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor

import numpy as np
import psutil
import pytest
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas._compat import loky
from skautonas.exceptions import NoWorkerError
from skautonas.search import executor as module
from skautonas.search import idle_workers, memory
from skautonas.search.executor import LocalExecutor
from skautonas.search.memory import own_bytes


def pid():
    return os.getpid()


def pid_later():
    time.sleep(0.3)
    return os.getpid()


def environment():
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return [os.environ.get(name) for name in names]


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long():
    time.sleep(600)


def ignores_interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    return "alive"


def test_tasks_run_in_as_many_other_processes_as_asked_for():
    with LocalExecutor(2) as executor:
        pids = {f.result() for f in [executor.submit(pid_later) for _ in range(6)]}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_a_worker_starts_with_one_thread_for_tensorflow():
    with LocalExecutor(1) as executor:
        assert executor.submit(environment).result() == ["1", "1", "1"]


def test_workers_stay_warm_for_the_next_fit():
    with LocalExecutor(1) as executor:
        for future in executor.warm_up():
            future.result()
        first = executor.submit(pid).result()
    with LocalExecutor(1) as executor:
        (ready,) = executor.warm_up()
        assert ready.result() < 1.0
        assert executor.submit(pid).result() == first


def rows_kept():
    from skautonas.estimation.study import read_examples

    return read_examples.cache_info().currsize


def test_idle_workers_keep_no_data():
    X, y = load_wine(return_X_y=True)
    search = TabularSearchClassifier(max_trials=1, max_epochs=1, time_budget=None)
    search.fit(X, y)
    with LocalExecutor(1) as executor:
        assert executor.submit(rows_kept).result() == 0


def has_tensorflow():
    return "tensorflow" in sys.modules


def collects_garbage():
    return gc.isenabled()


def test_a_worker_in_place_of_a_killed_one_is_warm():
    with LocalExecutor(1) as executor:
        future = executor.submit(sleep_long)
        time.sleep(1)
        executor.kill(future)
        assert future.exception(timeout=30) is not None
        assert executor.submit(has_tensorflow).result(timeout=30)
        assert executor.submit(collects_garbage).result(timeout=30)


def test_a_killed_worker_costs_only_its_own_task():
    with LocalExecutor(2) as executor:
        dead = executor.submit(kill_self)
        alive = executor.submit(pid_later)
        assert dead.exception(timeout=30) is not None
        assert alive.result(timeout=30) > 0
        assert executor.submit(pid).result(timeout=30) > 0


def test_shutdown_ends_a_task_that_hangs():
    executor = LocalExecutor(1)
    hanging = executor.submit(sleep_long)
    time.sleep(1.0)
    start = time.monotonic()
    executor.shutdown()
    assert hanging.exception(timeout=30) is not None
    assert time.monotonic() - start < 10


def test_a_shutdown_right_after_a_submit_leaves_no_error_in_a_thread():
    for _ in range(8):
        executor = LocalExecutor(1)
        executor.submit(pid).result()
        future = executor.submit(pid)
        executor.shutdown()
        assert future.exception(timeout=30) is not None or future.result() > 0


def test_a_worker_is_deaf_to_interrupts():
    with LocalExecutor(1) as executor:
        assert executor.submit(ignores_interrupt).result(timeout=30) == "alive"


PARENT = """
import sys, time
from skautonas.search.executor import LocalExecutor
from tests.test_executor import pid, sleep_long
executor = LocalExecutor(1)
print(executor.submit(pid).result(), flush=True)
executor.submit(sleep_long)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_is_gone_a_second_after_its_parent(how):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    )
    worker = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    parent.send_signal(how)
    parent.wait(timeout=10)
    parent.stdout.close()
    worker.wait(timeout=2)


def test_killing_one_task_leaves_the_others():
    with LocalExecutor(2) as executor:
        hanging, alive = executor.submit(sleep_long), executor.submit(pid_later)
        time.sleep(0.1)
        executor.kill(hanging)
        assert hanging.exception(timeout=30) is not None
        assert alive.result(timeout=30) > 0


def test_a_shutdown_resolves_the_tasks_that_wait():
    executor = LocalExecutor(1)
    futures = [executor.submit(sleep_long) for _ in range(3)]
    executor.shutdown()
    assert all(future.exception(timeout=30) is not None for future in futures)


def test_named_arguments_arrive():
    with LocalExecutor(1) as executor:
        assert executor.submit(sorted, [1, 2], reverse=True).result() == [2, 1]


def test_after_a_shutdown_nothing_is_taken():
    executor = LocalExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(pid)


def append_for_ever(path):
    while True:
        with path.open("a") as file:
            file.write("x")


def test_a_killed_process_is_gone_when_kill_returns(tmp_path):
    path = tmp_path / "file"
    with LocalExecutor(1) as executor:
        future = executor.submit(append_for_ever, path)
        while not path.exists():
            time.sleep(0.01)
        executor.kill(future)
        size = path.stat().st_size
        time.sleep(0.2)
        assert path.stat().st_size == size


def test_a_task_that_was_cancelled_is_left_out():
    with LocalExecutor(1) as executor:
        running = executor.submit(pid_later)
        waiting = executor.submit(pid)
        assert waiting.cancel()
        assert running.result(timeout=30) > 0
        assert executor.submit(pid).result(timeout=30) > 0


def test_an_executor_that_ends_at_once_keeps_warm_workers_warm():
    with LocalExecutor(1) as executor:
        (ready,) = executor.warm_up()
        ready.result()
        first = executor.submit(pid).result()
    with LocalExecutor(1) as executor:
        executor.warm_up()
    with LocalExecutor(1) as executor:
        assert executor.submit(pid).result() == first


FORK = """
import os
from skautonas.search.executor import LocalExecutor
from tests.test_executor import pid
with LocalExecutor(1) as executor:
    executor.submit(pid).result()
child = os.fork()
if child == 0:
    with LocalExecutor(1) as executor:
        assert executor.submit(pid).result(timeout=20) > 0
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_forked_child_starts_workers_of_its_own():
    process = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60
    )
    assert process.stdout.strip() == "0", process.stderr


hoard = []


def grow(megabytes):
    hoard.append(np.ones(megabytes * 125_000))
    return os.getpid()


def test_a_worker_that_has_grown_too_large_starts_anew(monkeypatch):
    with LocalExecutor(1) as executor:
        (ready,) = executor.warm_up()
        ready.result()
        before = executor.submit(own_bytes).result()
        monkeypatch.setattr(module, "most_bytes", lambda: before + 300e6)
        first = executor.submit(grow, 50).result()
        assert executor.submit(grow, 50).result() == first
        assert executor.restarts == 0
        assert executor.submit(grow, 300).result() == first
        assert executor.submit(pid).result() != first
        assert executor.restarts == 1
        assert executor.submit(own_bytes).result() < before + 100e6
    assert not psutil.pid_exists(first)


def test_the_memory_of_a_container_counts(tmp_path, monkeypatch):
    machine = memory.machine_bytes()
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "LIMITS", (str(limit), str(tmp_path / "absent")))
    limit.write_text("max\n")
    assert memory.machine_bytes() >= machine
    limit.write_text("1000000\n")
    assert memory.machine_bytes() == 1_000_000


def test_a_worker_that_died_counts_as_a_restart():
    with LocalExecutor(1) as executor:
        with pytest.raises(BrokenExecutor):
            executor.submit(kill_self).result()
        assert executor.restarts == 1


def test_where_no_process_can_be_started_a_task_says_so(monkeypatch):
    def submit(self, function, *arguments):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with LocalExecutor(1) as executor:
        assert executor.submit(pid).result() > 0
        with monkeypatch.context() as patch:
            patch.setattr(loky.ProcessPoolExecutor, "submit", submit)
            future = executor.submit(pid)
            with pytest.raises(NoWorkerError, match="Resource temporarily"):
                future.result(timeout=10)
        assert executor.submit(pid).result() > 0


def leave():
    sys.exit("no more")


def test_a_task_that_leaves_its_process_is_an_error():
    with (
        LocalExecutor(1) as executor,
        pytest.raises(RuntimeError, match="SystemExit: no more"),
    ):
        executor.submit(leave).result()


def test_workers_that_are_in_use_share_the_memory():
    with LocalExecutor(1), LocalExecutor(3):
        share = idle_workers.WORKER_SHARE * memory.machine_bytes() / 4
        assert idle_workers.most_bytes() == max(share, idle_workers.LEAST_BYTES)


def test_a_worker_is_ready_where_none_was_free():
    with LocalExecutor(1) as executor:
        executor.keep_one_ready()  # one is free
        first = executor.submit(sleep_long)
        executor.keep_one_ready()
        executor.keep_one_ready()
        assert executor.submit(has_tensorflow).result(timeout=60)
        second = executor.submit(sleep_long)
        third = executor.submit(pid)
        time.sleep(0.5)
        assert not third.done()  # there were two in all
        for future in (first, second):
            executor.kill(future)
        assert third.result(timeout=60) > 0

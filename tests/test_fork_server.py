"""Real servers, and what is forked from them."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

from skautonas.search.executor import LocalExecutor
from skautonas.search.forked_process import UNKNOWN_STATUS, ForkedProcess
from tests.processes import servers_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no fork there")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def sleep_long():
    time.sleep(600)


def pid():
    return os.getpid()


def parent():
    return os.getppid()


def renew(executor):
    """End the worker of an executor; the next task has another one forked."""
    future = executor.submit(sleep_long)
    time.sleep(0.3)
    executor.kill(future)
    assert future.exception(timeout=60) is not None


def test_workers_and_those_in_their_place_have_one_server():
    with LocalExecutor(2) as executor:
        both = [executor.submit(parent) for _ in range(2)]
        parents = {future.result() for future in both}
        renew(executor)
        parents.add(executor.submit(parent).result())
    assert parents == {server.pid for server in servers_of(psutil.Process())}


def surroundings():
    return {
        "set": os.environ.get("SKAUTONAS_SET"),
        "removed": os.environ.get("SKAUTONAS_REMOVED"),
        "threads": [pool["num_threads"] for pool in threadpool_info()],
        "folder": str(Path.cwd()),
        "path": sys.path[-1],
        "cores": os.sched_getaffinity(0),
    }


def test_a_worker_has_the_surroundings_of_the_moment(monkeypatch, tmp_path):
    monkeypatch.setenv("SKAUTONAS_REMOVED", "1")
    with LocalExecutor(1, 3) as executor:
        assert executor.submit(surroundings).result()["removed"] == "1"
        monkeypatch.setenv("SKAUTONAS_SET", "1")
        monkeypatch.delenv("SKAUTONAS_REMOVED")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [*sys.path, "a-folder"])
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            renew(executor)
            told = executor.submit(surroundings).result()
        finally:
            os.sched_setaffinity(0, cores)
    assert set(told.pop("threads")) == {3}
    expected = {"set": "1", "removed": None, "cores": {min(cores)}}
    assert told == expected | {"folder": str(tmp_path), "path": "a-folder"}


def say():
    os.write(1, b"said by a worker")


def test_a_worker_writes_where_its_parent_does(capfd):
    with LocalExecutor(1) as executor:
        renew(executor)
        executor.submit(say).result()
    assert capfd.readouterr().out == "said by a worker"


def draw():
    time.sleep(0.3)  # so that each worker has one
    return random.random(), np.random.random()  # noqa: NPY002


def test_workers_draw_different_numbers():
    with LocalExecutor(2) as executor:
        renew(executor)
        renew(executor)
        first, second = [executor.submit(draw) for _ in range(2)]
        assert set(first.result()).isdisjoint(second.result())


def test_another_server_takes_the_place_of_a_killed_one():
    with LocalExecutor(1) as executor:
        executor.submit(pid).result()
        (first,) = servers_of(psutil.Process())
        hanging = executor.submit(sleep_long)
        time.sleep(0.3)
        first.kill()
        with pytest.raises(BrokenExecutor):
            hanging.result(timeout=30)
        # While the next one imports, a task can be ended.
        waits = executor.submit(pid)
        assert not waits.done()
        executor.kill(waits)
        assert waits.exception(timeout=1) is not None
        second = executor.submit(parent).result()
    assert [second] == [server.pid for server in servers_of(psutil.Process())]
    assert second != first.pid


@pytest.mark.parametrize("end", [ForkedProcess.terminate, ForkedProcess.kill])
def test_a_forked_process_is_one_of_multiprocessing(end):
    with LocalExecutor(1) as executor:
        executor.submit(pid).result()  # the server is ready
    process = ForkedProcess(target=sleep_long, env={"OMP_NUM_THREADS": "1"})
    process.start()
    assert process.is_alive()
    assert psutil.Process(process.pid).parent() in servers_of(psutil.Process())
    end(process)
    process.join(10)
    assert process.exitcode == UNKNOWN_STATUS
    sentinel = process.sentinel
    process.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(sentinel)


def run(code, **environment):
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=100,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


WHO = """
import os, psutil
from skautonas.search.executor import LocalExecutor
from tests.test_fork_server import parent
with LocalExecutor(1) as executor:
    print(os.getpid(), executor.submit(parent).result())
"""
THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


def test_nothing_is_forked_where_another_thread_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(THREAD)
    me, parent = run(WHO, PYTHONPATH=os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    assert parent == me


def test_nothing_is_forked_where_there_is_a_gpu():
    me, parent = run(WHO, CUDA_VISIBLE_DEVICES="0")
    assert parent == me


# Found by the server alone, which imports it in place of TensorFlow.
BROKEN = """
import sys
if "fork_server" in " ".join(sys.orig_argv):
    raise ImportError("a broken import")
sys.path.remove(__file__.removesuffix("tensorflow.py"))
del sys.modules["tensorflow"]
import tensorflow
"""


def test_workers_start_where_the_server_could_not_import(tmp_path):
    (tmp_path / "tensorflow.py").write_text(BROKEN)
    folders = [f"{tmp_path}{os.sep}", str(Path.cwd())]
    me, parent = run(WHO, PYTHONPATH=os.pathsep.join(folders))
    assert parent == me


KILLED = """
import psutil, time
from skautonas.search.executor import LocalExecutor
from tests.processes import servers_of
ready = LocalExecutor(1).warm_up()
end = time.monotonic() + 60
while not (servers := servers_of(psutil.Process())) and time.monotonic() < end:
    time.sleep(0.01)
print(servers[0].pid, flush=True)
time.sleep(600)
"""


def test_a_server_that_imports_ends_with_its_parent():
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True
    )
    server = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.communicate()
    server.wait(timeout=3)


IDLE = """
import os, socket, subprocess, sys
from skautonas.search import fork_server
ours, theirs = socket.socketpair()
with ours, theirs:
    fork_server.IDLE_SECONDS = 0
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    print(fork_server._has_children())
    child.communicate()
    print(fork_server._has_children())
    print(fork_server._next_request(theirs, os.getppid()))
"""


WAITS = """
import os, psutil, time
from tests.processes import servers_of
from skautonas.search.executor import LocalExecutor
from skautonas.search.idle_workers import _end_idle_workers
executor = LocalExecutor(2)
waiting = [*executor.warm_up(), *executor.warm_up()]
start = time.monotonic()
_end_idle_workers()
print(*[future.exception(10).__class__.__name__ for future in waiting])
print(time.monotonic() - start < 5, servers_of(psutil.Process()))
"""


def test_what_waits_for_a_server_that_is_closed_is_cancelled():
    assert run(WAITS) == ["CancelledError"] * 4 + ["True", "[]"]


# What is told of a server as it is ready, in a thread, while others end it.
TOLD = """
import threading, time, psutil
from skautonas.search import fork_client
from tests.processes import servers_of
server = fork_client.current_server()
began, others = threading.Event(), []
def told(ready):
    began.set()
    time.sleep(1)
    others.append(fork_client.current_server())
server.ready.add_done_callback(told)
began.wait(60)
"""
CLOSED = """
fork_client.close_server()
print(others)
"""
KILLED_THEN = """
servers_of(psutil.Process())[0].kill()
time.sleep(0.5)
another = fork_client.current_server()
print(another is server, others)
another.ready.result(60)
print(others == [another])
"""


def test_a_server_can_be_closed_or_replaced_while_it_is_told_of():
    assert run(TOLD + CLOSED) == ["[None]"]
    assert run(TOLD + KILLED_THEN) == ["False", "[]", "True"]


GONE = """
import time, psutil
from skautonas.search import fork_client
from tests.processes import servers_of
for _ in range(3):
    server = fork_client.current_server()
    while server is not None and not (servers := servers_of(psutil.Process())):
        time.sleep(0.01)
    if server is not None:
        servers[0].kill()
        print(server.ready.result(60))
print(server)
"""


def test_after_two_servers_that_are_gone_there_is_none():
    assert run(GONE) == ["False", "False", "None"]


FULL = """
import gc, os, resource, time
from contextlib import suppress
from skautonas.exceptions import NoWorkerError
from skautonas.search.executor import LocalExecutor
from tests.test_fork_server import pid, renew
executor = LocalExecutor(2)
[future.result() for future in executor.warm_up()]
renew(executor)
executor._free.reverse()  # or the warm one would be next
before = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
for _ in range(10):  # threads still close files of the one that was killed
    time.sleep(0.2)
    gc.collect()
    with suppress(OSError):
        while True:
            os.dup(0)
print(executor.submit(pid).exception(60).__class__ is NoWorkerError)
resource.setrlimit(resource.RLIMIT_NOFILE, before)
print(executor.submit(pid).result() > 0)
"""


def test_without_files_there_is_no_worker_until_there_are():
    assert run(FULL) == ["True", "True"]


def test_a_worker_ends_with_its_server():
    with LocalExecutor(1) as executor:
        worker = psutil.Process(executor.submit(pid).result())
        for server in servers_of(psutil.Process()):
            server.kill()
        worker.wait(timeout=3)


def test_a_server_without_workers_ends():
    assert run(IDLE) == ["True", "False", "[]"]

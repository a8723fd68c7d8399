"""A fit that is interrupted, or finds the disk full, leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

FIT = """
import resource, sys
from sklearn.datasets import load_digits
from skautonas import TabularSearchClassifier

limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
X, y = load_digits(return_X_y=True)
print("fitting", flush=True)
search = TabularSearchClassifier(n_jobs=2, time_budget=120, verbose=1)
try:
    search.fit(X, y)
finally:
    print("fitted:", hasattr(search, "best_model_"), flush=True)
"""


def start(folder, limit=0):
    return subprocess.Popen(
        [sys.executable, "-c", FIT, str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )


def test_an_interrupt_ends_the_fit_and_its_workers(tmp_path):
    process = start(tmp_path)
    lines = iter(process.stdout.readline, "")
    assert any("trial   1" in line for line in lines)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    output, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert "fitted: False" in output
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
    assert list(tmp_path.glob("skautonas-*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_a_full_disk_is_an_os_error(tmp_path):
    process = start(tmp_path, limit=20_000)
    output, errors = process.communicate(timeout=120)
    assert "fitted: False" in output
    assert "OSError" in errors.splitlines()[-1]
    assert list(tmp_path.glob("skautonas-*")) == []

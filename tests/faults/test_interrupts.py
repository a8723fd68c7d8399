"""A fit that is interrupted, or finds the disk full, leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from sklearn.datasets import load_wine

from tests.faults.fit import search

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
    print("stopped:", search.stop_reason_, search.refitted_, flush=True)
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


def interrupt_after(process, line, times=1):
    """Send Ctrl-C when a line was printed; return output, errors and seconds."""
    printed = []
    for text in iter(process.stdout.readline, ""):
        printed.append(text)
        if line in text:
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    output, errors = process.communicate(timeout=30)
    seconds = time.monotonic() - began
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not [worker for worker in alive if worker.status() != "zombie"]
    return "".join(printed) + output, errors, seconds


def test_04_an_interrupt_keeps_the_best_so_far(tmp_path):
    process = start(tmp_path)
    output, errors, seconds = interrupt_after(process, "trial   1")
    assert process.returncode == 0, errors
    assert "stopped: interrupted False" in output
    assert "fitted: True" in output
    assert "SkautonasWarning: Interrupted after" in errors
    assert seconds < 15
    assert list(tmp_path.glob("skautonas-*")) == []


def test_04_a_second_interrupt_raises_at_once(tmp_path):
    process = start(tmp_path)
    output, errors, seconds = interrupt_after(process, "trial   1", times=2)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert "fitted: False" in output
    assert seconds < 10
    assert list(tmp_path.glob("skautonas-*")) == []


def test_05_an_interrupt_before_any_trial_raises_and_says_so(tmp_path):
    process = start(tmp_path)
    output, errors, _ = interrupt_after(process, "workers ready")
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert "fitted: False" in output
    assert list(tmp_path.glob("skautonas-*")) == []


def test_04_an_interrupted_study_goes_on(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.fit", str(tmp_path), "500", "{}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output, errors, _ = interrupt_after(process, "trial   2")
    assert process.returncode == 0, errors
    interrupted = json.loads(output.splitlines()[-1])
    done = len(interrupted["scores"])
    assert 3 <= done < 500
    assert "the next fit goes on" in errors
    fitted = search(tmp_path, done + 2).fit(*load_wine(return_X_y=True))
    assert fitted.n_trials_ == done + 2
    assert [trial.score for trial in fitted.trials_[:done]] == interrupted["scores"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_a_full_disk_is_an_os_error(tmp_path):
    process = start(tmp_path, limit=20_000)
    output, errors = process.communicate(timeout=120)
    assert "fitted: False" in output
    assert "OSError" in errors.splitlines()[-1]
    assert list(tmp_path.glob("skautonas-*")) == []

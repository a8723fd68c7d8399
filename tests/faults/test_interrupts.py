"""A fit that is interrupted, or finds the disk full, leaves nothing behind."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sklearn.datasets import load_wine

from tests.faults.fit import build, search

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
        start_new_session=True,
    )


def end_of(process, timeout):
    """Wait for the end of a process; return output and errors."""
    try:
        return process.communicate(timeout=timeout)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def interrupt_after(process, line, times=1, wait=0.0):
    """Send Ctrl-C when a line was printed, so many seconds after a first process began.

    As a terminal does it, to the process and all that it started. Returns output,
    errors and seconds.
    """
    printed = []
    for text in iter(process.stdout.readline, ""):
        printed.append(text)
        if line in text:
            break
    parent = psutil.Process(process.pid)
    began = time.monotonic()
    while not parent.children() and time.monotonic() < began + 20:
        time.sleep(0.01)
    time.sleep(wait)
    workers = parent.children(recursive=True)
    began = time.monotonic()
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    output, errors = end_of(process, 30)
    seconds = time.monotonic() - began
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not [worker for worker in alive if worker.status() != "zombie"]
    return "".join(printed) + output, errors, seconds


def wait_for(path, process):
    """Wait until a process has written a file."""
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def test_04_an_interrupt_keeps_the_best_so_far(tmp_path):
    process = start(tmp_path)
    output, errors, seconds = interrupt_after(process, "trial   1")
    assert process.returncode == 0, errors
    assert "stopped: interrupted False" in output
    assert "fitted: True" in output
    assert "SkautonasWarning: Interrupted after" in errors
    assert seconds < 15
    assert list(tmp_path.iterdir()) == []


def test_04_a_second_interrupt_raises_at_once(tmp_path):
    process = start(tmp_path)
    output, errors, seconds = interrupt_after(process, "trial   1", times=2)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert "fitted: False" in output
    assert seconds < 3
    assert list(tmp_path.glob("skautonas-*")) == []


def test_05_an_interrupt_before_any_trial_raises_and_says_so(tmp_path):
    process = start(tmp_path)
    output, errors, _ = interrupt_after(process, "workers ready")
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert "fitted: False" in output
    assert list(tmp_path.glob("skautonas-*")) == []


@pytest.mark.parametrize("wait", [0.3, 1.5])
def test_05_an_interrupt_of_the_cold_start_raises(tmp_path, wait):
    process = start(tmp_path)
    output, errors, seconds = interrupt_after(process, "fitting", wait=wait)
    assert process.returncode != 0
    assert "workers ready" not in output
    assert "KeyboardInterrupt" in errors.splitlines()[-1]
    assert "fitted: False" in output
    assert seconds < 10
    assert list(tmp_path.glob("skautonas-*")) == []


HANG = """
import os, sys, time
from sklearn.datasets import load_wine
from skautonas import TabularSearchClassifier

def build(hp):
    open(os.path.join(os.environ["TMPDIR"], "begun"), "w").close()
    time.sleep(600)

TabularSearchClassifier(space=build, n_jobs=1).fit(*load_wine(return_X_y=True))
"""


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.1, 0.25])
def test_04_two_interrupts_of_a_build_that_hangs_leave_no_worker(tmp_path, wait):
    process = subprocess.Popen(
        [sys.executable, "-c", HANG],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    wait_for(tmp_path / "begun", process)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    end_of(process, 15)
    assert process.returncode != 0
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not [worker for worker in alive if worker.status() != "zombie"]


def build_that_hangs_in_the_first_refit(hp):
    """Return a model; where a refit wants one for the first time, wait instead."""
    begun = Path(os.environ["TMPDIR"]) / "refit-begun"
    if any(frame.function == "refit" for frame in inspect.stack(0)):
        try:
            begun.touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            time.sleep(600)
    return build(hp)


def build_slowly_at_the_end(hp):
    """Return a model, but for that of the end only after two seconds."""
    if any(frame.function == "assemble" for frame in inspect.stack(0)):
        (Path(os.environ["TMPDIR"]) / "end-begun").touch()
        time.sleep(2)
    return build(hp)


END = """
import json, os, sys
from sklearn.datasets import load_wine
from tests.faults import test_interrupts
from tests.faults.fit import search, told

directory = os.path.join(os.environ["TMPDIR"], "study")
build = getattr(test_interrupts, sys.argv[1])
more = {"space": build, "strategy": "random", "time_budget": 200}
more["refit"] = "refit" in sys.argv[1]
for _ in range(2):
    fitted = search(directory, 1, **more).fit(*load_wine(return_X_y=True))
    result = [fitted.stop_reason_, fitted.refitted_, told(fitted)["scores"]]
    print(json.dumps(result), flush=True)
"""


def interrupt_at_the_end(folder, build, begun):
    """Send Ctrl-C when a file is there; return what two fits said, and errors."""
    process = subprocess.Popen(
        [sys.executable, "-c", END, build],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
        start_new_session=True,
    )
    wait_for(folder / begun, process)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = end_of(process, 60)
    assert process.returncode == 0, errors
    results = [line for line in output.splitlines() if line.startswith('["')]
    return *map(json.loads, results), errors


@pytest.mark.parametrize(
    ("build", "begun", "refitted"),
    [
        ("build_that_hangs_in_the_first_refit", "refit-begun", True),
        ("build_slowly_at_the_end", "end-begun", False),
    ],
)
def test_04_an_interrupt_of_the_end_keeps_the_model_of_the_trial(
    tmp_path, build, begun, refitted
):
    first, again, errors = interrupt_at_the_end(tmp_path, build, begun)
    assert first[:2] == ["interrupted", False]
    assert "SkautonasWarning: Interrupted" in errors
    # The directory goes on: nothing but the refit is made up for.
    assert again == ["max_trials", refitted, first[2]]


def test_04_an_interrupted_study_goes_on(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.fit", str(tmp_path), "500", "{}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    output, errors, _ = interrupt_after(process, "trial   2")
    assert process.returncode == 0, errors
    interrupted = json.loads(output.splitlines()[-1])
    done = len(interrupted["scores"])
    assert 3 <= done < 500
    left = {path.name[:4] for path in (tmp_path / "trials").iterdir()}
    assert left <= {f"{number:04d}" for number in range(done)}
    assert "the next fit goes on" in errors
    fitted = search(tmp_path, done + 2).fit(*load_wine(return_X_y=True))
    assert [trial.status for trial in fitted.trials_] == ["completed"] * (done + 2)
    assert [trial.score for trial in fitted.trials_[:done]] == interrupted["scores"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_rows_that_do_not_fit_are_an_os_error_and_leave_nothing(tmp_path):
    process = start(tmp_path, limit=20_000)
    output, errors = process.communicate(timeout=120)
    assert "fitted: False" in output
    assert "in write_fold" in errors
    assert "OSError" in errors.splitlines()[-1]
    assert list(tmp_path.glob("skautonas-*")) == []

"""Scenarios 1 to 3, 9 and 22: processes that are killed at any moment."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from sklearn.datasets import load_wine

from skautonas.search.journal import Asked, Finished, Journal, Told
from tests.faults import fit, loop
from tests.processes import workers_of

WINE = load_wine(return_X_y=True)
# A search that is killed again and again needs one or two minutes, if it loses nothing.
SECONDS_TO_FINISH = 400


@pytest.fixture
def forked():
    """Start processes from one that has imported what a search without models needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.loop"])
    return context


def start(directory, max_trials, more="{}"):
    arguments = map(str, (directory, max_trials, more))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.fit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def read_events(directory):
    journal = Journal(directory / "journal.jsonl", durable=False)
    journal.close()
    return journal.events


@pytest.mark.parametrize("n_workers", [1, 2])
def test_01_a_search_that_is_killed_at_random_points_loses_nothing(
    tmp_path, forked, n_workers
):
    expected = loop.run(tmp_path / "whole", 36, n_workers)
    rng = random.Random(n_workers)
    killed = 0
    directory = tmp_path / "killed"
    end = time.monotonic() + SECONDS_TO_FINISH
    while True:
        assert time.monotonic() < end, f"{killed} kills, and no end"
        reader, writer = forked.Pipe(duplex=False)
        arguments = writer, directory, 36, n_workers
        process = forked.Process(target=loop.run_and_tell, args=arguments)
        process.start()
        writer.close()
        # Up to some trial, then a random part of the next one.
        with os.fdopen(os.dup(reader.fileno())) as printed:
            for _ in range(rng.randint(1, 3)):
                printed.readline()
        time.sleep(rng.random() * 0.02)
        process.kill()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        killed += 1
    assert killed >= 8
    driver = loop.run(directory, 36, n_workers)
    for one, two in zip(expected.ledger.trials, driver.ledger.trials, strict=True):
        assert one.task.values == two.task.values
        assert one.proposal == two.proposal
        assert one.score == two.score
    incumbents = expected.ledger.incumbent, driver.ledger.incumbent
    assert incumbents[0].number == incumbents[1].number
    # No finished trial ran twice: once told, a number has no further attempt.
    finished = set()
    for event in read_events(directory):
        if isinstance(event, Finished):
            assert event.number not in finished
            finished.add(event.number)
        elif isinstance(event, Asked):
            assert event.number not in finished
    assert finished == set(range(36))
    log = (tmp_path / "killed-evaluated.txt").read_text().splitlines()
    assert len(set(log)) == len(log)  # each attempt has its own number


def test_01_a_fit_that_is_killed_in_real_trials_goes_on_to_the_same(tmp_path):
    expected = fit.told(fit.search(tmp_path / "whole", 12).fit(*WINE))
    directory, rng, killed = tmp_path / "killed", random.Random(0), 0
    end = time.monotonic() + SECONDS_TO_FINISH
    while True:
        assert time.monotonic() < end, f"{killed} kills, and no end"
        process = start(directory, 12)
        lines = iter(process.stdout.readline, "")
        wanted = rng.randint(1, 2)
        for line in lines:
            wanted -= "trial" in line
            if not wanted:
                break
        time.sleep(rng.random() * 0.4)
        process.kill()
        _, errors = process.communicate()
        if process.returncode == 0:
            break
        killed += 1
        if sum(isinstance(e, Told) for e in read_events(directory)) == 12:
            break
    assert killed >= 5, errors
    fitted = fit.search(directory, 12).fit(*WINE)
    assert fit.told(fitted) == expected
    finished = [e.number for e in read_events(directory) if isinstance(e, Finished)]
    assert sorted(finished) == list(range(12))


def kill_at(wanted, directory, more):
    """Kill a fit of 14 trials when a line was printed; return how many were told."""
    process = start(directory, 14, json.dumps(more))
    for line in iter(process.stdout.readline, ""):
        if wanted in line:
            break
    process.kill()
    process.communicate()
    return sum(isinstance(event, Told) for event in read_events(directory))


def test_01_hyperband_goes_on_in_the_middle_of_a_bracket(tmp_path):
    more = {"strategy": "hyperband", "max_epochs": 9}
    expected = fit.told(fit.search(tmp_path / "whole", 14, **more).fit(*WINE))
    # Two of three are on the lower rung.
    n_told = kill_at("trial   7", tmp_path / "killed", more)
    fitted = fit.search(tmp_path / "killed", 14, **more).fit(*WINE)
    assert fit.told(fitted) == expected
    fidelities = [trial.fidelity for trial in fitted.trials_]
    assert set(fidelities) == {1 / 3, 1.0}
    # Those of the lower rung were told, but not yet who of them is promoted.
    assert 7 < n_told < 12
    assert fidelities[n_told - 1] == 1 / 3


def test_01_the_median_rule_goes_on_with_what_it_learnt(tmp_path):
    more = {"strategy": "random", "pruner": "median", "max_epochs": 40, "n_jobs": 1}
    whole = fit.search(tmp_path / "whole", 14, **more).fit(*WINE)
    n_told = kill_at("trial   6", tmp_path / "killed", more)
    fitted = fit.search(tmp_path / "killed", 14, **more).fit(*WINE)
    assert fit.told(fitted) == fit.told(whole)
    status = [trial.status for trial in fitted.trials_]
    assert status == [trial.status for trial in whole.trials_]
    assert "stopped" in status[n_told:]
    assert [trial.epochs for trial in fitted.trials_] == [
        trial.epochs for trial in whole.trials_
    ]


def result(driver):
    """Return what a search came to: trials in the order of telling, and the best."""
    trials = [(t.number, t.task.values, t.score) for t in driver.ledger.trials]
    return trials, driver.ledger.incumbent.number


def test_02_a_kill_between_two_lines_leaves_no_zombie(tmp_path):
    expected = result(loop.run(tmp_path / "study", 20))
    lines = (tmp_path / "study" / "journal.jsonl").read_bytes().splitlines(True)
    (tmp_path / "study" / "trials").mkdir(exist_ok=True)
    # Rungs are told in order, so that any prefix is what some kill leaves.
    for count in range(0, len(lines), 4):
        directory = tmp_path / f"prefix{count}"
        (directory / "trials").mkdir(parents=True)
        study = tmp_path / "study" / "study.json"
        (directory / "study.json").write_bytes(study.read_bytes())
        (directory / "journal.jsonl").write_bytes(b"".join(lines[:count]))
        # A trial writes nothing before a line says that it began.
        for number in range(20 if count else 0):
            for kind in "vs":
                name = f"{number:04d}-0-{kind}.npz"
                (directory / "trials" / name).write_bytes(b"0" * 100)
        driver = loop.run(directory, 20)
        assert result(driver) == expected


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_03_workers_go_within_a_second_of_their_parent(tmp_path, number):
    process = start(tmp_path / "study", 500, json.dumps({"n_jobs": 2}))
    for line in iter(process.stdout.readline, ""):
        if "trial   2" in line:
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers_of(psutil.Process(process.pid))) == 2
    os.kill(process.pid, number)
    process.wait()
    # Nobody may be there to reap them: then they stay as zombies.
    end = time.monotonic() + 1.5
    while any(map(lives, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(lives, workers))
    process.communicate()
    journal = tmp_path / "study" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    whole = b"".join(line for line in lines if line.endswith(b"\n"))
    events = read_events(tmp_path / "study")
    finished = {event.number for event in events if isinstance(event, Finished)}
    asked = {event.number for event in events if isinstance(event, Asked)}
    assert len(finished) >= 3
    fitted = fit.search(tmp_path / "study", max(asked) + 2).fit(*WINE)
    assert fitted.n_trials_ == max(asked) + 2
    assert journal.read_bytes().startswith(whole)
    added = read_events(tmp_path / "study")[len(events) :]
    asked_again = {event.number for event in added if isinstance(event, Asked)}
    assert asked_again == set(range(fitted.n_trials_)) - finished


def test_03_a_worker_that_outlives_its_parent_writes_nothing_more(tmp_path):
    more = {"max_epochs": 200}
    process = start(tmp_path, 500, json.dumps(more))
    for line in iter(process.stdout.readline, ""):
        if "trial   1" in line:
            break
    (worker,) = workers_of(psutil.Process(process.pid))
    journal = tmp_path / "journal.jsonl"
    while b'"asked"' not in journal.read_bytes().splitlines()[-1]:
        assert process.poll() is None
    time.sleep(0.1)  # so that the worker has begun it
    worker.suspend()
    try:
        process.kill()
        process.wait()  # for what it printed, one would wait for the worker, too
        asked = read_events(tmp_path)[-1]
        assert isinstance(asked, Asked)  # it is in the middle of this trial
        fitted = fit.search(tmp_path, asked.number + 1, **more).fit(*WINE)
    finally:
        worker.resume()
        _, alive = psutil.wait_procs([worker], timeout=5)
        survived = any(map(lives, alive))
        if survived:
            worker.kill()
    assert not survived
    process.communicate()
    finished = {
        event.number: event.outcome
        for event in read_events(tmp_path)
        if isinstance(event, Finished)
    }
    kept = sorted(file.name for file in (tmp_path / "trials").iterdir())
    predicted = [outcome.outputs for outcome in finished.values()]
    assert kept == sorted([finished[fitted.best_index_].checkpoint, *predicted])
    # The weights load again where the model is gone.
    (tmp_path / "model.keras").unlink()
    again = fit.search(tmp_path, asked.number + 1, **more).fit(*WINE)
    assert fit.told(again) == fit.told(fitted)


def test_22_two_processes_do_not_share_a_directory(tmp_path):
    process = start(tmp_path / "study", 500)
    try:
        for line in iter(process.stdout.readline, ""):
            if "trial" in line:
                break
        with pytest.raises(ValueError, match="in use"):
            fit.search(tmp_path / "study", 500).fit(*WINE)
    finally:
        process.kill()
        process.communicate()
    fitted = fit.search(tmp_path / "study", 1).fit(*WINE)
    assert fitted.n_trials_ >= 1

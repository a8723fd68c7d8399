"""Scenarios 15 to 21: full disks, directories that cannot be written, damaged files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from sklearn.datasets import load_wine

from skautonas._files import UNFINISHED
from skautonas.exceptions import DamagedFileError, StudyExistsError
from skautonas.search.journal import Finished, Journal
from tests.faults import loop
from tests.faults.fit import OLD, search, told

WINE = load_wine(return_X_y=True)
# A study that an earlier version of this package left, killed in its fourth trial.
OLD_STUDY = Path(__file__).parent / "study-format-1"


def test_15_a_disk_that_is_full_at_any_write_loses_nothing(tmp_path, monkeypatch):
    expected = loop.run(tmp_path / "whole", 12)
    real = os.fsync
    n_writes = 0

    def count(descriptor):
        nonlocal n_writes
        n_writes += 1
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", count)
        loop.run(tmp_path / "counted", 12)
    assert n_writes > 24
    for full_at in range(0, n_writes, 5):
        left = [full_at]

        def fail(descriptor, left=left):
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            real(descriptor)

        directory = tmp_path / f"full{full_at}"
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match="No space left"):
                loop.run(directory, 12)
        driver = loop.run(directory, 12)
        told_scores = [trial.score for trial in driver.ledger.trials]
        assert told_scores == [trial.score for trial in expected.ledger.trials]


LIMITED = """
import resource, sys
from sklearn.datasets import load_wine
from tests.faults import test_files
from tests.faults.fit import search

directory, limit, max_trials, space = sys.argv[1:]
options = getattr(test_files, space) if space else {}
estimator = search(directory, int(max_trials), **options)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
estimator.fit(*load_wine(return_X_y=True))
"""


def fit_limited(directory, limit, max_trials=4, space=""):
    """Fit in a process of which no file may be larger than so many bytes."""
    arguments = map(str, (directory, limit, max_trials, space))
    return subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def build_wide(hp):
    """Return a model whose weights are much larger than the rows of wine."""
    units = hp.Choice("units", [8, 4096], default=4096)
    hidden = keras.layers.Dense(units, activation="relu")
    head = keras.layers.Dense(3, activation="softmax")
    model = keras.Sequential([keras.Input((13,)), hidden, head])
    rate = hp.Float("rate", 0.001, 0.01)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


WIDE = {"space": build_wide, "strategy": "random"}
# On its lower rung, a trial writes the state of its optimizer, too.
RUNGS = {"space": build_wide, "strategy": "hyperband", "max_epochs": 9}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_rows_that_do_not_fit_are_an_error_that_says_so(tmp_path):
    process = fit_limited(tmp_path / "study", 3000)
    assert process.returncode != 0
    assert "in write_fold" in process.stderr
    assert "File too large" in process.stderr.splitlines()[-1]
    assert list((tmp_path / "study").glob("*.keras")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_a_checkpoint_that_does_not_fit_fails_its_trial_alone(tmp_path):
    process = fit_limited(tmp_path, 500_000, 5, "RUNGS")
    assert process.returncode == 0, process.stderr
    journal = Journal(tmp_path / "journal.jsonl", durable=False)
    journal.close()
    outcomes = [e.outcome for e in journal.events if isinstance(e, Finished)]
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert 0 < len(failed) < 5
    for outcome in failed:
        assert "File too large" in outcome.error
        assert "in write_state" in outcome.traceback
    # Nor is there a part of what did not fit.
    sizes = [file.stat().st_size for file in (tmp_path / "trials").iterdir()]
    assert max(sizes) < 10_000
    fitted = search(tmp_path, 9, **RUNGS).fit(*WINE)
    before = [outcome.status for outcome in outcomes]
    status = [trial.status for trial in fitted.trials_]
    assert status == [*before, *["completed"] * 4]
    assert 4096 in [trial.params["units"] for trial in fitted.trials_[5:]]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_an_archive_that_does_not_fit_leaves_the_model_before_it(tmp_path):
    search(tmp_path, 1, **WIDE).fit(*WINE)
    model = (tmp_path / "model.keras").read_bytes()
    # More than the weights, less than the model with its preprocessing.
    process = fit_limited(tmp_path, len(model) - 1000, 3, "WIDE")
    assert process.returncode != 0
    assert "in assemble" in process.stderr
    assert "File too large" in process.stderr
    assert (tmp_path / "model.keras").read_bytes() == model
    assert list(tmp_path.rglob("final-*")) == []
    assert list(tmp_path.rglob(UNFINISHED)) == []
    fitted = search(tmp_path, 3, **WIDE).fit(*WINE)
    assert [trial.status for trial in fitted.trials_] == ["completed"] * 3
    assert (tmp_path / "model.keras").read_bytes() != model


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_a_full_disk_is_not_taken_for_a_model_that_cannot_be_saved(tmp_path):
    process = fit_limited(tmp_path, 100_000, 1, "WIDE")
    assert process.returncode != 0
    assert "File too large" in process.stderr
    assert "Replace Lambda layers" not in process.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no permissions of files there")
def test_16_a_directory_that_cannot_be_made_is_an_error_before_training(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(OSError, match="file"):
        search(tmp_path / "file" / "study", 1).fit(*WINE)


def damage(directory, name, change):
    path = next(directory.rglob(name))
    data = bytearray(path.read_bytes())
    path.write_bytes(change(data))


def truncate(data):
    return data[: len(data) // 2]


def flip(data):
    data[len(data) // 2] ^= 1
    return data


@pytest.mark.parametrize("change", [truncate, flip])
def test_19_damaged_weights_of_the_best_are_trained_again(tmp_path, change):
    fitted = search(tmp_path, 2).fit(*WINE)
    (tmp_path / "model.keras").unlink()
    damage(tmp_path, "*-variables.npz", change)
    assert told(search(tmp_path, 2).fit(*WINE)) == told(fitted)


@pytest.mark.parametrize("change", [truncate, flip])
def test_19_a_damaged_model_is_made_again(tmp_path, change):
    fitted = search(tmp_path, 2).fit(*WINE)
    damage(tmp_path, "model.keras", change)
    assert told(search(tmp_path, 2).fit(*WINE)) == told(fitted)


def test_17_garbage_in_the_journal_is_refused_by_its_line(tmp_path):
    search(tmp_path, 2).fit(*WINE)
    damage(tmp_path, "journal.jsonl", flip)
    with pytest.raises(DamagedFileError, match=r"line \d+ of .*overwrite=True"):
        search(tmp_path, 2).fit(*WINE)
    assert search(tmp_path, 1, overwrite=True).fit(*WINE).n_trials_ == 1


def test_18_garbage_in_the_facts_is_refused(tmp_path):
    search(tmp_path, 1).fit(*WINE)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(DamagedFileError, match=r"study\.json.*overwrite=True"):
        search(tmp_path, 1).fit(*WINE)


def test_20_a_study_of_format_1_goes_on(tmp_path):
    directory = tmp_path / "study"
    shutil.copytree(OLD_STUDY, directory)
    facts = json.loads((directory / "study.json").read_text())
    assert facts["format"] == 1
    # The versions of then are not those of now, as its first line says.
    from skautonas.estimators._fingerprint import versions

    facts["versions"] = versions()
    (directory / "study.json").write_text(json.dumps(facts))
    fitted = search(directory, 5, **OLD).fit(*WINE)
    recorded = json.loads((OLD_STUDY / "told.json").read_text())
    assert fitted.n_trials_ == 5
    assert [t.params for t in fitted.trials_[:3]] == recorded["params"]
    assert [t.score for t in fitted.trials_[:3]] == recorded["scores"]


def test_20_a_study_of_a_later_format_is_refused(tmp_path):
    search(tmp_path, 1).fit(*WINE)
    facts = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(facts | {"format": 2}))
    with pytest.raises(StudyExistsError, match="format 2, of another version"):
        search(tmp_path, 1).fit(*WINE)


def test_21_a_study_is_not_taken_for_another(tmp_path):
    search(tmp_path, 1).fit(*WINE)
    with pytest.raises(StudyExistsError, match="another data"):
        search(tmp_path, 1).fit(WINE[0] * 2, WINE[1])
    with pytest.raises(StudyExistsError, match="another metric"):
        search(tmp_path, 1, scoring="f1_macro").fit(*WINE)

"""Scenarios 15 to 21: full disks, directories that cannot be written, damaged files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from skautonas.exceptions import DamagedFileError, StudyExistsError
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
from tests.faults.fit import search
estimator = search(sys.argv[1], 4)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
estimator.fit(*load_wine(return_X_y=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_15_a_checkpoint_that_does_not_fit_is_an_error_that_says_so(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "study")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode != 0
    assert "File too large" in process.stderr
    assert list((tmp_path / "study").glob("*.keras")) == []


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

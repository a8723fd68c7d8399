"""What the rows of the benchmark say of the parts of a search."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def standing(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module("standing")


@pytest.fixture
def gains(standing):
    return standing.gains_by_set


def row(system, score, commit, *, data="adult", split=0, status="ok", boot="x"):
    return {
        "system": system,
        "set": data,
        "split": split,
        "budget": 60.0,
        "commit": commit,
        "machine": {"boot": boot},
        "score": score,
        "status": status,
    }


def test_parts_compare_rows_of_one_commit_and_one_machine(gains):
    rows = [
        row("ours", 0.5, "a"),
        row("without", 0.25, "a"),
        row("ours", 0.875, "b"),
        row("without", 0.375, "b", boot="y"),
        row("ours", 0.5, "b", split=1),
        row("without", 0.25, "c", split=1),
        row("ours", 0.5, "b", split=2, status="killed"),
        row("without", 0.25, "b", split=2),
    ]
    assert gains(rows, "ours", "without") == {"adult": 0.25}
    rows.append(row("constant", 0.0, None, split=2))
    assert gains(rows, "ours", "without") == {"adult": 0.0}  # 0.25 and -0.25


def test_the_latest_commit_of_both_counts_and_splits_are_averaged(gains):
    rows = [
        row("ours", 0.5, "a"),
        row("without", 0.25, "a"),
        row("ours", 0.75, "b"),
        row("without", 0.625, "b"),
        row("ours", 0.5, "b", split=1),
        row("without", 0.625, "b", split=1),
        row("ours", 0.5, "b", data="letter"),
        row("without", 0.75, "b", data="letter"),
    ]
    assert gains(rows, "ours", "without") == {"adult": 0.0, "letter": -0.25}


def test_a_failure_counts_as_the_constant_prediction(standing, capsys):
    rows = {
        (system, "concrete", 0): row(system, score, "a", status=status)
        for system, score, status in [
            ("ours", 0.75, "ok"),
            ("net", 0.9, "killed"),
            ("constant", 0.25, "ok"),
        ]
    }
    assert standing.values_of(rows)["net", "concrete", 0] == 0.25
    standing.print_differences(rows, ["net", "constant"], ["concrete"])
    assert "| concrete | +50.0* | +50.0 |" in capsys.readouterr().out


def test_what_calibration_is_worth_is_a_mean_by_set(standing, capsys):
    rows = [
        row("ours", 0.5, commit, data=data, split=split)
        | {"log_loss_uncalibrated": 0.5 + gain, "log_loss_probabilities": 0.5}
        for commit, data, split, gain in [
            ("a", "adult", 0, 4.0),
            ("b", "adult", 0, 0.25),  # in place of the row above
            ("b", "adult", 1, 0.75),
            ("b", "letter", 0, -0.25),
        ]
    ]
    standing.print_parts(rows, 60.0)
    said = capsys.readouterr().out
    assert "| calibration (of the log-loss) | 2 | +12.50 | +12.50 | 1 | 1 |" in said

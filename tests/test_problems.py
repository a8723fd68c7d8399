"""How the benchmark scores predictions."""

import importlib
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def problems(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module("problems")


@pytest.mark.parametrize(
    ("scoring", "y", "predicted", "expected"),
    [
        ("accuracy", ["a", "b", "b", "c"], ["a", "b", "c", "c"], 0.75),
        ("accuracy", [0, 1, 1, 0], ["0", "1", "0", "0"], 0.75),
        ("r2", [0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 2.0], 0.8),
    ],
)
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_column_of_predictions_is_compared_row_by_row(
    problems, scoring, y, predicted, expected, shape
):
    labels = np.array(predicted).reshape(shape)
    score = problems.score(scoring, np.array(y), {"labels": labels})
    assert score == pytest.approx(expected)

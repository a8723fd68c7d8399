"""Rows as fidelity: which rows the trials of a rung train on."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skautonas import TabularSearchRegressor
from skautonas.data.rows import Rows
from skautonas.estimation.evaluate import _training_rows, evaluate
from skautonas.estimation.scoring import make_scorer
from skautonas.estimation.study import encode_fold, forget_study, write_study
from skautonas.estimation.task import TrialTask
from skautonas.estimators._study import make_study
from skautonas.space import TabularSpace
from skautonas.space.base import complete


@pytest.fixture
def study(tmp_path):
    space = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
    search = TabularSearchRegressor(space=space, refit=False)
    search.scorer_ = make_scorer("r2")
    rows = Rows(*load_diabetes(return_X_y=True))
    made = make_study(search, rows, rows, None, 0, str(tmp_path))
    write_study(made, tmp_path / "study.pickle")
    encode_fold(str(tmp_path / "study.pickle"), 0)
    yield made
    forget_study()


def task_of(study, share):
    source = study.whole.source
    return TrialTask(
        0,
        0,
        complete(source.declare(), source.starts[0]),
        1,
        f"{study.folder}/study.pickle",
        study.folder,
        max_epochs=2,
        rows=share,
    )


def rows_of(study, share):
    (fold,) = study.folds
    return np.arange(fold.n_rows)[_training_rows(task_of(study, share), fold)]


def test_a_rung_has_its_share_of_the_rows_that_train(study):
    (fold,) = study.folds
    for share in (1 / 9, 1 / 3, 0.5, 1.0):
        numbers = rows_of(study, share)
        assert len(numbers) == round(share * fold.n_rows)
        assert (np.diff(numbers) > 0).all()
        assert numbers[-1] < fold.n_rows
    # They are not the first ones: rows may be sorted.
    assert rows_of(study, 1 / 3)[-1] > fold.n_rows * 2 / 3


def test_the_rows_of_a_rung_are_among_those_of_the_next(study):
    ninth, third, all_rows = (set(rows_of(study, s)) for s in (1 / 9, 1 / 3, 1.0))
    assert ninth < third < all_rows
    assert set(rows_of(study, 1 / 3)) == third  # whichever trial asks


def test_a_trial_trains_on_the_rows_of_its_rung_alone(study):
    (fold,) = study.folds
    targets = np.load(f"{fold.folder}/targets.npy")
    others = np.setdiff1d(np.arange(fold.n_rows), rows_of(study, 1 / 3))
    targets[others] = np.nan
    np.save(f"{fold.folder}/targets.npy", targets)
    assert evaluate(task_of(study, 1 / 3)).status == "completed"
    whole = evaluate(task_of(study, 1.0))
    assert "finite training loss" in whole.error

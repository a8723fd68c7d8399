"""The refit of the winner, where the time does not reach."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.data.archive import load_model
from skautonas.data.rows import Rows
from skautonas.estimation.evaluate import seconds_left
from skautonas.estimation.finish import assemble, refit
from skautonas.estimation.scoring import make_scorer
from skautonas.estimation.study import encode_fold, write_study
from skautonas.estimation.task import Member, Refit, TrialTask
from skautonas.estimation.trainer import Trainer
from skautonas.estimators._study import make_study
from skautonas.exceptions import NoTimeError
from skautonas.space import TabularSpace
from skautonas.space.base import complete


@pytest.fixture
def task(tmp_path):
    space = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
    search = TabularSearchClassifier(space=space)
    search.scorer_ = make_scorer("accuracy")
    rows = Rows(*load_wine(return_X_y=True))
    study = make_study(search, rows, rows, None, 0, str(tmp_path))
    file = str(tmp_path / "study.pickle")
    write_study(study, tmp_path / "study.pickle")
    encode_fold(file, None)
    source = study.whole.source
    values = complete(source.declare(), source.starts[0])
    return TrialTask(0, 0, values, 1, file, str(tmp_path), seconds=60.0)


def test_a_refit_of_too_few_epochs_is_not_kept(task, tmp_path):
    path = tmp_path / "variables.npz"
    task = replace(task, seconds=10.0)
    with pytest.raises(NoTimeError, match="epochs of 1000000"):
        refit(Refit(task, 1e6, 1e6, least_epochs=7e5), str(path))
    assert not path.exists()


def test_the_start_of_a_worker_is_time_of_its_task(task, tmp_path):
    path = tmp_path / "variables.npz"
    late = replace(task, asked_at=time.monotonic() - task.seconds)
    with pytest.raises(NoTimeError, match="before the worker had started"):
        refit(Refit(late, 1e6, 1e6, least_epochs=0.0), str(path))
    assert seconds_left(late, time.monotonic()) < 0
    assert seconds_left(task, time.monotonic()) > 1


def test_a_refit_ends_with_a_low_rate(task, tmp_path, monkeypatch):
    plans, fit = [], Trainer.fit

    def spy(trainer, plan):
        plans.append(plan)
        return fit(trainer, plan)

    monkeypatch.setattr(Trainer, "fit", spy)
    task = replace(task, seconds=None)
    refit(Refit(task, 10, 3, least_epochs=0.0), str(tmp_path / "variables.npz"))
    (plan,) = plans
    assert plan.share == pytest.approx(0.3)
    assert 0.0 < plan.cooldown < 1.0


def test_a_refit_of_epochs_enough_is_kept(task, tmp_path):
    variables, path = str(tmp_path / "variables.npz"), str(tmp_path / "model.keras")
    task = replace(task, seconds=6.0)
    refit(Refit(task, 1e6, 1e6, least_epochs=0.0), variables)
    assemble([Member(task, variables, temperature=1.0)], True, path)
    model = load_model(Path(path).read_bytes())
    assert model({"numeric": np.ones((2, 13))}).shape == (2, 3)

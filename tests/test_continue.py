"""A training in two parts equals one in one part, on real spaces and data."""

from dataclasses import replace

import numpy as np
import pytest

from skautonas.data.rows import Rows
from skautonas.estimation.checkpoint import read_arrays, read_state
from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.scoring import make_scorer
from skautonas.estimation.study import encode_fold, write_study
from skautonas.estimation.task import TrialTask
from skautonas.estimators._study import make_study
from skautonas.exceptions import DamagedFileError
from skautonas.space.base import complete
from tests.conftest import PROBLEMS


@pytest.fixture
def train(tmp_path, request):
    """Return a function that trains a share of the schedule of one configuration.

    Its layers draw dropout and, of images, augmentation.
    """
    name, cv = request.param
    problem = PROBLEMS[name]()
    search = problem.estimator(cv=cv, refit=True)
    search.scorer_ = make_scorer(search._default_scoring)
    X = problem.X_train[:300]
    X = np.array(X, dtype=object) if isinstance(X, list) else X
    rows = Rows(X, np.asarray(problem.y_train[:300]))
    study = make_study(search, rows, rows, None, 0, str(tmp_path / "data"))
    file = tmp_path / "data" / "study.pickle"
    write_study(study, file)
    for fold in range(len(study.folds)):
        encode_fold(str(file), fold)
    source = study.whole.source
    hp = source.declare()
    drawing = {
        p.name: p.values[-1]
        for p in hp.space
        if p.name.endswith(("dropout", "augmentation", "averaging"))
    }
    values = complete(hp, source.starts[-1] | drawing | {"recipe/schedule": "cosine"})
    assert any(values.get(name) for name in drawing)

    def evaluate_share(number, share, states=(), **more):
        task = TrialTask(
            number, 0, values, 7, str(file), str(tmp_path), 6, share, 1.0, states
        )
        outcome = evaluate(replace(task, **more))
        assert outcome.error is None, outcome.traceback
        return outcome

    return evaluate_share


MODALITIES = ("image-classifier", "text-classifier", "tabular-regressor")
ONE_FOLD = [(name, None) for name in MODALITIES]


@pytest.mark.parametrize("train", ONE_FOLD, ids=MODALITIES, indirect=True)
def test_two_parts_equal_one(train, tmp_path):
    # Both end before the schedule does, so that where they stopped is written.
    whole = train(0, 5 / 6)
    part = train(1, 1 / 3)
    rest = train(2, 5 / 6, part.states)
    assert part.epochs < rest.epochs == whole.epochs
    assert rest.start_epoch == part.epochs
    one, two = (read_state(tmp_path / o.states[0]) for o in (whole, rest))
    assert one.done == two.done
    for name in ("variables", "optimizer"):
        for ours, theirs in zip(getattr(one, name), getattr(two, name), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert one.best_epoch == two.best_epoch
    # Of losses, a mean since the latest part began.
    epochs_and_scores = [
        np.reshape(state.curve, (-1, 3))[:, [0, 2]] for state in (one, two)
    ]
    np.testing.assert_allclose(*epochs_and_scores, atol=1e-6)
    assert rest.score == pytest.approx(whole.score, abs=1e-6)
    assert rest.best_epoch == whole.best_epoch
    assert rest.earlier_seconds > 0


@pytest.mark.parametrize("train", [("tabular-regressor", 2)], indirect=True)
def test_each_fold_goes_on_by_itself(train):
    whole, part = train(0, 1.0), train(1, 0.5)
    assert len(part.states) == 2
    rest = train(2, 1.0, part.states)
    assert rest.scores == pytest.approx(whole.scores, abs=1e-6)
    assert rest.states == ()


@pytest.mark.parametrize("train", [("tabular-regressor", None)], indirect=True)
def test_a_damaged_state_is_trained_again(train, tmp_path):
    whole, part = train(0, 1.0), train(1, 0.5)
    for name in part.states:
        path = tmp_path / name
        with path.open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(DamagedFileError, match="cannot be read"):
            read_state(path)
    rest = train(2, 1.0, part.states)
    assert rest.start_epoch == 0.0
    assert rest.score == pytest.approx(whole.score)


@pytest.mark.parametrize("train", [("tabular-regressor", None)], indirect=True)
def test_a_changed_bit_is_noticed(train, tmp_path):
    whole = train(0, 1.0)
    path = tmp_path / whole.checkpoint
    assert len(read_arrays(path)) > 2
    with path.open("r+b") as file:
        file.seek(-1000, 2)
        byte = file.read(1)
        file.seek(-1000, 2)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(DamagedFileError, match="cannot be read"):
        read_arrays(path)


@pytest.mark.parametrize("train", [("tabular-regressor", None)], indirect=True)
@pytest.mark.parametrize("place", [4, 6, 8])  # version, flags, method
def test_a_changed_header_is_noticed(train, tmp_path, place):
    path = tmp_path / train(0, 1.0).checkpoint
    content = bytearray(path.read_bytes())
    # Those of the last file, in the directory of the archive.
    content[content.rindex(b"PK\x01\x02") + place + 2] ^= 0x41
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="cannot be read"):
        read_arrays(path)


@pytest.mark.parametrize("train", [("tabular-regressor", None)], indirect=True)
def test_a_part_of_the_rows_trains_in_fewer_steps(train):
    third = train(0, 1.0, rows=1 / 3, max_epochs=3)
    whole = train(1, 1.0, max_epochs=3)
    assert third.epochs == whole.epochs == 3
    assert third.states == ()
    assert third.score != whole.score


@pytest.mark.parametrize("train", [("tabular-regressor", None)], indirect=True)
def test_a_training_below_the_floor_stops(train):
    outcome = train(0, 1.0, floors=((0.2, -9.0), (0.5, 2.0)))
    assert outcome.status == "stopped"
    assert 0.5 <= outcome.epochs / outcome.planned_epochs < 0.9
    assert outcome.score == max(score for _, _, score in outcome.curve)

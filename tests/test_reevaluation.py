"""The best trials on a fresh split, before one of them wins."""

import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from skautonas import TabularSearchClassifier, TabularSearchRegressor
from skautonas.data.rows import Rows
from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.scoring import make_scorer
from skautonas.estimation.study import encode_fold, read_labels, write_study
from skautonas.estimation.task import (
    WRITE_SECONDS,
    Seconds,
    TrialOutcome,
    TrialTask,
)
from skautonas.estimators._study import FEW_ROWS, FINALS_ROWS, make_study
from skautonas.search.budget import Budget
from skautonas.search.finalists import (
    AGAIN_MARGIN,
    MOST_FINALISTS,
    finalists,
    seconds_of_all,
    winner_of,
)
from skautonas.search.finish import Finisher
from skautonas.search.interrupt import Interrupt
from skautonas.search.proposal import Proposal
from skautonas.search.reevaluation import reevaluate
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial
from skautonas.space import TabularSpace
from skautonas.space.base import complete

SMALL = TabularSpace(architectures=("mlp", "residual"), units=(16, 32), layers=(1, 2))
QUICK = {"space": SMALL, "max_trials": 4, "max_epochs": 20, "random_state": 0}
DIABETES = load_diabetes(return_X_y=True)


def regressor(**options):
    """Return a search whose trials see one split, however few rows there are."""
    search = TabularSearchRegressor(**options)
    search._few_rows = 0
    return search


def trial(number, score, seconds=1.0, share=1.0, epochs=0.0):
    outcome = TrialOutcome(
        "completed",
        score=score,
        scores=(score,),
        seconds=Seconds(total=seconds),
        epochs=epochs,
        best_epoch=epochs,
        planned_epochs=epochs,
    )
    task = TrialTask(number, 0, {}, 0, "", "")
    return Trial(task, Proposal(number, {}, share), outcome, 0.0)


def numbers(trials):
    return [trial.number for trial in trials]


def chosen(compared, seconds, n_workers):
    trials = finalists(compared, AGAIN_MARGIN * seconds, n_workers)
    ends = seconds_of_all(trials, n_workers)
    return numbers(trials), pytest.approx(ends / AGAIN_MARGIN)


def test_the_best_trials_that_fit_are_finalists():
    best_first = [trial(k, -k, seconds) for k, seconds in enumerate([3, 9, 2, 4])]
    assert chosen(best_first, 6.5, 2) == ([0, 2, 3], 6.0)
    assert chosen(best_first, 5.5, 2) == ([0, 2], 3.0)
    assert chosen(best_first, 3.5, 1) == ([], 0.0), "one alone tells nothing"
    assert chosen(best_first, 2.5, 4) == ([], 0.0), "without the best one"
    assert chosen(best_first, 1e3, 1) == ([0, 1, 2, 3], 18.0)
    many = [trial(k, -k) for k in range(30)]
    assert chosen(many, 1e3, 2) == (list(range(MOST_FINALISTS)), MOST_FINALISTS / 2)
    assert chosen([], 1e3, 2) == ([], 0.0)


def test_what_trained_in_part_is_not_compared_further():
    short = [trial(0, 0.5, share=0.3), trial(1, 0.4, share=0.3)]
    assert chosen(short, 1e3, 2) == ([], 0.0)


@pytest.mark.parametrize(
    ("fresh", "winner"),
    [
        ({3: 0.85, 7: 0.85, 0: 0.85}, 3),
        ({3: 0.8, 7: 0.86, 0: 0.85}, 7),
        ({3: 0.75, 7: 0.75, 0: 0.875}, 0),
        ({3: 0.75, 7: 0.8}, 3),  # equal: the earlier one
        ({3: 0.1, 0: 0.2}, 3),
    ],
)
def test_the_best_mean_of_both_splits_wins(fresh, winner):
    compared = [trial(3, 0.875), trial(7, 0.825), trial(0, 0.75)]
    assert winner_of(compared, fresh).number == winner


class Pool:
    """An executor that runs what is begun, and remembers what it was asked."""

    def __init__(self, answers, n_begun):
        self.futures, self.killed, self.tasks = [], [], []
        self.answers, self.n_begun = answers, n_begun

    def submit(self, function, task):
        assert function is evaluate
        future = Future()
        self.tasks.append(task)
        self.futures.append(future)
        answer = self.answers.get(task.number)
        if len(self.futures) <= self.n_begun or answer is not None:
            future.set_running_or_notify_cancel()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(answer)
        return future

    def kill(self, future):
        self.killed.append(self.futures.index(future))


def finals(answers, n_begun=9, requested=False, n_trials=3):
    trials = [trial(k, -k, epochs=10.0) for k in range(n_trials)]
    pool = Pool(answers, n_begun)
    interrupt = Interrupt()
    interrupt.requested = requested
    return reevaluate(trials, pool, 0.3, interrupt), pool


def test_what_is_done_does_not_run_where_it_was_interrupted():
    done, waiting = Future(), Future()
    done.set_result(None)
    interrupt = Interrupt()
    assert interrupt.wait([done, waiting], 0.0) == {waiting}
    interrupt.requested = True
    assert interrupt.wait([done, waiting], 9.0) == {waiting}


def test_scores_are_those_of_whole_trainings():
    part = replace(trial(0, 0.9, epochs=10.0).outcome, planned_epochs=4.0)
    begun = replace(trial(0, 0.9, epochs=10.0).outcome, epochs=0.1)
    failed = TrialOutcome("failed", error="none")
    fine = trial(0, -0.25, epochs=10.0).outcome
    assert finals({0: fine, 1: part, 2: fine})[0] == {0: -0.25, 2: -0.25}
    assert finals({0: fine, 1: begun, 2: failed})[0] == {0: -0.25}
    assert finals({0: fine, 1: ValueError("x"), 2: fine})[0] == {0: -0.25, 2: -0.25}
    assert finals({0: failed, 1: fine, 2: fine})[0] == {}, "without the best one"


def test_what_is_late_ends_and_what_has_not_begun_never_does():
    fine = trial(0, 0.5, epochs=10.0).outcome
    scores, pool = finals({0: fine}, n_begun=2, n_trials=5)
    assert scores == {0: 0.5}
    assert pool.killed == [1]
    assert [future.cancelled() for future in pool.futures[2:]] == [True] * 3


def test_an_interrupt_leaves_the_winner_of_the_first_split():
    fine = trial(0, 0.5, epochs=10.0).outcome
    assert finals({0: fine, 1: fine, 2: fine}, requested=True)[0] == {}


def test_each_training_gets_the_time_of_its_trial():
    fine = trial(0, 0.5, epochs=10.0).outcome
    _, pool = finals({0: fine, 1: fine, 2: fine})
    assert {task.seconds for task in pool.tasks} == {AGAIN_MARGIN + WRITE_SECONDS}
    assert all(task.fresh and task.asked_at is None for task in pool.tasks)


def make(tmp_path, y=None, n_rows=None, **options):
    search = TabularSearchClassifier(space=SMALL, **options)
    search.scorer_ = make_scorer(search.scoring or "accuracy")
    X, labels = load_wine(return_X_y=True)
    y = labels if y is None else y
    search._few_rows = 0  # several splits of few rows need no other one
    chosen = np.arange(n_rows or len(y)) % len(y)
    rows = Rows(X[chosen], y[chosen])
    return make_study(search, rows, rows, None, 0, str(tmp_path))


def test_a_fresh_split_validates_rows_that_trained(tmp_path):
    study = make(tmp_path)
    (fold,), (fresh,) = study.folds, study.fresh
    assert sorted(fresh.order) == list(range(178))
    assert fresh.source is fold.source, "of one architecture, and compiled once"
    assert fresh.validates.max() < fold.n_rows
    assert len(fresh.validates) == 178 - fold.n_rows == 178 - fresh.n_rows
    before, now = read_labels(fold), read_labels(fresh)
    np.testing.assert_array_equal(np.bincount(before), np.bincount(now))


def test_a_task_on_the_fresh_split_is_scored_there_and_writes_nothing(tmp_path):
    study = make(tmp_path)
    file = tmp_path / "study.pickle"
    write_study(study, file)
    encode_fold(str(file), 0)
    values = complete(study.whole.source.declare(), study.whole.source.starts[0])
    (tmp_path / "trials").mkdir()
    folder = str(tmp_path / "trials")
    task = TrialTask(0, 0, values, 1, str(file), folder, max_epochs=30, fresh=True)
    outcome = evaluate(task)
    assert outcome.status == "completed", outcome.traceback
    assert outcome.score > 0.8
    assert outcome.files == []
    task.built.unlink()
    assert not list((tmp_path / "trials").iterdir())
    counts = np.bincount(read_labels(study.fresh[0]))
    assert outcome.score * counts.sum() == pytest.approx(
        round(outcome.score * counts.sum())
    )


@pytest.mark.parametrize(
    "options",
    [
        {"time_budget": None},
        {"refit": False},
        {"ensemble_size": 2},
        {"cv": 2},
        {"validation_fraction": 0.5},
    ],
)
def test_where_there_is_no_fresh_split(tmp_path, options):
    assert make(tmp_path, **options).fresh == ()


def test_values_of_the_fresh_split_are_not_known(tmp_path):
    X, y = DIABETES
    y = y.copy()
    search = regressor(space=SMALL)
    search.scorer_ = make_scorer("r2")
    y[np.argsort(y)[-30:]] *= 10
    rows = Rows(X, y, weights=np.linspace(1, 2, len(y)))
    study = make_study(search, rows, rows, None, 0, str(tmp_path))
    (fold,), (fresh,) = study.folds, study.fresh
    unseen = read_labels(fresh)
    known = np.setdiff1d(y, unseen)
    assert fresh.targets.high == known.max()
    assert fresh.targets.low == known.min()
    assert fresh.targets.mean == fold.targets.mean
    assert len(unseen) == len(read_labels(fold))


def build_anything(hp):
    raise AssertionError("nothing is built here")


def test_what_a_users_model_predicts_is_cut_nowhere(tmp_path):
    search = regressor(space=build_anything)
    search.scorer_ = make_scorer("r2")
    rows = Rows(*DIABETES)
    study = make_study(search, rows, rows, None, 0, str(tmp_path))
    for fold in (*study.folds, *study.fresh, study.whole):
        assert fold.targets.low == -np.inf
        assert fold.targets.high == np.inf


@pytest.mark.parametrize("n_rows", [400, FEW_ROWS + 1])
@pytest.mark.parametrize("has_own", [False, True])
def test_a_refit_predicts_all_values_that_it_trains_on(tmp_path, n_rows, has_own):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_rows, 2)), rng.standard_t(2, size=n_rows)
    search = regressor()
    search.scorer_ = make_scorer("r2")
    given, own = Rows(X, y), None
    if has_own:
        given, own = Rows(X[:-90], y[:-90]), Rows(X[-90:], y[-90:])
    study = make_study(search, given, given, own, 0, str(tmp_path))
    assert (study.whole.targets.low, study.whole.targets.high) == (y.min(), y.max())
    (fold,) = study.folds
    trained = np.setdiff1d(y, read_labels(fold))
    assert (fold.targets.low, fold.targets.high) == (trained.min(), trained.max())


@pytest.mark.parametrize(
    ("elapsed", "scored"), [(10.0, [0, 1, 2, 3]), (45.0, [0, 1, 3])]
)
def test_what_could_not_be_refitted_is_not_scored_again(elapsed, scored):
    best_first = [
        trial(k, -k, seconds, epochs=10.0) for k, seconds in enumerate([1, 1, 8, 1])
    ]
    assert scored_again(best_first, elapsed) == scored


def test_only_trials_that_keep_their_weights_are_scored_again():
    best_first = [
        trial(k, -k, 30.0 if k == 2 else 0.1, epochs=10.0)
        for k in range(MOST_FINALISTS + 2)
    ]
    assert scored_again(best_first, 10.0) == [0, 1, 3, 4, 5, 6, 7]


def scored_again(best_first, elapsed):
    """Return the numbers of those that are, after so many seconds of a minute."""
    rules = Rules(None, 1.25, 1, in_order=False, refits_at_once=2, has_finals=True)
    pool = Pool({t.number: t.outcome for t in best_first}, n_begun=9)
    now = [0.0]
    budget = Budget(60.0, clock=lambda: now[0])
    now[0] = elapsed
    finisher = Finisher(rules, pool, budget, None, Interrupt())
    scores = finisher._fresh_scores(best_first[0], best_first)
    assert list(scores) == [task.number for task in pool.tasks]
    return list(scores)


def test_the_winner_is_scored_again_whatever_the_rounding():
    best_first = [
        trial(k, -k, seconds, epochs=10.0) for k, seconds in enumerate([0.13, 0.05])
    ]
    rules = Rules(None, 1.25, 1, in_order=False, refits_at_once=2, has_finals=True)
    for tenths in range(474, 590):
        pool = Pool({t.number: t.outcome for t in best_first}, n_begun=9)
        now = [0.0]
        budget = Budget(60.0, clock=now.pop)
        now.extend([tenths / 10] * 9)
        finisher = Finisher(rules, pool, budget, None, Interrupt())
        finisher._fresh_scores(best_first[0], best_first)
        assert [task.number for task in pool.tasks] == [0, 1], tenths


def test_a_class_that_the_fresh_split_cannot_validate(tmp_path):
    y = load_wine().target.copy()
    y[:2] = 3
    assert make(tmp_path / "a", y, scoring="neg_log_loss").fresh == ()
    assert make(tmp_path / "b", y, scoring="accuracy").fresh


def test_many_rows_need_no_fresh_split(tmp_path):
    assert make(tmp_path / "a", n_rows=FINALS_ROWS).fresh
    assert make(tmp_path / "b", n_rows=FINALS_ROWS + 1).fresh == ()


def test_the_winner_is_one_of_those_scored_again(tmp_path):
    search = regressor(**QUICK, time_budget=30, directory=tmp_path)
    search.fit(*DIABETES)
    again = search.reevaluated_
    assert len(again) >= 2
    best = search.trials_[search.best_index_]
    assert best.number in again
    assert search.ensemble_ == [(best.number, 1.0)]
    means = {number: again[number] + search.trials_[number].score for number in again}
    assert best.number == max(means, key=means.get)
    assert search.best_score_ <= best.score, "the second one chooses, and is not told"
    assert search.refitted_
    assert search.score(*DIABETES) > 0.3
    repeated = regressor(**QUICK, time_budget=30, directory=tmp_path)
    repeated.fit(*DIABETES)
    assert repeated.reevaluated_ == again
    assert repeated.best_index_ == search.best_index_
    assert repeated.best_score_ == search.best_score_
    ends = [
        json.loads(line.partition(" ")[2])
        for line in (tmp_path / "journal.jsonl").read_text().splitlines()
        if '"ended"' in line
    ]
    assert len(ends) == 1, "nothing was done twice"


def test_validation_rows_of_the_user_are_the_only_ones():
    X, y = DIABETES
    search = regressor(**QUICK, time_budget=20)
    search.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert search.reevaluated_ == {}

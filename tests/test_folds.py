"""Several folds of one trial: one curve, one epoch, one comparison."""

import pytest

from skautonas.estimation.folds import combine
from skautonas.estimation.task import Seconds, TrialOutcome, TrialTask
from skautonas.estimation.training import Training
from skautonas.search.proposal import Proposal
from skautonas.search.trial import Trial


def training(*scores, epochs=None, planned=None):
    epochs = epochs or range(1, len(scores) + 1)
    curve = [(float(e), 1.0 / e, s) for e, s in zip(epochs, scores, strict=True)]
    best = max(curve, key=lambda point: (point[2], point[0]))
    return Training(
        [],
        score=best[2],
        best_epoch=best[0],
        epochs=curve[-1][0],
        planned_epochs=planned or 4.0,
        curve=curve,
    )


def test_the_epoch_is_best_for_the_folds_together():
    folds = [training(0.9, 0.8, 0.5), training(0.1, 0.6, 0.8)]
    validated = combine(folds, restore_best_epoch=True)
    assert validated.best_epoch == 2.0
    assert validated.scores == (0.8, 0.6)
    assert [score for _, _, score in validated.curve] == pytest.approx([0.5, 0.7, 0.65])


def test_of_equal_epochs_the_latest_is_kept():
    folds = [training(0.5, 0.5, 0.5), training(0.5, 0.5, 0.5)]
    assert combine(folds, restore_best_epoch=True).best_epoch == 3.0


def test_a_fold_that_stopped_early_bounds_the_others():
    folds = [training(0.5, 0.6), training(0.5, 0.6, 0.7, 0.9)]
    validated = combine(folds, restore_best_epoch=True)
    assert validated.best_epoch == 2.0
    assert validated.scores == (0.6, 0.6)


def test_folds_that_validate_at_other_epochs_are_read_at_the_latest_point():
    folds = [
        training(0.1, 0.2, 0.3, epochs=(4, 8, 12)),
        training(0.1, 0.4, 0.9, epochs=(5, 10, 15)),
    ]
    for order in (folds, folds[::-1]):
        validated = combine(order, restore_best_epoch=True)
        epochs = [epoch for epoch, _, _ in validated.curve]
        assert epochs == pytest.approx([5.0, 8.0, 10.0, 12.0])
        assert sorted(validated.scores) == [0.3, 0.4]


@pytest.mark.parametrize("restore", [True, False])
def test_a_fold_that_ended_before_the_first_point_of_another(restore):
    folds = [training(0.1, epochs=(4,)), training(0.3, epochs=(0.5,))]
    for order in (folds, folds[::-1]):
        validated = combine(order, restore)
        assert sorted(validated.scores) == [0.1, 0.3]
        assert validated.best_epoch == 4.0


def test_schedules_that_the_time_cut_differently_meet_where_they_are_as_far():
    long = training(0.2, 0.5, 1.0, epochs=(20, 50, 100), planned=100)
    short = training(0.2, 0.5, 1.0, epochs=(4, 10, 20), planned=20)
    validated = combine([long, short], restore_best_epoch=True)
    assert validated.scores == (1.0, 1.0)
    assert validated.best_epoch == pytest.approx(60)


def test_rounding_does_not_decide_between_equal_means():
    folds = [training(0.8, 0.9), training(0.9, 0.8), training(0.82, 0.82)]
    folds += [training(0.84, 0.84), training(0.84, 0.84)]
    assert combine(folds, restore_best_epoch=True).best_epoch == 2.0


def test_last_epochs_are_kept_where_the_recipe_says_so():
    folds = [training(0.9, 0.7), training(0.2, 0.6)]
    validated = combine(folds, restore_best_epoch=False)
    assert validated.scores == (0.7, 0.6)
    assert validated.best_epoch == 2.0


def test_one_fold_is_as_it_was_trained():
    one = training(0.5, 0.9, 0.7)
    validated = combine([one], restore_best_epoch=True)
    assert validated.scores == (0.9,)
    assert validated.best_epoch == 2.0
    assert validated.curve == one.curve


def trial(*scores, number=0, share=1.0):
    mean = sum(scores) / len(scores)
    outcome = TrialOutcome("completed", mean, scores, seconds=Seconds(total=1.0))
    task = TrialTask(number, 0, {}, 1, "", "")
    return Trial(task, Proposal(number, {}, share), outcome, 1.0)


def test_a_difference_within_a_standard_error_does_not_beat():
    earlier = trial(0.80, 0.70, 0.75, 0.80, 0.70)
    lucky = trial(0.90, 0.65, 0.75, 0.80, 0.70)
    assert lucky.beats(earlier, by_standard_error=False)
    assert not lucky.beats(earlier, by_standard_error=True)
    steady = trial(0.82, 0.72, 0.77, 0.82, 0.72)
    assert steady.beats(earlier, by_standard_error=True)
    assert not earlier.beats(earlier, by_standard_error=True)


def test_one_fold_has_no_standard_error():
    assert trial(0.81).beats(trial(0.80), by_standard_error=True)


def test_a_longer_rung_beats_a_shorter_one():
    assert trial(0.5, share=0.9).beats(trial(0.9, share=0.3), by_standard_error=True)
    assert not trial(0.9, share=0.3).beats(trial(0.5), by_standard_error=False)

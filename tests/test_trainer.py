"""The compiled loop on small models, with a fake clock where time matters."""

import itertools
import math
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from skautonas.data.facts import Facts
from skautonas.estimation.compiled import CompiledModel
from skautonas.estimation.plan import Plan, Progress
from skautonas.estimation.steps import compile_predict, row_batches
from skautonas.estimation.trainer import (
    NotFiniteError,
    NoTimeError,
    Trainer,
)
from skautonas.space.candidate import Candidate
from skautonas.space.compile import compile_core
from skautonas.space.recipe import Recipe

RECIPE = Recipe(
    optimizer="adam",
    learning_rate=0.01,
    schedule="constant",
    weight_decay=0.0,
    batch_size=32,
    label_smoothing=0.0,
    epochs=10,
    patience=50,
    restore_best_epoch=True,
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, 4)).astype("float32")
Y = X @ np.array([[1.0], [2.0], [-1.0], [0.5]], dtype="float32")
OUTPUTS = np.zeros((4, 1))


def make(recipe=RECIPE, clock=None, x=X, y=Y):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    facts = Facts(task="regression", n_outputs=1, n_rows=len(x), inputs={})
    compile_core(model, recipe, facts)
    clocked = {} if clock is None else {"clock": clock}
    candidate = Candidate(model, model, recipe)
    compiled = CompiledModel(candidate, (x, y), min(recipe.batch_size, len(x)))
    return Trainer(compiled, (x, y), recipe, 0, **clocked)


class Ticking:
    """A clock that goes on by a step whenever it is read."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def scores(*values):
    remaining = list(values)

    def validate():
        score = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return score, np.full((4, 1), score)

    return validate


def test_training_learns():
    training = make().fit(Plan(40))
    assert training.curve[-1][1] < 0.01 * training.curve[0][1]


def test_it_equals_keras_own_fit_on_the_same_batches():
    ours = make()
    order = np.concatenate(list(itertools.islice(row_batches(len(Y), 32, 0), 10)))
    training = ours.fit(Plan(1))
    theirs = make().model
    theirs.fit(X[order], Y[order], batch_size=32, epochs=1, shuffle=False, verbose=0)
    for one, two in zip(training.variables[:2], theirs.variables[:2], strict=True):
        np.testing.assert_allclose(one, np.array(two), atol=1e-6)


def test_the_best_epoch_is_kept():
    training = make().fit(Plan(30), scores(0.1, 0.9, 0.2, 0.3))
    assert training.score == 0.9
    assert (training.outputs[0] == 0.9).all()
    assert training.best_epoch < training.epochs


def test_of_equal_epochs_the_last_is_kept():
    training = make().fit(Plan(30), scores(0.5))
    assert training.best_epoch == training.epochs


def test_without_best_epoch_restore_the_last_is_kept():
    recipe = replace(RECIPE, restore_best_epoch=False)
    training = make(recipe).fit(Plan(30), scores(0.1, 0.9, 0.2))
    assert training.score == 0.2
    assert (training.outputs[0] == 0.2).all()
    assert training.best_epoch == training.epochs


@pytest.mark.parametrize("validate", [None, scores(0.5)])
def test_means_of_weights_are_kept_and_training_goes_by_the_weights(validate):
    plain, averaging = make(), make(replace(RECIPE, averaging=0.9))
    plain.fit(Plan(2), validate)
    kept = averaging.fit(Plan(2), validate).variables
    for one, two in zip(plain.model.variables, averaging.model.variables, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(two))
    means = averaging.model.optimizer.averages
    for one, two in zip(kept, means, strict=True):
        np.testing.assert_array_equal(one, np.array(two))
    assert not np.allclose(kept[0], np.array(plain.model.variables[0]), atol=1e-4)


def test_what_is_validated_are_the_means_of_weights():
    trainer = make(replace(RECIPE, averaging=0.9))

    def validate():
        means = trainer.model.optimizer.averages
        for one, two in zip(trainer.model.variables, means, strict=True):
            np.testing.assert_array_equal(np.array(one), np.array(two))
        return 0.5, OUTPUTS

    trainer.fit(Plan(4), validate)


def test_the_weights_return_where_a_validation_fails():
    plain, averaging = make(), make(replace(RECIPE, averaging=0.9))

    def fail():
        raise ValueError("a scorer of the user")

    for trainer in (plain, averaging):
        with pytest.raises(ValueError, match="of the user"):
            trainer.fit(Plan(4), fail)
    for one, two in zip(plain.model.variables, averaging.model.variables, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(two))


def test_a_schedule_goes_on_where_one_of_another_length_was_left():
    first = Progress(1_000)
    first.advance(100, 1.0)
    first.resize(300, 0.5)
    first.advance(50, 1.0)
    (at,) = first.of_next(1)
    assert at == pytest.approx(0.1 + 0.4)  # half of it after 150 of 300 steps
    second = Progress(first.total, first.done, first.to_go_on())
    np.testing.assert_allclose(second.of_next(151)[[0, -1]], [0.5, 1.0])


def test_an_unchanged_schedule_goes_on_to_the_last_bit():
    first = Progress(1_000)
    first.advance(100, 1.0)
    first.resize(1_000, 0.5)
    second = Progress(first.total, first.done, first.to_go_on())
    np.testing.assert_array_equal(first.of_next(9), second.of_next(9))


def test_a_schedule_ends_in_what_a_late_stall_leaves_of_its_time():
    def clock():  # step 340 takes 0.3 s
        steps = int(trainer.model.optimizer.iterations)
        return 0.01 * steps + 0.29 * (steps >= 340)

    trainer = make(replace(RECIPE, schedule="cosine"), clock=clock)
    plan = Plan(1_000, seconds=4.0)
    training = trainer.fit(plan, scores(*np.linspace(0, 1, 500)))
    assert clock() <= 4.0
    assert float(trainer.model.optimizer.learning_rate) < 0.05 * RECIPE.learning_rate
    assert training.epochs == pytest.approx(training.planned_epochs)


def test_patience_stops_training():
    recipe = replace(RECIPE, patience=6, epochs=500)
    training = make(recipe).fit(Plan(500), scores(0.9, 0.1))
    assert training.epochs <= 15


def test_patience_stops_a_score_that_swings_below_its_best():
    recipe = replace(RECIPE, patience=9, epochs=500, restore_best_epoch=False)
    swings = [0.9, *[0.1, 0.2] * 100]
    training = make(recipe).fit(Plan(500), scores(*swings))
    assert training.epochs <= 20


def test_a_refit_with_time_enough_keeps_the_rate_of_its_epoch():
    trainer = make(replace(RECIPE, schedule="cosine"), clock=Ticking(0.01))
    training = trainer.fit(Plan(100, share=0.3, seconds=6.0))
    assert training.epochs == 30.0
    assert training.planned_epochs == 100
    assert float(trainer.model.optimizer.learning_rate) > 0.7 * RECIPE.learning_rate


def test_a_refit_without_time_enough_ends_at_the_same_part_of_the_schedule():
    trainer = make(replace(RECIPE, schedule="cosine"), clock=Ticking(0.01))
    training = trainer.fit(Plan(2_000, share=0.3, seconds=3.0))
    assert training.epochs < 600
    assert training.epochs / training.planned_epochs == pytest.approx(0.3, abs=0.1)


def test_a_refit_stops_at_its_epoch_but_keeps_the_schedule():
    trainer = make(replace(RECIPE, schedule="cosine"))
    training = trainer.fit(Plan(100, share=0.07))
    assert training.epochs == 7.0
    assert training.planned_epochs == 100


def rates_of(plan, schedule, clock=None):
    """Return the learning rates that a training sets, as shares of the recipe's."""
    trainer = make(replace(RECIPE, schedule=schedule), clock=clock)
    run, rates = trainer._run, []

    def spy(batches, factors):
        rates.extend(np.array(factors) / RECIPE.learning_rate)
        return run(batches, factors)

    trainer._run = spy
    trainer.fit(plan)
    return np.array(rates)


@pytest.mark.parametrize("schedule", ["constant", "coslog4"])
def test_the_rate_falls_at_the_end_of_a_refit(schedule):
    usual = rates_of(Plan(100, share=0.3), schedule)
    cooled = rates_of(Plan(100, share=0.3, cooldown=0.2), schedule)
    assert usual[-1] > 0.5
    assert cooled[-1] < 0.02
    np.testing.assert_allclose(cooled[:240], usual[:240])
    assert (cooled <= usual + 1e-6).all()
    assert (np.diff(cooled[270:]) < 0).all()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_rate_falls_at_the_end_of_a_refit_that_the_time_shortens(share):
    plan = Plan(2_000, share=share, seconds=1.0, cooldown=0.2)
    rates = rates_of(plan, "constant", clock=Ticking(0.01))
    assert len(rates) < 0.5 * share * 2_000 * 10
    assert rates[-1] < 0.05
    assert rates.max() == pytest.approx(1.0)


def test_what_ends_low_is_not_cooled_further():
    plan = Plan(30)
    usual = rates_of(plan, "cosine")
    np.testing.assert_allclose(rates_of(replace(plan, cooldown=0.2), "cosine"), usual)


def test_time_ends_a_training_inside_an_epoch():
    x, y = np.tile(X, (4000, 1)), np.tile(Y, (4000, 1))
    trainer = make(x=x, y=y)
    start = time.monotonic()
    training = trainer.fit(Plan(50, seconds=1.0))
    assert 0 < training.epochs < 1
    assert time.monotonic() - start < 2.5


@pytest.mark.parametrize("known_rows", [9_600, 0])
def test_time_is_left_for_the_first_validation(known_rows):
    x, y = np.tile(X, (100, 1)), np.tile(Y, (100, 1))
    spent = [0.0]  # by validation

    def clock():  # a step takes 10 ms
        return 0.01 * int(trainer.model.optimizer.iterations) + spent[0]

    def validate():  # 300 batches, each for a third of a step
        spent[0] += 1.0
        return 0.5, OUTPUTS

    trainer = make(clock=clock, x=x, y=y)
    training = trainer.fit(Plan(9, seconds=3.0, validation_rows=known_rows), validate)
    assert training.score == 0.5
    assert training.epochs < 1
    if known_rows:
        assert 2.8 < clock() <= 3.05
    else:
        assert clock() > 3.9


def test_time_is_left_for_a_later_validation():
    spent, costs = [0.0], [0.2]  # the first one is quick, others are not

    def clock():
        return 0.01 * int(trainer.model.optimizer.iterations) + spent[0]

    def validate():
        spent[0] += costs.pop() if costs else 1.0
        return 0.5, OUTPUTS

    trainer = make(clock=clock)
    trainer.fit(Plan(100, seconds=4.0), validate)
    assert 3.0 < clock() <= 4.05


def test_a_first_step_that_takes_half_of_the_time_leaves_a_training():
    x, y = np.tile(X, (100, 1)), np.tile(Y, (100, 1))
    spent = [0.0]

    def clock():
        steps = int(trainer.model.optimizer.iterations)
        return 1.59 * (steps > 0) + 0.01 * steps + spent[0]

    def validate():  # the first one is traced
        spent[0] += 0.03 if spent[0] else 0.5
        return 0.5, OUTPUTS

    trainer = make(clock=clock, x=x, y=y)
    trainer.fit(Plan(9, seconds=3.0, validation_rows=320), validate)
    assert int(trainer.model.optimizer.iterations) > 60
    assert clock() <= 3.1


def test_the_schedule_shrinks_to_the_time():
    recipe = replace(RECIPE, schedule="cosine", epochs=10_000)
    trainer = make(recipe, clock=Ticking(0.01))
    training = trainer.fit(Plan(10_000, seconds=3.0))
    assert training.planned_epochs < 10_000
    rate = float(trainer.model.optimizer.learning_rate)
    assert rate < 0.25 * RECIPE.learning_rate


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize(("slow", "time_for"), [(10, 600), (50, 4_000)])
def test_a_schedule_that_slow_first_steps_shortened_grows_again(share, slow, time_for):
    def clock():  # the first steps take 100 ms, others 10 ms
        steps = int(trainer.model.optimizer.iterations)
        return 0.01 * steps + 0.09 * min(slow, steps)

    trainer = make(replace(RECIPE, schedule="cosine"), clock=clock)
    epochs = 2_000 // trainer.steps_per_epoch
    seconds = 0.09 * slow + 0.01 * time_for * share
    plan = Plan(epochs, share, seconds=seconds)
    training = trainer.fit(plan, scores(*np.linspace(0, 1, 500)))
    steps = training.epochs * trainer.steps_per_epoch
    # None after the last step that was planned.
    assert len(training.curve) <= math.ceil(training.epochs / 3) + 1
    assert training.epochs == pytest.approx(share * training.planned_epochs, rel=0.02)
    if time_for > 2_000:
        assert training.planned_epochs == epochs
    else:
        assert 0.85 * share * time_for < steps < share * time_for
    rate = float(trainer.model.optimizer.learning_rate) / RECIPE.learning_rate
    assert rate == pytest.approx(0.5 + 0.5 * np.cos(np.pi * share), abs=0.05)


@pytest.mark.parametrize(
    ("share", "least_share", "stops"),
    [(1.0, 0.5, True), (1.0, 0.1, False), (0.2, 0.5, False), (0.2, 0.9, True)],
)
def test_a_training_without_the_time_for_enough_of_it_is_given_up(
    share, least_share, stops
):
    def clock():  # a step takes 10 ms, all of them 20 s
        return 0.01 * int(trainer.model.optimizer.iterations)

    recipe = replace(RECIPE, schedule="cosine")
    trainer = make(recipe, clock=clock)
    epochs = 2_000 // trainer.steps_per_epoch
    plan = Plan(epochs, share, seconds=3.0, least_share=least_share)
    training = trainer.fit(plan, scores(0.5))
    assert training.hopeless == stops
    assert training.score == 0.5
    steps = int(trainer.model.optimizer.iterations)
    assert steps < 50 if stops else steps > 250


def test_no_time_at_all_is_an_error():
    with pytest.raises(NoTimeError):
        make().fit(Plan(1, seconds=-1.0))


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(NotFiniteError, match="nan"):
        make(y=np.full_like(Y, np.nan)).fit(Plan(2))


def test_a_loss_that_explodes_later_keeps_the_best_epoch():
    trainer = make(replace(RECIPE, batch_size=320))
    validations = []

    def validate():
        validations.append(1)
        if len(validations) == 2:
            trainer.model.layers[-1].bias.assign([np.inf])
        return 0.5 if len(validations) == 1 else 0.4, OUTPUTS

    training = trainer.fit(Plan(400), validate)
    assert training.score == 0.5
    assert all(np.isfinite(v).all() for v in training.variables[:2])


def test_predictions_do_not_depend_on_the_other_rows():
    model = make().model
    everything = compile_predict(model, X)(X)
    one = compile_predict(model, X[7:8])(X[7:8])
    assert everything.shape == (320, 1)
    np.testing.assert_array_equal(everything[7:8], one)


@pytest.mark.parametrize("n_rows", [1, 31, 33])
def test_fewer_rows_than_a_batch_train_too(n_rows):
    training = make(x=X[:n_rows], y=Y[:n_rows]).fit(Plan(2))
    assert np.isfinite(training.curve[-1][1])


def test_how_many_steps_a_call_takes_changes_nothing(monkeypatch):
    together = make().fit(Plan(3))
    monkeypatch.setattr("skautonas.estimation.trainer.CHUNK_BYTES", 1)
    one_by_one = make().fit(Plan(3))
    for one, two in zip(together.variables, one_by_one.variables, strict=True):
        np.testing.assert_array_equal(one, two)

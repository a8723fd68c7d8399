"""Brackets and rungs, with members that fail, and spaces that end."""

import json
from collections import Counter

import keras_tuner
import pytest

from skautonas._compat import silence_oracle
from skautonas.search.oracle import OracleAdapter
from skautonas.strategy.hyperband import HyperbandOracle
from tests.asking import end

# Members of the rungs of one round of brackets: 9, 3, 1; 5, 1; 3 (Li et al. 2018).
ONE_ROUND = {1 / 9: 9, 1 / 3: 3 + 5, 1.0: 1 + 1 + 3}


def space(values=None):
    hp = keras_tuner.HyperParameters()
    if values:
        hp.Choice("x", values)
    else:
        hp.Float("x", 0.0, 1.0)
    return hp


def make(hp=None, rungs=3, **options):
    oracle = HyperbandOracle(
        rungs=rungs,
        objective=keras_tuner.Objective("score", "max"),
        hyperparameters=hp or space(),
        max_trials=10_000,
        seed=3,
        **options,
    )
    oracle.max_consecutive_failed_trials = None
    silence_oracle(oracle)
    return OracleAdapter(oracle, [])


def search(adapter, count, fails=lambda proposal: False, outstanding=1):
    """Return the proposals in the order in which they were told."""
    waiting, told, number = [], [], 0
    while len(told) < count:
        while len(waiting) < outstanding and number < count:
            proposal = adapter.ask(number)
            if proposal is None:
                break
            waiting.append(proposal)
            number += 1
        if not waiting:
            break
        proposal = waiting.pop(0)
        told.append(proposal)
        if fails(proposal):
            adapter.tell(proposal.number, None, "no")
        else:
            adapter.tell(proposal.number, proposal.values["x"], None)
    adapter.close()
    return told


def test_by_default_there_are_two_rungs():
    oracle = HyperbandOracle(objective=keras_tuner.Objective("score", "max"))
    told = search(make(rungs=oracle.rungs), 6)
    assert Counter(p.share for p in told) == {1 / 3: 3, 1.0: 1 + 2}


@pytest.mark.parametrize("outstanding", [1, 4])
def test_a_round_has_the_sizes_of_the_paper(outstanding):
    told = search(make(), 22, outstanding=outstanding)
    if outstanding == 1:
        assert Counter(p.share for p in told) == ONE_ROUND
    many = search(make(), 220, outstanding=outstanding)
    counts = Counter(p.share for p in many)
    for share, size in ONE_ROUND.items():
        assert counts[share] == pytest.approx(10 * size, abs=5)


def test_the_best_third_goes_on():
    told = search(make(), 13)
    first = [p for p in told if p.share == 1 / 9]
    best = sorted(first, key=lambda p: -p.values["x"])[:3]
    second = [p for p in told if p.share == 1 / 3][:3]
    # Before all nine are there: the best of seven is the third of nine at worst.
    assert {p.parent for p in second} == {p.number for p in best}
    (last,) = [p for p in told if p.share == 1.0][:1]
    assert last.parent in {p.number for p in second}
    parents = {p.number: p for p in told}
    for p in second:
        assert p.values == parents[p.parent].values


@pytest.mark.parametrize("n_failed", [3, 6, 8, 9])
def test_failed_members_do_not_starve_the_next_rung(n_failed):
    def fails(proposal):
        return (
            proposal.number < 30
            and proposal.share == 1 / 9
            and (len(failed) < n_failed and not failed.append(proposal.number))
        )

    failed = []
    told = search(make(), 60, fails)
    assert len(told) == 60
    members = {p.number for p in told if p.share == 1 / 9} - set(failed)
    first_bracket = sorted(p.number for p in told if p.share == 1 / 9)[:9]
    promoted = {p.parent for p in told if p.share == 1 / 3}
    survivors = set(first_bracket) & members
    assert len(promoted & survivors) == min(3, len(survivors))
    assert sum(p.share == 1.0 for p in told) > 5


def test_a_small_space_stops_after_its_promotions():
    hp = space([0.1, 0.2, 0.3, 0.4])
    told = search(make(hp), 100)
    assert sorted(p.values["x"] for p in told if p.parent is None) == [
        0.1,
        0.2,
        0.3,
        0.4,
    ]
    full = [p for p in told if p.share == 1.0]
    assert [p.values["x"] for p in full] == [0.4]
    assert len(told) < 10


@pytest.mark.parametrize(("max_epochs", "rungs"), [(1, 1), (2, 1), (3, 2), (27, 3)])
def test_rungs_fit_the_epochs(max_epochs, rungs):
    told = search(make(max_epochs=max_epochs), 40)
    assert len({p.share for p in told}) == rungs
    assert max(p.share for p in told) == 1.0


def test_a_member_that_is_to_be_tried_again_is_waited_for():
    oracle = make(max_retries_per_trial=1).oracle
    first, *others = [oracle.create_trial(f"slot{index}") for index in range(9)]
    end(oracle, first, None, status="INVALID")
    for trial in others[:6]:
        end(oracle, trial, 0.5)
    # Six of nine are there: that the first failed once is no end of it.
    assert not oracle._may_promote(oracle._brackets[0], 0)
    again = oracle.create_trial("slot9")
    assert again.trial_id == first.trial_id
    end(oracle, again, 0.6)
    assert oracle.create_trial("next").hyperparameters.values["tuner/trial_id"] == (
        first.trial_id
    )


def test_only_those_that_can_be_promoted_are_kept():
    adapter = make()
    numbers = list(range(6))
    for number in numbers:
        proposal = adapter.ask(number)
        adapter.tell(number, proposal.values["x"], None)
    assert len(adapter.resumable()) == 3
    adapter.close()


def test_rows_are_a_fidelity_without_parents():
    told = search(make(fidelity="rows"), 22)
    assert Counter(p.rows for p in told) == ONE_ROUND
    assert all(p.share == 1.0 and p.parent is None for p in told)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"max_epochs": 0}, "max_epochs of at least 1"),
        ({"factor": 1}, "factor of at least 2"),
        ({"rungs": 0}, "rungs of at least 1"),
        ({"fidelity": "time"}, "'epochs' or 'rows'"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        make(**option)


def test_it_goes_on_from_its_state():
    one, two = make(), make()
    for number in range(8):
        proposal = one.ask(number)
        one.tell(number, proposal.values["x"], None)
    state = json.loads(json.dumps(one.oracle.get_state()))
    trials = dict(one.oracle.trials)
    two.oracle.trials = trials  # as KerasTuner does, which keeps them by themselves
    two.oracle.set_state(state)
    trial_id = "next"
    assert one.oracle.populate_space(trial_id) == two.oracle.populate_space(trial_id)
    for adapter in (one, two):
        adapter.close()

"""The contracts of a search strategy, each a check of a factory of oracles."""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras_tuner
import numpy as np

from skautonas.strategy.own_values import (
    EPOCHS,
    INITIAL_EPOCH,
    PARENT,
    configuration_key,
    split_values,
)
from skautonas.testing.durability import (
    check_reload,
    check_reload_while_running,
    check_retries,
)
from skautonas.testing.search import Factory, Search, large_space, small_space, truth

# A trial of a check of 2000 may take so long, or the check would take hours.
MOST_SECONDS = 1.0
# So many standard errors that means are apart may be luck.
LUCK = 3.0


def check_max_trials(factory: Factory) -> None:
    """As many trials as asked for, and then no more."""
    search = Search(factory, large_space(), 7, score=truth).run(100)
    assert len(search.tried) == 7, f"{len(search.tried)} trials in place of 7"
    assert search.status == "STOPPED", f"it says {search.status} in place of STOPPED"


def check_new_configurations(factory: Factory) -> None:
    """No configuration twice at one fidelity, and all of them before the end."""
    try_all(factory, outstanding=1)


def try_all(factory: Factory, outstanding: int) -> Search:
    """Search a small space to its end; nothing may come twice or be left out."""
    search = Search(factory, small_space(), 500)
    while (is_new := search.ask()) or search.running:
        attempts = search.attempts
        assert len(set(attempts)) == len(attempts), (
            f"with {outstanding} trials at once, {search.tried[-1]} was tried twice"
        )
        if len(search.running) == outstanding or not is_new:
            search.tell()
    n_tried = len(set(search.configurations))
    assert n_tried == 20, (
        f"with {outstanding} trials at once, {n_tried} of 20 configurations were tried "
        "before the end"
    )
    again = search.oracle.create_trial("another").status
    assert again == search.status, (
        f"with {outstanding} trials at once, it said {search.status} and then {again}"
    )
    return search


def check_exhaustion(factory: Factory) -> None:
    """Where all was tried it stops, without an error, and goes on saying so."""
    search = try_all(factory, outstanding=1)
    assert search.status == "STOPPED", f"it says {search.status} in place of STOPPED"


def check_outstanding_trials(factory: Factory) -> None:
    """With up to 16 trials running, it proposes others, and waits rather than stops."""
    for outstanding in (2, 4, 16):
        try_all(factory, outstanding)
        search = Search(factory, large_space(), 40, score=truth).run(40, outstanding)
        assert len(search.tried) == 40, (
            f"with {outstanding} trials running, it stopped after {len(search.tried)} "
            "of 40"
        )


def check_failures(factory: Factory) -> None:
    """Failed trials are trials: the search goes on, and is not drawn to them."""
    for kinds in ({"b"}, {"a", "b", "c"}):

        def score(values: dict[str, Any], kinds: set[str] = kinds) -> float | None:
            return None if values["kind"] in kinds else truth(values)

        search = Search(factory, large_space(), 30, score=score).run(30, 2)
        assert len(search.tried) == 30, f"it stopped after {len(search.tried)} of 30"
        failed = sum(values["kind"] == "b" for values in search.tried)
        # Of random ones a third; more than these in one case of ten thousand.
        assert failed <= 20 or len(kinds) > 1, (
            f"{failed} of 30 are of the kind that fails"
        )


def check_bad_scores(factory: Factory) -> None:
    """Scores that are infinite or no numbers do not end the search."""
    for bad in (float("nan"), float("inf"), float("-inf")):

        def score(values: dict[str, Any], bad: float = bad) -> float | None:
            return bad if values["deep"] else truth(values)

        search = Search(factory, large_space(), 30, score=score).run(30, 2)
        assert len(search.tried) == 30, (
            f"with scores of {bad} it stopped after {len(search.tried)} of 30"
        )


def check_equal_scores(factory: Factory) -> None:
    """Scores that are all the same do not end the search."""
    search = Search(factory, large_space(), 30, score=lambda values: 0.5).run(30)
    assert len(search.tried) == 30, f"it stopped after {len(search.tried)} of 30"


def check_seeds(factory: Factory) -> None:
    """Search the same again with the same seed, be it 0."""
    for seed in (0, 1, 12345):
        one, same = (
            Search(factory, large_space(), 25, seed, score=truth).run(25, 3).tried
            for _ in range(2)
        )
        assert one == same, f"with seed {seed}, two searches differ"


def check_generators(factory: Factory) -> None:
    """Draw from generators of its own, and leave those of Python and NumPy."""
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    Search(factory, large_space(), 10, score=truth).run(10)
    after = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert after == before, "it changed the state of `random` or `numpy.random`"


def check_direction(factory: Factory) -> None:
    """To minimise the negative of a score is to maximise it, and leads to more of it.

    That is, to no less than to minimise the score does, as far as luck does not reach.
    """
    most, negative, least = (
        Search(factory, large_space(), 60, direction=direction, score=score).run(60)
        for direction, score in [
            ("max", truth),
            ("min", lambda values: -truth(values)),
            ("min", truth),
        ]
    )
    assert most.tried == negative.tried, (
        "to maximise a score and to minimise its negative it tries different things: "
        "compare by self.gain(trial), greater is better, not by trial.score"
    )
    above, below = (
        np.array([truth(values) for values in search.tried[len(search.tried) // 2 :]])
        for search in (most, least)
    )
    errors = [scores.std() / np.sqrt(len(scores)) for scores in (above, below)]
    assert above.mean() >= below.mean() - LUCK * np.hypot(*errors), (
        f"the later half of 60 trials scores {above.mean():.2f} where the score is to "
        f"be maximised, and {below.mean():.2f} where it is to be minimised"
    )


def check_conditions(factory: Factory) -> None:
    """Active hyperparameters have an offered value, inactive ones have none."""
    search = Search(factory, large_space(), 60, score=truth).run(60)
    for values in search.tried:
        values, _ = split_values(values)
        offered: dict[str, Callable[[Any], bool]] = {
            "kind": lambda value: value in ("a", "b", "c"),
            "momentum": lambda value: 0.0 <= value <= 1.0,
            "units": lambda value: isinstance(value, int) and 8 <= value <= 512,
            "deep": lambda value: isinstance(value, bool),
        }
        if values["kind"] == "b":
            offered["depth"] = lambda value: isinstance(value, int) and 1 <= value <= 9
            offered["rate"] = lambda value: 1e-4 <= value <= 1e-1
        assert set(values) == set(offered), (
            f"{values} has other names than {sorted(offered)}"
        )
        for name, is_offered in offered.items():
            assert is_offered(values[name]), (
                f"it proposes {name}={values[name]!r}, which is not offered"
            )


def check_steps(factory: Factory) -> None:
    """Of ranges in steps, each value is tried, and none between two."""
    hp = keras_tuner.HyperParameters()
    hp.Float("dropout", 0.0, 0.5, step=0.1)
    hp.Int("units", 2, 8, step=3)
    search = Search(factory, hp, 100).run(100)
    tried = {(round(10 * v["dropout"], 6), v["units"]) for v in search.tried}
    expected = {(tenth, units) for tenth in range(6) for units in (2, 5, 8)}
    assert tried <= expected, f"{tried - expected} is between two steps"
    assert tried == expected, f"{expected - tried} is never tried"


def check_rungs(factory: Factory) -> None:
    """Go on with trials that were completed, from where they were, and the better."""
    search = Search(factory, large_space(), 60, score=truth).run(60, 2)
    promoted, trials = set(), search.oracle.trials
    for number, values in enumerate(search.tried):
        if PARENT not in values:
            continue
        parent = trials.get(values[PARENT])
        assert getattr(parent, "status", None) == "COMPLETED", (
            f"trial {number} goes on with {values[PARENT]!r}, which was not completed"
        )
        before = parent.hyperparameters.values
        assert configuration_key(before) == configuration_key(values), (
            f"trial {number} goes on with another configuration, {values} with {before}"
        )
        assert before[EPOCHS] == values[INITIAL_EPOCH] < values[EPOCHS], (
            f"trial {number} goes on from epoch {values[INITIAL_EPOCH]} until "
            f"{values[EPOCHS]}, with a trial of {before[EPOCHS]} epochs"
        )
        promoted.add(values[PARENT])
    if promoted:
        left = [t.score for name, t in trials.items() if name not in promoted]
        best = statistics.median(trials[name].score for name in promoted)
        rest = statistics.median(left)
        assert best > rest, f"what goes on scores {best:.3f}, what does not {rest:.3f}"


def check_single_values(factory: Factory) -> None:
    """Hyperparameters of one value are proposed with it, and do not end the search."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("only", [3])
    hp.Fixed("fixed", "x")
    hp.Int("same", 5, 5)
    search = Search(factory, hp, 20).run(20)
    assert set(search.configurations) == {
        frozenset({("only", 3), ("fixed", "x"), ("same", 5)})
    }, f"it tried {search.tried}"
    hp.Float("x", 0.0, 1.0)
    search = Search(factory, hp, 8, score=lambda values: values["x"]).run(8)
    assert len(search.tried) == 8, f"it stopped after {len(search.tried)} of 8"


def check_growth(factory: Factory) -> None:
    """Take no longer for a suggestion than is linear in the number of trials."""
    search = Search(factory, large_space(), 2000, score=truth)
    seconds: list[float] = []
    while len(search.tried) < 2000:
        start = time.perf_counter()
        if not search.ask():
            break
        search.tell()
        seconds.append(time.perf_counter() - start)
        latest = statistics.median(seconds[-20:])
        assert latest < MOST_SECONDS, (
            f"a trial takes {latest:.2f} s after {len(seconds)} of 2000"
        )
    assert len(seconds) == 2000, f"it stopped after {len(seconds)} of 2000"
    early = statistics.median(seconds[400:600])
    late = statistics.median(seconds[-200:])
    assert late < 1.5 * 4 * early, (
        f"a trial takes {1e3 * late:.1f} ms at the end, {1e3 * early:.1f} ms after 500"
    )


CHECKS: dict[str, Callable[[Factory], None]] = {
    check.__name__: check
    for check in (
        check_max_trials,
        check_new_configurations,
        check_exhaustion,
        check_outstanding_trials,
        check_failures,
        check_bad_scores,
        check_equal_scores,
        check_seeds,
        check_generators,
        check_direction,
        check_reload,
        check_reload_while_running,
        check_retries,
        check_conditions,
        check_steps,
        check_rungs,
        check_single_values,
        check_growth,
    )
}

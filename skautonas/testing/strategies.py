"""The contracts of a search strategy, as checks that anybody may run on theirs."""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas._compat import save_oracle_in, silence_oracle

OBJECTIVE = "score"
Factory = Callable[..., keras_tuner.Oracle]


def check_strategy(
    factory: Factory, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check that an oracle keeps all contracts of a strategy.

    Parameters
    ----------
    factory : callable
        ``factory(objective=, hyperparameters=, max_trials=, seed=)`` returns a fresh
        `keras_tuner.Oracle`; a class of oracles does.
    expected_failed_checks : mapping of str to str, optional
        Checks that are known to fail, with reasons.

    Raises
    ------
    AssertionError
        Where a check fails that was not expected to, or the other way round. It names
        all of them.
    """
    expected = dict(expected_failed_checks or {})
    unknown = set(expected) - set(CHECKS)
    if unknown:
        raise ValueError(
            f"Expected names of checks, of {sorted(CHECKS)}; received "
            f"{sorted(unknown)}."
        )
    failed = {}
    for name, check in CHECKS.items():
        try:
            check(factory)
        except Exception as error:
            failed[name] = error
    problems = [
        f"{name}: {type(error).__name__}: {error}"
        for name, error in failed.items()
        if name not in expected
    ]
    problems += [
        f"{name}: passes, though it was expected to fail ({expected[name]})"
        for name in expected
        if name not in failed
    ]
    if problems:
        raise AssertionError("\n".join(problems)) from next(iter(failed.values()), None)


class Search:
    """A loop over an oracle, with trials that are evaluated by a function.

    Parameters
    ----------
    factory : callable
        Of the oracle.
    hp : keras_tuner.HyperParameters
        Space.
    max_trials : int
        Of the oracle.
    seed : int
        Of the oracle.
    direction : {"max", "min"}
        Of the objective.
    score : callable
        ``score(values)`` returns a number, or None for a failure.
    folder : str, optional
        Where the oracle saves itself; nowhere without it.
    """

    def __init__(
        self,
        factory: Factory,
        hp: keras_tuner.HyperParameters,
        max_trials: int,
        seed: int = 1,
        direction: str = "max",
        score: Callable[[dict[str, Any]], float | None] = lambda values: 0.0,
        folder: str | None = None,
    ) -> None:
        self.oracle = factory(
            objective=keras_tuner.Objective(OBJECTIVE, direction),
            hyperparameters=hp,
            max_trials=max_trials,
            seed=seed,
        )
        self.oracle.max_consecutive_failed_trials = None
        if folder is None:
            silence_oracle(self.oracle)
        else:
            self.oracle.verbose = 0
            save_oracle_in(self.oracle, folder)
        self.score = score
        self.running: list[Trial] = []
        self.tried: list[dict[str, Any]] = []
        self.status = "RUNNING"

    def ask(self) -> bool:
        """Ask for a trial; return whether there was one."""
        trial = self.oracle.create_trial(f"slot-{len(self.tried)}")
        self.status = trial.status
        if trial.status == "RUNNING":
            self.running.append(trial)
            self.tried.append(dict(trial.hyperparameters.values))
        return trial.status == "RUNNING"

    def tell(self) -> None:
        """End the trial that has run for the longest."""
        trial = self.running.pop(0)
        score = self.score(trial.hyperparameters.values)
        with warnings.catch_warnings():
            # KerasTuner takes the greatest of what may be no number.
            warnings.simplefilter("ignore", RuntimeWarning)
            if score is None:
                trial.status = "FAILED"
            else:
                self.oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
                trial.status = "COMPLETED"
            self.oracle.end_trial(trial)

    def run(self, count: int, outstanding: int = 1) -> "Search":
        """Try so many configurations, some at once, or as many as there are."""
        while len(self.tried) < count:
            while len(self.running) < min(outstanding, count) and self.ask():
                if len(self.tried) == count:
                    break
            if not self.running:
                break
            self.tell()
        while self.running:
            self.tell()
        return self

    @property
    def configurations(self) -> list[frozenset]:
        """What was tried, without what the oracle adds for its own use."""
        return [
            frozenset(item for item in values.items() if "tuner/" not in item[0])
            for values in self.tried
        ]

    @property
    def attempts(self) -> list[frozenset]:
        """What was tried, at which fidelity."""
        return [
            frozenset(
                item
                for item in values.items()
                if "tuner/" not in item[0] or item[0] == "tuner/epochs"
            )
            for values in self.tried
        ]


def small_space() -> keras_tuner.HyperParameters:
    """Return a conditional space of 20 configurations."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("depth", 1, 4)
    hp.Choice("size", [16, 32])
    hp.Boolean("deep")
    return hp


def large_space() -> keras_tuner.HyperParameters:
    """Return a conditional space with ranges."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b", "c"])
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("depth", 1, 9)
        hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("momentum", 0.0, 1.0)
    hp.Int("units", 8, 512, sampling="log")
    hp.Boolean("deep")
    return hp


def truth(values: dict[str, Any]) -> float:
    """Score a configuration of `large_space`."""
    score = -abs(values["momentum"] - 0.7) + (values["kind"] == "b") * 0.5
    return score - abs(values["units"] - 128) / 512 + 0.1 * values["deep"]


def check_max_trials(factory: Factory) -> None:
    """As many trials as asked for, and then no more."""
    search = Search(factory, large_space(), 7, score=truth).run(100)
    assert len(search.tried) == 7, f"{len(search.tried)} trials in place of 7"
    assert search.status == "STOPPED", f"it says {search.status} in place of STOPPED"


def check_new_configurations(factory: Factory) -> None:
    """No configuration twice at one fidelity, and all of them before the end."""
    search = Search(factory, small_space(), 500).run(500)
    attempts = search.attempts
    assert len(set(attempts)) == len(attempts), "a configuration was tried twice"
    n_tried = len(set(search.configurations))
    assert n_tried == 20, f"{n_tried} of 20 configurations were tried before the end"


def check_exhaustion(factory: Factory) -> None:
    """Where all was tried it stops, without an error, and goes on saying so."""
    search = Search(factory, small_space(), 500).run(500)
    assert search.status == "STOPPED", f"it says {search.status} in place of STOPPED"
    search.ask()
    assert search.status == "STOPPED", "it stopped, and then did not"


def check_outstanding_trials(factory: Factory) -> None:
    """With up to 16 trials running, it proposes others, and waits rather than stops."""
    for outstanding in (2, 4, 16):
        search = Search(factory, small_space(), 500).run(500, outstanding)
        attempts = search.attempts
        assert len(set(attempts)) == len(attempts), (
            f"with {outstanding} trials running, a configuration was tried twice"
        )
        n_tried = len(set(search.configurations))
        assert n_tried == 20, (
            f"with {outstanding} trials running, {n_tried} of 20 configurations were "
            "tried before the end"
        )
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


def check_direction(factory: Factory) -> None:
    """To minimise the negative of a score is to maximise it."""
    most = Search(factory, large_space(), 30, score=truth).run(30)
    least = Search(
        factory, large_space(), 30, direction="min", score=lambda v: -truth(v)
    ).run(30)
    assert most.tried == least.tried, "the two searches differ"


def check_reload(factory: Factory) -> None:
    """Propose what it would have, saved and loaded after any number of trials."""
    for count in (0, 1, 5, 12, 20):
        with tempfile.TemporaryDirectory() as folder:
            search, other = (
                Search(factory, large_space(), 60, score=truth, folder=folder)
                for _ in range(2)
            )
            search.run(count, 2).oracle.save()
            other.oracle.reload()
        silence_oracle(search.oracle)
        silence_oracle(other.oracle)
        expected = search.oracle.populate_space("next")
        received = other.oracle.populate_space("next")
        assert received == expected, (
            f"after {count} trials it proposes {received} in place of {expected}"
        )


def check_reload_while_running(factory: Factory) -> None:
    """Trials that ran when it was saved are tried again, and it goes on after them."""
    with tempfile.TemporaryDirectory() as folder:
        search, other = (
            Search(factory, large_space(), 12, score=truth, folder=folder)
            for _ in range(2)
        )
        search.run(5, 2)
        for _ in range(3):
            search.ask()
        search.oracle.save()
        other.oracle.reload()
        other.run(7, 2)
    again = {
        frozenset(trial.hyperparameters.values.items()) for trial in search.running
    }
    first = {frozenset(values.items()) for values in other.tried[:3]}
    assert first == again, "what ran when it was saved is not what is tried first"
    assert len(other.tried) == 7, f"it tried {len(other.tried)} of the 7 that were left"


def check_conditions(factory: Factory) -> None:
    """Active hyperparameters have an offered value, inactive ones have none."""
    search = Search(factory, large_space(), 60, score=truth).run(60)
    for values in search.tried:
        values = {name: v for name, v in values.items() if "tuner/" not in name}
        names = {"kind", "momentum", "units", "deep"}
        if values["kind"] == "b":
            names |= {"depth", "rate"}
        assert set(values) == names, f"{values} has other names than {sorted(names)}"
        assert values["kind"] in ("a", "b", "c"), f"{values} has another kind"
        assert 8 <= values["units"] <= 512, f"{values} is out of the range of units"
        assert isinstance(values["units"], int), f"{values}: units is no int"
        assert 0.0 <= values["momentum"] <= 1.0, f"{values} is out of its range"


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
    seconds = []
    while len(search.tried) < 2000:
        start = time.perf_counter()
        if not search.ask():
            break
        search.tell()
        seconds.append(time.perf_counter() - start)
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
        check_direction,
        check_reload,
        check_reload_while_running,
        check_conditions,
        check_single_values,
        check_growth,
    )
}

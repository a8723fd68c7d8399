"""A search without trainings, and spaces, for the checks of a strategy."""

import warnings
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas._compat import save_oracle_in, silence_oracle
from skautonas.strategy.own_values import EPOCHS, OWN_PREFIX, configuration_key

OBJECTIVE = "score"
Factory = Callable[..., keras_tuner.Oracle]


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
        if not isinstance(self.oracle, keras_tuner.Oracle):
            raise TypeError(
                "Expected factory to return a keras_tuner.Oracle; received "
                f"{type(self.oracle).__name__}."
            )
        self.oracle.max_consecutive_failed_trials = None
        if folder is None:
            silence_oracle(self.oracle)
        else:
            self.oracle.verbose = 0
            save_oracle_in(self.oracle, folder)
        self.oracle.populate_space = _checked(self.oracle.populate_space)
        self.score = score
        self.running: list[Trial] = []
        self.tried: list[dict[str, Any]] = []
        self.status = "RUNNING"

    def ask(self) -> bool:
        """Ask for a trial; return whether there is one. It believes a STOPPED."""
        if self.status == "STOPPED":
            return False
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
            while (
                len(self.running) < outstanding
                and len(self.tried) < count
                and self.ask()
            ):
                pass
            if not self.running:
                break
            self.tell()
        while self.running:
            self.tell()
        return self

    @property
    def configurations(self) -> list[frozenset]:
        """What was tried, without what the oracle adds for its own use."""
        return [configuration_key(values) for values in self.tried]

    @property
    def attempts(self) -> list[frozenset]:
        """What was tried, at which fidelity."""
        return [
            frozenset(
                item
                for item in values.items()
                if not item[0].startswith(OWN_PREFIX) or item[0] == EPOCHS
            )
            for values in self.tried
        ]


def _checked(populate_space: Callable[[str], Any]) -> Callable[[str], Any]:
    """Have a method say what it should return, where it returns something else."""

    def checked(trial_id: str) -> Any:
        try:
            response = populate_space(trial_id)
        except NotImplementedError as error:
            raise AssertionError("it has no method populate_space(trial_id)") from error
        if not isinstance(response, dict) or "status" not in response:
            raise AssertionError(
                f"populate_space returned {response!r} in place of a dict with status "
                "and values, as self.propose(values) returns it"
            )
        return response

    return checked


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

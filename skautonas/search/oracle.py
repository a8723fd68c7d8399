"""Ask and tell over a KerasTuner oracle."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras_tuner
from keras_tuner.oracles import GridSearchOracle
from sklearn.exceptions import ConvergenceWarning

from skautonas import _compat
from skautonas.search.proposal import Proposal
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.own_values import EPOCHS, PARENT, split_values
from skautonas.strategy.registry import OBJECTIVE
from skautonas.strategy.wrapper import innermost, takes_trials


class OracleAdapter:
    """Drives an oracle from one thread, and has it try known starts first.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        Fresh oracle; owned by this adapter from now on. What it sets as
        ``tuner/epochs`` counts as a share of its longest rung.
    starts : iterable of mappings
        Complete configurations that replace the oracle's first own ones; with
        KerasTuner's grid search, those that are in its grid.
    """

    def __init__(
        self, oracle: keras_tuner.Oracle, starts: Iterable[Mapping[str, Any]]
    ) -> None:
        self.oracle = oracle
        self.exhausted = False
        self._starts = [dict(start) for start in starts]
        if isinstance(innermost(oracle), GridSearchOracle):
            # It looks up in its grid what was tried.
            grid = {p.name: list(p.values) for p in oracle.hyperparameters.space}
            self._starts = [
                start
                for start in self._starts
                if all(value in grid[name] for name, value in start.items())
            ]
        if isinstance(innermost(oracle), SearchOracle):
            innermost(oracle).n_starts = len(self._starts)
        self._populate = oracle.populate_space
        self._asked = 0
        self._trials: dict[int, Any] = {}
        self._numbers: dict[str, int] = {}
        oracle.populate_space = self._populate_from_starts
        _compat.copy_space_cheaply(oracle.hyperparameters)

    def ask(
        self, number: int, recorded: Mapping[str, Any] | None = None
    ) -> Proposal | None:
        """Return the next configuration, or None where there is none for now.

        Parameters
        ----------
        number : int
            Of the trial that it will be.
        recorded : mapping, optional
            The configuration that this trial had, where a search goes on: it stands in
            for the oracle's own, should that have drawn another one this time.
        """
        self._asked += 1
        trial = self._call(self.oracle.create_trial, f"slot-{self._asked}")
        if trial.status == "STOPPED":
            self.exhausted = True
        if trial.status != "RUNNING":
            return None
        values = trial.hyperparameters.values
        active, own = split_values(values)
        if recorded is not None and recorded != active:
            active = dict(recorded)
            trial.hyperparameters.values = active | own
        self._trials[number] = trial
        self._numbers[trial.trial_id] = number
        fidelity = 1.0
        if EPOCHS in own:
            longest = getattr(self.oracle, "longest_rung", None)
            longest = longest or self.oracle.max_epochs  # KerasTuner's
            fidelity = min(1.0, own[EPOCHS] / longest)
        if getattr(self.oracle, "fidelity", "epochs") == "rows":
            return Proposal(number, active, rows=fidelity)
        parent = self._numbers.get(own.get(PARENT, ""))
        return Proposal(number, active, share=fidelity, parent=parent)

    def tell(self, number: int, score: float | None, error: str | None) -> None:
        """Report the score of a trial, or that it failed.

        Parameters
        ----------
        number : int
            As `ask` was given it.
        score : float or None
            Greater is better; None where the trial failed.
        error : str or None
            Why it failed.
        """
        trial = self._trials.pop(number)
        if score is None:
            trial.status, trial.message = "FAILED", error
        else:
            self._call(self.oracle.update_trial, trial.trial_id, {OBJECTIVE: score})
            trial.status = "COMPLETED"
        self._call(self.oracle.end_trial, trial)

    def resumable(self) -> set[int]:
        """Return the finished trials that may be the parent of a later one.

        All of them, where the oracle does not tell.
        """
        tells = getattr(self.oracle, "resumable", None)
        if tells is None:
            return set(self._numbers.values())
        return {self._numbers[trial_id] for trial_id in tells()}

    def close(self) -> None:
        """Free the oracle."""
        _compat.release_oracle(self.oracle)

    def _call(self, method: Any, *arguments: Any) -> Any:
        try:
            with warnings.catch_warnings():
                # Nothing that a user of the search could act on: KerasTuner's Gaussian
                # process warns of its kernel's bounds, and its lock of old spellings.
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.filterwarnings(
                    "ignore", category=DeprecationWarning, module="keras_tuner"
                )
                return method(*arguments)
        except BaseException:
            _compat.release_oracle(self.oracle)
            raise

    def _populate_from_starts(self, trial_id: str) -> dict[str, Any]:
        """Return the next start while there is one, then what the oracle proposes."""
        if self._starts and takes_trials(self.oracle):
            return {"status": "RUNNING", "values": self._starts.pop(0)}
        # Of others a start takes the place of what they draw: on the rung of their
        # choice, or as KerasTuner's grid search counts on what it proposed.
        response = self._populate(trial_id)
        values = response.get("values")
        if not self._starts or response["status"] != "RUNNING" or PARENT in values:
            return response
        tried = (trial.hyperparameters.values for trial in self.oracle.trials.values())
        if values in tried:  # once more, what `RepeatedTrials` repeats
            return response
        _, own = split_values(values)
        return {"status": "RUNNING", "values": self._starts.pop(0) | own}

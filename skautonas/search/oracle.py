"""Ask and tell over a KerasTuner oracle."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras_tuner
from sklearn.exceptions import ConvergenceWarning

from skautonas import _compat
from skautonas.search.proposal import Proposal
from skautonas.strategy.registry import OBJECTIVE


class OracleAdapter:
    """Drives an oracle from one thread, and has it try known starts first.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        Fresh oracle; owned by this adapter from now on.
    starts : iterable of mappings
        Complete configurations that replace the oracle's first own ones.
    """

    def __init__(
        self, oracle: keras_tuner.Oracle, starts: Iterable[Mapping[str, Any]]
    ) -> None:
        self.oracle = oracle
        self.exhausted = False
        self._starts = [dict(start) for start in starts]
        self._populate = oracle.populate_space
        self._asked = 0
        oracle.populate_space = self._populate_from_starts

    def ask(self) -> Proposal | None:
        """Return the next configuration, or None where there is none for now."""
        self._asked += 1
        trial = self._call(self.oracle.create_trial, f"slot-{self._asked}")
        if trial.status == "STOPPED":
            self.exhausted = True
        if trial.status != "RUNNING":
            return None
        values = trial.hyperparameters.values
        epochs = values.get("tuner/epochs")
        active = {
            name: value
            for name, value in values.items()
            if not name.startswith("tuner/")
        }
        return Proposal(trial, active, epochs)

    def tell(self, proposal: Proposal, score: float | None, error: str | None) -> None:
        """Report the score of a configuration, or that it failed.

        Parameters
        ----------
        proposal : Proposal
            As `ask` returned it.
        score : float or None
            Greater is better; None where the trial failed.
        error : str or None
            Why it failed.
        """
        trial = proposal.handle
        if score is None:
            trial.status, trial.message = "FAILED", error
        else:
            self._call(self.oracle.update_trial, trial.trial_id, {OBJECTIVE: score})
            trial.status = "COMPLETED"
        self._call(self.oracle.end_trial, trial)

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
        """Replace a configuration that the oracle drew freely by the next start."""
        response = self._populate(trial_id)
        values = response.get("values")
        drawn = response["status"] == "RUNNING" and "tuner/trial_id" not in values
        if not drawn or not self._starts:
            return response
        fidelity = {k: v for k, v in values.items() if k.startswith("tuner/")}
        return {"status": "RUNNING", "values": self._starts.pop(0) | fidelity}

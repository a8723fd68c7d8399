"""A wrapper that tries each configuration several times."""

from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from skautonas.strategy.options import check_least
from skautonas.strategy.wrapper import WrapperOracle


class RepeatedTrials(WrapperOracle):
    """Tries each configuration several times: the oracle is told the mean score.

    For scores that are noisy, as on few validation rows. Each time has another seed.
    What the oracle learns is less noisy; the winner of a fit is still its best trial.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask, without rungs, as what goes on would go on with one of several;
        and without a rule that stops trials, which goes around this one.
    repeats : int, default=3
        How often; the noise of a mean falls with its root.

    Raises
    ------
    ValueError
        Where ``repeats`` is below 1, or the oracle has rungs or stops trials.
    """

    # One of the other oracle's is several here.
    passes_steps = False

    def __init__(self, oracle: keras_tuner.Oracle, repeats: int = 3) -> None:
        super().__init__(oracle)
        check_least(1, repeats=repeats)
        if hasattr(oracle, "max_epochs"):
            raise ValueError(
                f"Expected an oracle without rungs; received {type(oracle).__name__}."
            )
        if getattr(oracle, "pruner", None) is not None:
            raise ValueError(
                "Expected an oracle that stops no trials; received "
                f"{type(oracle).__name__}, which does. Put MedianStopping around "
                "RepeatedTrials."
            )
        self.repeats = repeats
        # The other oracle's trial that is repeated now.
        self._latest = ""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the latest configuration until it was tried so often, then the next.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` and ``values``.
        """
        same = self.inner_trials.outer_trials(self._latest)
        if same and len(same) < self.repeats:
            first = self.trials[same[0]]
            self.inner_trials.asked[trial_id] = self._latest
            # What was tried, if a start took the place of what the oracle proposed.
            return {"status": "RUNNING", "values": dict(first.hyperparameters.values)}
        response = super().populate_space(trial_id)
        self._latest = self.inner_trials.asked.get(trial_id, "")
        return response

    def report(self, trial: Trial) -> None:
        """Tell the oracle the mean score of a configuration, when all of it is there.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        inner = self.inner_trials.asked.get(trial.trial_id)
        if inner is None:  # a start, which is tried once
            super().report(trial)
            return
        same = self.inner_trials.outer_trials(inner)
        begun = [self.trials[i] for i in same if i in self.trials]
        ended = [t for t in begun if t.status in ("COMPLETED", "FAILED")]
        if len(ended) < self.repeats:
            return
        completed = [t for t in ended if t.status == "COMPLETED"]
        if completed:
            mean = float(np.mean([t.score for t in completed]))
            self.inner_trials.tell(inner, completed[0], mean)
        else:
            self.inner_trials.tell(inner, trial)

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data.
        """
        return super().get_state() | {"latest": self._latest}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what this adds to the state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        self._latest = state["latest"]

"""What all oracles of ours have that those of KerasTuner lack."""

from typing import Any

import keras_tuner

from skautonas._compat import has_project, make_picklable


class PortableOracle(keras_tuner.Oracle):
    """An oracle that pickles, and saves itself only where it was told a place.

    `keras_tuner.Tuner` tells one; a loop of your own need not.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of."""
        make_picklable(self)
        return vars(self).copy()

    def save(self) -> None:
        """Save the state, where a tuner has told a directory for it."""
        if has_project(self):
            super().save()

    def _save_trial(self, trial: Any) -> None:
        if has_project(self):
            super()._save_trial(trial)

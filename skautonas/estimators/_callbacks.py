"""What scikit-learn's callbacks are told of a search."""

import warnings
from typing import TYPE_CHECKING, Any

from skautonas._compat import callback_context
from skautonas.exceptions import SkautonasWarning
from skautonas.report.trials import record
from skautonas.search.trial import Trial

if TYPE_CHECKING:
    from skautonas.estimators._base import BaseSearch


class SearchCallbacks:
    """The callbacks of one fit, set by ``set_callbacks`` or by a meta-estimator.

    The fit is their root task, and each trial that has finished a task "trial" of it,
    which begins and ends then. One that raises ends their calls, not the search.

    Parameters
    ----------
    search : BaseSearch
        Estimator that is fitted; in a hook its ``trials_`` are those that this fit has
        finished so far.
    X, y : array-like
        What it is fitted on.
    """

    def __init__(self, search: "BaseSearch", X: Any, y: Any) -> None:
        self._search = search
        self._data = {"X": X, "y": y}
        # A directory may bring further trials, that an earlier fit began.
        most = search.max_trials if search.directory is None else None
        self._root = callback_context(search, most)
        self._silent = False

    def fit_begins(self) -> None:
        """Tell that the search begins."""
        self._search.trials_ = []
        self._call(self._root.call_on_fit_task_begin, **self._data)

    def trial_ended(self, trial: Trial) -> bool:
        """Tell of a finished trial; return whether the search is to stop."""
        self._search.trials_.append(record(trial))
        task = self._root.subcontext(task_name="trial", task_id=trial.number)
        self._call(task.call_on_fit_task_begin)
        return self._call(task.call_on_fit_task_end)

    def fit_ended(self) -> None:
        """Tell that the estimator is fitted; hooks may have a copy of it."""
        self._call(
            self._root.call_on_fit_task_end, **self._data, reconstruction_attributes={}
        )

    def _call(self, hooks: Any, **arguments: Any) -> bool:
        if self._silent:
            return False
        try:
            return hooks(estimator=self._search, **arguments) is True
        except Exception as error:
            self._silent = True
            warnings.warn(
                f"A callback raised {type(error).__name__}: {error}. No callback is "
                "called any more in this fit, which goes on.",
                SkautonasWarning,
                stacklevel=2,
            )
            return False
